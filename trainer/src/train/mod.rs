//! The training loop.

pub mod config;
mod ghost;
mod plan;
mod predict;
mod trainer;

pub use config::{Balance, Config, Stage};
pub use predict::{accuracy, predict};
pub use trainer::{BatchReport, EpochReport, Observer, Outcome, Progress, Trainer};
