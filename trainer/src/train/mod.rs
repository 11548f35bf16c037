//! The training loop.

mod device;
mod loader;
mod observer;
mod plan;
mod predict;
mod prefetch;
mod start;
mod state;
mod step;
mod teacher;
mod trainer;

pub use device::Device;
pub use observer::{BatchReport, Observer, Outcome};
pub use predict::{accuracy, balanced_accuracy, features, is_right, predict, predict_views};
pub use start::start;
pub use state::{load_state, resume, save_epoch, save_state};
pub use teacher::SoftLabels;
pub use trainer::{Progress, Trainer};
