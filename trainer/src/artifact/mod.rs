//! What a run leaves behind: weights, the recipe and the metrics, and the folder that holds them.

mod config;
mod exported;
mod metrics;
mod network;
mod preset;
mod run_folder;
mod tensors;

pub use config::{Balance, Config, Shape, Stage};
pub use exported::is_builtin;
pub use metrics::EpochReport;
pub use network::{Network, weights_file};
pub use preset::Preset;
pub use run_folder::RunFolder;
pub use tensors::{WeightsFile, classes_text, load, save};
