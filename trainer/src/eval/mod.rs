//! How good a model is, as it will be used, through the library's own classifier; and how good a
//! recipe is, on folds that are trained for it.

pub mod corruptions;
pub mod cross;
pub mod folds;
pub mod metrics;
pub mod pca;
pub mod runner;
pub mod stats;
pub mod votes;

pub use corruptions::{Robustness, robustness};
pub use cross::{
    FoldEnd, FoldId, Pooled, Predictions, SeededFolds, Setting, by_subject, cross_validate,
};
pub use folds::{Fold, Protocol, folds};
pub use metrics::{ClassMetrics, Interval, Metrics, wilson};
pub use runner::{Evaluation, evaluate};
pub use stats::{BySubject, McNemar, Spread, bootstrap};
pub use votes::{Agreement, agreement};
