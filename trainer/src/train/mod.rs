//! The training loop.

pub mod config;
mod ghost;
mod plan;
mod predict;
mod preset;
mod start;
mod teacher;
mod trainer;

pub use config::{Balance, Config, Stage};
pub use predict::{accuracy, features, predict, predict_shown};
pub use preset::Preset;
pub use start::{Fit, start};
pub use teacher::SoftLabels;
pub use trainer::{BatchReport, EpochReport, Observer, Outcome, Progress, Trainer};
