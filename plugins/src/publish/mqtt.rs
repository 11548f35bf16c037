//! Messages to an MQTT broker (3.1.1), each confirmed by it (QoS 1). What was not when the
//! connection broke is sent again, in the same order, so that a record may come twice and none
//! is left out.
//!
//! `TOPIC/status` is `online` or `offline`, retained: the broker says `offline` by itself where
//! the connection breaks (last will).

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ClientError, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, Outgoing, Packet, QoS,
};

use super::location::Broker;
use super::queue::{Queue, Task};
use super::reporter::Reporter;

/// Messages that may be unconfirmed at a time.
const UNDER_WAY: usize = 64;
/// Room in the client's own queue, for those and for status and farewell.
const ROOM: usize = UNDER_WAY + 4;
/// A broker that says nothing for twice as long is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// For a connection, and for a write that the broker does not read. In seconds.
const TIMEOUT: u64 = 5;
/// Pause after a failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection's settings.
pub struct Sender {
    options: MqttOptions,
    broker: Broker,
}

impl Sender {
    /// Settings for `broker`.
    ///
    /// # Errors
    /// A text for the user, where the certificates can't be read.
    pub fn new(broker: Broker) -> Result<Self, String> {
        // At most 23 letters and digits, as every broker takes them.
        let id: String = gst::glib::uuid_string_random()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(18)
            .collect();
        let mut options = MqttOptions::new(format!("fer{id}"), &broker.host, broker.port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_inflight(ROOM as u16);
        // Nothing is subscribed to; what is sent may be as long as MQTT allows.
        options.set_max_packet_size(10 * 1024, 268_435_455);
        let will = LastWill::new(status(&broker.topic), "offline", QoS::AtLeastOnce, true);
        options.set_last_will(will);
        if let Some((user, password)) = &broker.user {
            options.set_credentials(user, password.reveal());
        }
        if broker.tls {
            encrypt(&mut options, &broker)?;
        }
        Ok(Self { options, broker })
    }
}

#[cfg(not(feature = "mqtts"))]
fn encrypt(_: &mut MqttOptions, _: &Broker) -> Result<(), String> {
    unreachable!("refused with the location")
}

#[cfg(feature = "mqtts")]
fn encrypt(options: &mut MqttOptions, broker: &Broker) -> Result<(), String> {
    let config = super::tls::config(broker.certificates.as_deref())?;
    options.set_transport(rumqttc::Transport::tls_with_config(
        rumqttc::TlsConfiguration::Rustls(config),
    ));
    Ok(())
}

fn status(topic: &str) -> String {
    format!("{topic}/status")
}

/// Sends the records of `queue` until it ends.
pub fn run(sender: &Sender, queue: &Queue, reporter: &Reporter) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(why) => {
            queue.give_up();
            reporter.warn("Records can't be sent", &why.to_string());
            return;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            () = keep_sending(sender, queue, reporter) => (),
            () = end(queue) => (),
        }
    });
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
}

/// Waits until the worker is to end, whatever is left.
async fn end(queue: &Queue) {
    let deadline = queue.closed().await;
    tokio::time::sleep_until(deadline.into()).await;
}

/// Makes connection after connection, until the queue has ended.
async fn keep_sending(sender: &Sender, queue: &Queue, reporter: &Reporter) {
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        let published = queue.counts().published;
        let outcome = session(sender, queue, || {
            told = false;
            reporter.log("connected");
        })
        .await;
        queue.set_connected(false);
        let why = match outcome {
            Ok(()) => return,
            Err(why) => why,
        };
        if queue.counts().published > published {
            pause = FIRST_PAUSE;
        }
        if std::mem::replace(&mut told, true) {
            reporter.log(&format!("another attempt failed: {why}"));
        } else {
            reporter.warn(&headline(sender, &why), &format!("{why}; trying again"));
        }
        tokio::time::sleep(pause.min(FIRST_PAUSE)).await;
        tokio::select! {
            () = tokio::time::sleep(pause - pause.min(FIRST_PAUSE)) => (),
            () = queue.urgent() => (),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What went wrong, for the user.
fn headline(sender: &Sender, why: &ConnectionError) -> String {
    let Broker { host, port, .. } = &sender.broker;
    match why {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => format!("The broker at {host}:{port} takes neither this user nor password"),
        ConnectionError::ConnectionRefused(_) => {
            format!("The broker at {host}:{port} refuses the connection")
        }
        _ => format!("No connection to the broker at {host}:{port}"),
    }
}

/// One connection: sends until the queue has ended, or the connection.
async fn session(
    sender: &Sender,
    queue: &Queue,
    connected: impl FnOnce(),
) -> Result<(), ConnectionError> {
    let (client, mut events) = AsyncClient::new(sender.options.clone(), ROOM);
    let mut network = events.network_options();
    network.set_connection_timeout(TIMEOUT);
    events.set_network_options(network);
    // Connects, and is confirmed by the broker.
    events.poll().await?;
    queue.set_connected(true);
    connected();
    // Brokers confirm in the order of arrival (MQTT 3.1.1, 4.6): whether the messages that are
    // not yet confirmed are records.
    let records = Cell::new(VecDeque::new());
    // Neither part may be broken off in the middle of a message: both run until one ends.
    tokio::select! {
        outcome = receive(&mut events, queue, &records) => outcome,
        why = feed(&client, &sender.broker.topic, queue, &records) => {
            // The client's queue has room for all that may be in it.
            debug_assert!(why.is_ok(), "{why:?}");
            Err(ConnectionError::RequestsDone)
        }
    }
}

/// Whether the messages under way are records.
type Kinds = Cell<VecDeque<bool>>;

fn change<T>(kinds: &Kinds, change: impl FnOnce(&mut VecDeque<bool>) -> T) -> T {
    let mut all = kinds.take();
    let result = change(&mut all);
    kinds.set(all);
    result
}

/// Keeps the connection going; ends when it has been closed from here.
async fn receive(
    events: &mut EventLoop,
    queue: &Queue,
    records: &Kinds,
) -> Result<(), ConnectionError> {
    loop {
        let event = events.poll().await?;
        if event == Event::Outgoing(Outgoing::Disconnect) {
            return Ok(());
        }
        let is_confirmed = matches!(event, Event::Incoming(Packet::PubAck(_)));
        if is_confirmed && change(records, VecDeque::pop_front) == Some(true) {
            queue.sent();
        }
    }
}

/// Hands records to the client; when there are no more, says farewell and waits.
async fn feed(
    client: &AsyncClient,
    topic: &str,
    queue: &Queue,
    records: &Kinds,
) -> Result<(), ClientError> {
    let tell = |text: &str| {
        change(records, |all| all.push_back(false));
        client.try_publish(status(topic), QoS::AtLeastOnce, true, text)
    };
    tell("online")?;
    while let Task::Send(line) = queue.next_of(UNDER_WAY).await {
        change(records, |all| all.push_back(true));
        client.try_publish(topic, QoS::AtLeastOnce, false, line.to_vec())?;
    }
    tell("offline")?;
    client.try_disconnect()?;
    std::future::pending().await
}
