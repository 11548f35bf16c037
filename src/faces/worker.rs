//! A thread on which a detector looks while frames pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::detect::Detector;
use super::scan::{Job, Outcome};
use crate::frame::GrayImage;
use crate::{Error, Result};

/// How long the end of a worker waits for the scan under way, which can't be broken off.
/// A usual scan takes a tenth of it.
const FAREWELL: Duration = Duration::from_millis(100);
/// How often who waits looks up whether to go on.
const GLANCE: Duration = Duration::from_millis(10);

/// A picture and what to look for in it.
struct Order {
    image: GrayImage,
    job: Job,
    /// Set when the outcome is of no interest any more.
    cancelled: Arc<AtomicBool>,
}

/// A detector on its own thread. It has one order at a time; none is queued.
pub(super) struct Worker {
    /// `None` only while the worker ends.
    orders: Option<SyncSender<Order>>,
    outcomes: Receiver<(GrayImage, Outcome)>,
    thread: Option<JoinHandle<()>>,
    /// The order under way, by the flag that cancels it.
    under_way: Option<Arc<AtomicBool>>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Setting`] when the system gives no thread.
    pub fn start(mut detector: Box<dyn Detector>) -> Result<Self> {
        let (orders, inbox) = sync_channel::<Order>(1);
        let (outbox, outcomes) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("fer-detect".into())
            .spawn(move || {
                for order in inbox {
                    let cancelled = || order.cancelled.load(Ordering::Relaxed);
                    let outcome = order.job.run(&mut *detector, &order.image, cancelled);
                    if outbox.send((order.image, outcome)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|e| Error::Setting(format!("no thread for detection: {e}")))?;
        Ok(Self {
            orders: Some(orders),
            outcomes,
            thread: Some(thread),
            under_way: None,
        })
    }

    /// Whether an order is under way.
    pub fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Has the detector look at `image`. To be called only when the worker is not busy.
    pub fn order(&mut self, image: GrayImage, job: Job) -> Result<()> {
        let orders = self.orders.as_ref().ok_or_else(ended)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let order = Order {
            image,
            job,
            cancelled: cancelled.clone(),
        };
        orders.send(order).map_err(|_| ended())?;
        self.under_way = Some(cancelled);
        Ok(())
    }

    /// What the detector saw since the last call, with the picture in which it did. An order
    /// under way is waited for, at most for `patience` and until `hurried` is set.
    pub fn outcome(
        &mut self,
        patience: Duration,
        hurried: &AtomicBool,
    ) -> Result<Option<(GrayImage, Outcome)>> {
        let start = Instant::now();
        while self.is_busy() {
            let left = patience.saturating_sub(start.elapsed());
            match self.outcomes.recv_timeout(left.min(GLANCE)) {
                Ok(outcome) => {
                    let order = self.under_way.take();
                    let stale = order.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed));
                    return Ok(Some(outcome).filter(|_| !stale));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if left <= GLANCE || hurried.load(Ordering::Relaxed) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
        Ok(None)
    }

    /// Drops the outcome of the order under way, and ends it after the scan that it is at.
    pub fn forget(&mut self) {
        if let Some(cancelled) = &self.under_way {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Worker {
    /// Ends the thread. One that is in a long scan is left to end by itself: who stops a
    /// stream does not wait for it.
    fn drop(&mut self) {
        self.forget();
        self.orders = None;
        let deadline = Instant::now() + FAREWELL;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.outcomes.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return,
            }
        }
        if let Some(thread) = self.thread.take() {
            // A panic on the thread has been reported by the panic handler.
            let _ = thread.join();
        }
    }
}

fn ended() -> Error {
    Error::Setting("the detection thread has ended".into())
}
