//! The thread that sends records, so that the streaming thread never waits for a disk or a
//! network.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

#[cfg(feature = "kafka")]
use super::kafka;
use super::lines::{self, Target};
#[cfg(feature = "mqtt")]
use super::mqtt;
use super::queue::Queue;
use super::reporter::Reporter;

/// How a worker sends.
pub enum Means {
    /// Lines to a file.
    Lines(Target),
    /// Messages to a broker.
    #[cfg(feature = "mqtt")]
    Mqtt(Box<mqtt::Sender>),
    /// Messages to a cluster.
    #[cfg(feature = "kafka")]
    Kafka(Box<kafka::Sender>),
}

/// A thread that sends.
pub struct Worker {
    queue: Arc<Queue>,
    /// Hangs up when the thread has ended.
    end: Receiver<()>,
}

/// What a worker gets beyond its deadline to come to its end.
const GRACE: Duration = Duration::from_millis(300);

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(means: Means, queue: Arc<Queue>, reporter: Reporter) -> std::io::Result<Self> {
        let (alive, end) = channel::<()>();
        let shared = queue.clone();
        std::thread::Builder::new()
            .name("ferpublish".to_owned())
            .spawn(move || {
                // Held to the end of the thread.
                let _alive = alive;
                fer::pipe::ignore_broken_ones();
                match means {
                    Means::Lines(target) => lines::run(&target, &shared, &reporter),
                    #[cfg(feature = "mqtt")]
                    Means::Mqtt(sender) => mqtt::run(&sender, &shared, &reporter),
                    #[cfg(feature = "kafka")]
                    Means::Kafka(sender) => kafka::run(&sender, &shared, reporter),
                }
            })?;
        Ok(Self { queue, end })
    }

    /// Has the thread send what is left and end, within `limit`, and gives how many records
    /// could not be sent. A thread that hangs in the system nevertheless is left behind, with
    /// nothing but the queue.
    pub fn stop(self, limit: Duration) -> u64 {
        self.queue.close(Instant::now() + limit);
        // Nothing ever comes: the end is a hang-up, and a thread that hangs is none.
        let _ = self.end.recv_timeout(limit + GRACE);
        let left = self.queue.counts().queued;
        self.queue.give_up();
        left
    }
}
