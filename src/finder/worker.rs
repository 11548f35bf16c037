//! A thread on which a detector looks while frames pass.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use super::scan::{Job, Outcome};
use crate::detect::Detector;
use crate::frame::GrayImage;
use crate::{Error, Result};

/// A picture and what to look for in it.
type Order = (GrayImage, Job);

/// A detector on its own thread. It has one order at a time; none is queued.
pub(super) struct Worker {
    /// `None` only while the worker ends.
    orders: Option<SyncSender<Order>>,
    outcomes: Receiver<(GrayImage, Outcome)>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
    /// Whether the outcome under way is of no interest any more.
    stale: bool,
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
                for (image, job) in inbox {
                    let outcome = job.run(&mut *detector, &image);
                    if outbox.send((image, outcome)).is_err() {
                        break;
                    }
                }
            })
            .map_err(|e| Error::Setting(format!("no thread for detection: {e}")))?;
        Ok(Self {
            orders: Some(orders),
            outcomes,
            thread: Some(thread),
            busy: false,
            stale: false,
        })
    }

    /// Whether an order is under way.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// Has the detector look at `image`. To be called only when the worker is not busy.
    pub fn order(&mut self, image: GrayImage, job: Job) -> Result<()> {
        let orders = self.orders.as_ref().ok_or_else(ended)?;
        orders.send((image, job)).map_err(|_| ended())?;
        self.busy = true;
        Ok(())
    }

    /// What the detector saw since the last call, with the picture in which it did; never
    /// waits.
    pub fn outcome(&mut self) -> Result<Option<(GrayImage, Outcome)>> {
        match self.outcomes.try_recv() {
            Ok(outcome) => {
                self.busy = false;
                let stale = std::mem::take(&mut self.stale);
                Ok(Some(outcome).filter(|_| !stale))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(ended()),
        }
    }

    /// Drops the outcome of the order under way.
    pub fn forget(&mut self) {
        self.stale = self.busy;
    }
}

impl Drop for Worker {
    /// Ends the thread, after the scan under way if there is one.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic on the thread has been reported by the panic handler.
            let _ = thread.join();
        }
    }
}

fn ended() -> Error {
    Error::Setting("the detection thread has ended".into())
}
