//! The training loop.

mod ahead;
pub mod config;
mod device;
mod ghost;
mod plan;
mod predict;
mod preset;
mod report;
mod show;
mod start;
mod teacher;
mod trainer;

pub use config::{Balance, Config, Stage};
pub use device::Device;
pub use predict::{accuracy, balanced_accuracy, features, is_right, predict, predict_shown};
pub use preset::Preset;
pub use report::{BatchReport, EpochReport, Observer, Outcome};
pub use start::{Fit, start};
pub use teacher::SoftLabels;
pub use trainer::{Progress, Trainer};
