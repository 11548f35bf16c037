//! Networks of convolutions, computed on the processor.
//!
//! ```text
//! ONNX graph ── lower ──> steps ── memory ──> Network::run
//! ```
//!
//! A graph is read once, for one size of picture: all shapes are known then, what depends on
//! no picture is computed, activations and norms become part of the convolutions before them,
//! weights are laid out for the kernels, and each value gets its place in memory. Pictures
//! pass with their channels together (batch, height, width, channels). A network is run for as
//! many pictures at once as there are, and by as many threads at once as like to.

mod attributes;
mod constant;
mod fold;
mod kernels;
mod lower;
mod memory;
mod network;
mod step;

pub use network::Network;

/// Whether this processor has vector instructions that the kernels were made and measured for.
pub fn is_tuned() -> bool {
    kernels::Isa::best() != kernels::Isa::Portable
}
