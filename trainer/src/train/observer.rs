//! What a run tells whoever watches it.

use super::Trainer;
use crate::Result;
use crate::artifact::EpochReport;

/// What an observer is told after every step.
#[derive(Debug, Clone, Copy)]
pub struct BatchReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Steps done in it.
    pub batch: u64,
    /// Steps of an epoch.
    pub batches: u64,
    /// Pictures of a step.
    pub pictures: usize,
    /// Mean cross-entropy in the epoch so far.
    pub softmax: f64,
    /// Mean center loss in the epoch so far.
    pub center: f64,
    /// Training accuracy in the epoch so far.
    pub accuracy: f64,
}

/// Is told how a run goes.
pub trait Observer {
    /// After every step.
    fn batch(&mut self, report: &BatchReport);

    /// After every epoch; `best` tells whether no earlier one was as good.
    ///
    /// # Errors
    /// What it returns ends the run.
    fn epoch(&mut self, trainer: &Trainer, report: &EpochReport, best: bool) -> Result<()>;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// Validation has not become better for as long as the recipe's patience.
    NoLongerBetter,
    /// Asked to stop; the run can be resumed.
    Stopped,
}
