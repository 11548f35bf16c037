//! Facial expression recognition for video: face detection, tracking, preparation
//! of the network's input, inference, and the model file.
//!
//! The crate knows nothing of GStreamer. Data flows one way:
//!
//! ```text
//! Frame ── faces::FaceFinder ──> [Face] ── Classifier ──> [Prediction] ── smooth::Smoother
//!            detect + track                  prepare + engine
//! ```
//!
//! All boxes are in pixels of the frame, with the origin in the top left corner.

pub mod classify;
pub mod engine;
mod error;
pub mod faces;
pub mod frame;
mod geometry;
mod loaded;
pub mod model;
mod nn;
pub mod onnx;
pub mod pipe;
pub mod prepare;
mod rotate;
mod scale;
mod secret;
pub mod smooth;
mod sync;

pub use classify::{Classifier, Prediction};
pub use error::{Error, Result};
pub use faces::{Face, FaceFinder};
pub use frame::Frame;
pub use geometry::{FaceBox, Point, Rect};
pub use model::Model;
pub use secret::Secret;
