//! How good a model is, as it will be used: through the library's own classifier.

pub mod folds;
pub mod metrics;
pub mod runner;
pub mod stats;

pub use folds::{Fold, folds};
pub use metrics::{ClassMetrics, Interval, Metrics};
pub use runner::{Evaluation, evaluate};
pub use stats::{McNemar, Spread};
