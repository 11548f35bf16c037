//! The training loop.

pub mod config;
mod ghost;
mod plan;
mod predict;
mod preset;
mod start;
mod trainer;

pub use config::{Balance, Config, Stage};
pub use predict::{accuracy, features, predict};
pub use preset::Preset;
pub use start::{Fit, start};
pub use trainer::{BatchReport, EpochReport, Observer, Outcome, Progress, Trainer};
