//! What is kept of every epoch.

use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Steps since the start.
    pub step: u64,
    /// Learning rate of the last step.
    pub lr: f32,
    /// Mean cross-entropy over the epoch.
    pub softmax: f64,
    /// Mean center loss over the epoch.
    pub center: f64,
    /// Accuracy on the changed pictures that were trained on.
    pub train_accuracy: f64,
    /// Accuracy on the validation part of the averaged weights.
    pub accuracy: f64,
    /// The same, the mean over the classes. Older runs did not measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_balanced: Option<f64>,
    /// The same with the probabilities of picture and mirrored picture averaged.
    pub accuracy_mirrored: f64,
    /// Accuracy on the validation part of the weights as they are.
    pub accuracy_raw: f64,
    /// Pictures trained on in a second.
    pub rate: f64,
    /// Seconds that the epoch took, with validation.
    pub seconds: f64,
    /// What drawing the pictures cost. On the processor: its share of the time of all ghost
    /// batches. On a device, for which pictures are drawn ahead: the share of the training
    /// time in which it waited for them. Older runs did not measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawing: Option<f64>,
}
