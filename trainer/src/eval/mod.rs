//! How good a model is, as it will be used: through the library's own classifier.

pub mod metrics;
pub mod runner;

pub use metrics::{ClassMetrics, Interval, Metrics};
pub use runner::{Evaluation, evaluate};
