//! The thread that sends records, so that the streaming thread never waits for a disk or a
//! network.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

#[cfg(feature = "kafka")]
use super::kafka;
use super::lines::{self, Target};
#[cfg(feature = "mqtt")]
use super::mqtt;
use super::queue::Queue;

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

/// Tells the user what went wrong.
pub struct Reporter {
    element: glib::WeakRef<gst::Element>,
    cat: gst::DebugCategory,
}

impl Reporter {
    /// One that posts in the name of `element`.
    pub fn new(element: &impl IsA<gst::Element>, cat: gst::DebugCategory) -> Self {
        Self {
            element: element.upcast_ref::<gst::Element>().downgrade(),
            cat,
        }
    }

    /// Posts a warning; `why` is for who looks closer.
    pub fn warn(&self, text: &str, why: &str) {
        if let Some(element) = self.element.upgrade() {
            gst::element_warning!(element, gst::ResourceError::Write, ("{text}"), ["{why}"]);
        }
    }

    /// Writes into the debug log.
    pub fn log(&self, text: &str) {
        if let Some(element) = self.element.upgrade() {
            gst::info!(self.cat, obj = element, "{text}");
        }
    }
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
