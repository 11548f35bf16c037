//! Two-stage fine-tuning of MobileNet V1 for facial expressions.
//!
//! Data flows one way:
//!
//! ```text
//! data ──> [Sample] ── train (augment, nn, loss, optim) ──> run folder ── export ──> ONNX ── eval
//! ```
//!
//! and so do modules know each other: `artifact` (weights, recipe, metrics, the run folder) is known
//! by `train`, that by `eval` and `export`, those by `report`, and all by the program.
//!
//! # Why a backend of our own
//!
//! Training runs on the CPU in [`nn`], a few hundred lines of forward and backward passes
//! for this one network, and not in a general framework (`docs/performance.md` has its rate
//! beside PyTorch's). There depthwise convolutions and batch norm, which are cheap to compute
//! and dear to move through memory, dominate unless they are fused and run over adjacent
//! channels. Written for this layout, they no longer matter, and nearly
//! all time is left in matrix products, which the `gemm` crate computes. All gradients are
//! checked in the tests against finite differences and against Burn's autodiff.
//!
//! On other devices the same training loop asks Burn instead, behind [`nn::Backend`].
//!
//! A batch is split into *ghost batches* (Hoffer et al. 2017) that have their own batch
//! norm statistics and run on a thread each. Gradients are added in the order of the ghost
//! batches, so that the number of threads changes nothing in the result.

#[macro_use]
mod error;

pub mod artifact;
pub mod augment;
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "flex"))]
pub mod burn;
pub mod data;
pub mod degrade;
pub mod draw;
pub mod eval;
pub mod export;
pub mod loss;
pub mod nn;
pub mod optim;
mod ranges;
pub mod report;
pub mod rng;
pub mod train;

pub use error::{Error, Result};

/// Height and width of the network's input in pixels.
pub const SIDE: usize = 48;
