//! Messages to a Kafka topic, each confirmed by all replicas. librdkafka sends again what was not,
//! in order and without duplicates (an idempotent producer); all records of an element have one
//! key, so that they lie in one partition and stay in their order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};

use super::location::Cluster;
use super::queue::{Queue, Task};
use super::reporter::Reporter;

/// Messages that may be unconfirmed at a time.
const UNDER_WAY: usize = 256;
/// Pause after a producer has failed for good; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A producer's settings.
pub struct Sender {
    config: ClientConfig,
    cluster: Cluster,
    key: String,
}

impl Sender {
    /// Settings for `cluster`. `key` is that of all records.
    pub fn new(cluster: Cluster, key: String) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &cluster.brokers)
            .set("client.id", "fer")
            .set("enable.idempotence", "true")
            // As long as the queue keeps them; what is too old is dropped there.
            .set("message.timeout.ms", "0")
            .set("queue.buffering.max.messages", "1000")
            // A millisecond gathers what a frame of several streams gives, and nobody notices it.
            .set("linger.ms", "1")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.ms", "250")
            .set("reconnect.backoff.max.ms", "10000");
        if let Some((user, password)) = &cluster.user {
            config
                .set("security.protocol", "SASL_PLAINTEXT")
                .set("sasl.mechanism", "PLAIN")
                .set("sasl.username", user)
                .set("sasl.password", password.reveal());
        }
        Self {
            config,
            cluster,
            key,
        }
    }
}

/// Is told of what becomes of the messages, from librdkafka's thread.
struct Fate(Arc<Connection>);

/// What the worker and librdkafka's thread know of a producer.
struct Connection {
    queue: Arc<Queue>,
    reporter: Arc<Reporter>,
    brokers: String,
    /// Whether the producer still counts: what is purged at its end is sent again by the next.
    alive: AtomicBool,
    /// Why it can't go on.
    fatal: Mutex<Option<String>>,
    /// Whether the user knows that there is no connection.
    told: AtomicBool,
    /// Whether the user knows that records are refused.
    refused: AtomicBool,
}

impl Connection {
    /// Whether a message failed with its producer, not by itself.
    fn is_over(&self, why: &KafkaError) -> bool {
        let with_producer = matches!(
            why.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::PurgeQueue
                    | RDKafkaErrorCode::PurgeInflight
                    | RDKafkaErrorCode::Fatal
            )
        );
        with_producer || self.fatal.lock().unwrap().is_some()
    }

    /// Tells that a record is refused, once until one is taken again.
    fn is_refused(&self, why: &KafkaError) {
        let text = "The brokers take no such record";
        if self.refused.swap(true, Ordering::Relaxed) {
            self.reporter.log(&format!("{text}: {why}"));
        } else {
            self.reporter.warn(text, &why.to_string());
        }
    }

    fn is_lost(&self, text: &str, why: &str) {
        if self.told.swap(true, Ordering::Relaxed) {
            self.reporter.log(&format!("{text}: {why}"));
        } else {
            self.reporter.warn(text, &format!("{why}; trying again"));
        }
        self.queue.set_reachable(false);
    }
}

impl ClientContext for Fate {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0
            .reporter
            .log(&format!("librdkafka {facility}: {text}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let connection = &self.0;
        let brokers = &connection.brokers;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                let text = format!("The brokers at {brokers} take neither this user nor password");
                connection.is_lost(&text, reason);
            }
            Some(
                // One of several that is away is none of the user's concern.
                RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Resolve,
            ) => connection.is_lost(
                &format!("No connection to the brokers at {brokers}"),
                reason,
            ),
            Some(RDKafkaErrorCode::Fatal) => {
                *connection.fatal.lock().unwrap() = Some(reason.to_owned());
            }
            _ => connection.reporter.log(&format!("{error}: {reason}")),
        }
    }
}

impl ProducerContext for Fate {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let connection = &self.0;
        if !connection.alive.load(Ordering::Relaxed) {
            return;
        }
        match result {
            Ok(_) => {
                connection.told.store(false, Ordering::Relaxed);
                connection.refused.store(false, Ordering::Relaxed);
                connection.queue.set_reachable(true);
                connection.queue.sent();
            }
            // What is thrown away with a producer that can't go on is sent again by the next.
            Err((why, _)) if connection.is_over(why) => (),
            // Reports come in the order of the messages, so it is the oldest under way.
            Err((why, _)) => {
                connection.is_refused(why);
                connection.queue.refused();
            }
        }
    }
}

/// Sends the records of `queue` until it ends.
pub fn run(sender: &Sender, queue: &Arc<Queue>, reporter: Reporter) {
    let reporter = Arc::new(reporter);
    let mut pause = FIRST_PAUSE;
    loop {
        let published = queue.counts().published;
        let Err(why) = session(sender, queue, &reporter) else {
            return;
        };
        queue.set_connected(false);
        if queue.deadline().is_some_and(|end| Instant::now() >= end) {
            return;
        }
        if queue.counts().published > published {
            pause = FIRST_PAUSE;
        }
        reporter.warn("Records can't be sent now", &format!("{why}; trying again"));
        queue.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One producer: sends until the queue has ended, or the producer can't go on.
fn session(sender: &Sender, queue: &Arc<Queue>, reporter: &Arc<Reporter>) -> Result<(), String> {
    let connection = Arc::new(Connection {
        queue: queue.clone(),
        reporter: reporter.clone(),
        brokers: sender.cluster.brokers.clone(),
        alive: AtomicBool::new(true),
        fatal: Mutex::new(None),
        told: AtomicBool::new(false),
        refused: AtomicBool::new(false),
    });
    let producer: ThreadedProducer<Fate> = sender
        .config
        .create_with_context(Fate(connection.clone()))
        .map_err(|why| why.to_string())?;
    let outcome = feed(sender, queue, &producer, &connection);
    connection.alive.store(false, Ordering::Relaxed);
    outcome
}

fn feed(
    sender: &Sender,
    queue: &Queue,
    producer: &ThreadedProducer<Fate>,
    connection: &Connection,
) -> Result<(), String> {
    while let Some(Task::Send(line)) = queue.next(UNDER_WAY) {
        if let Some(why) = connection.fatal.lock().unwrap().take() {
            return Err(why);
        }
        let record = BaseRecord::to(&sender.cluster.topic)
            .key(&sender.key)
            .payload(&line[..]);
        match producer.send(record) {
            Ok(()) => (),
            // There is room for all that may be under way; so it is the producer.
            Err((why, _))
                if matches!(
                    why.rdkafka_error_code(),
                    Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::QueueFull)
                ) =>
            {
                return Err(why.to_string());
            }
            // Too large, say, or for a topic that may not be written to.
            Err((why, _)) => {
                connection.is_refused(&why);
                queue.refused_last();
            }
        }
    }
    Ok(())
}
