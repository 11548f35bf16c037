//! NVIDIA TensorRT, opened at run time: nothing of it is needed to build or to start.
//!
//! ```text
//! ONNX ── half ── builder ──> EngineFile ── cache ── run ──> Engine
//! ```
//!
//! The libraries are reached through the crate `trtx`, memory and streams of the card through
//! `cudarc`. A program is built with the feature `tensorrt` for TensorRT for RTX, or with
//! `tensorrt-classic` for TensorRT: the interface in C++ differs between the two. Without
//! either, engine files are still recognised, so that the message says what is missing.

#[cfg(feature = "tensorrt")]
mod builder;
#[cfg(feature = "tensorrt")]
pub mod cache;
#[cfg(feature = "tensorrt")]
mod cuda;
#[cfg(feature = "tensorrt")]
mod half;
#[cfg(feature = "tensorrt")]
mod library;
#[cfg(feature = "tensorrt")]
mod messages;
#[cfg(feature = "tensorrt")]
mod network;
#[cfg(feature = "tensorrt")]
mod run;
mod target;
#[cfg(feature = "tensorrt")]
mod validity;

#[cfg(feature = "tensorrt")]
pub use builder::{BuildOptions, Card, build, card, library, network};
#[cfg(feature = "tensorrt")]
pub use half::to_half;
#[cfg(feature = "tensorrt")]
pub use library::{FLAVOUR, FOLDER_VARIABLE, Library};
#[cfg(feature = "tensorrt")]
pub use network::{Layer, Network, Tensor};
#[cfg(feature = "tensorrt")]
pub use run::TensorRt;
pub use target::Target;
#[cfg(feature = "tensorrt")]
pub use validity::{Validity, validity};

use super::Engine;
use crate::model::Precision;
use crate::{Error, Model, Result};

/// Opens an engine for `model` on a card, and says which.
#[cfg(feature = "tensorrt")]
pub(super) fn open(
    model: &Model,
    device: usize,
    precision: Precision,
) -> Result<(Box<dyn Engine>, String)> {
    let engine = TensorRt::open(model, device, precision)?;
    let description = engine.description();
    Ok((Box::new(engine), description))
}

/// Says that this program was built without.
#[cfg(not(feature = "tensorrt"))]
pub(super) fn open(_: &Model, _: usize, _: Precision) -> Result<(Box<dyn Engine>, String)> {
    Err(error("this program was built without the feature tensorrt"))
}

fn error(reason: impl ToString) -> Error {
    Error::Engine {
        engine: "tensorrt",
        reason: reason.to_string(),
    }
}
