//! MobileNet V1 with hand-written forward and backward passes.
//!
//! Tensors are `f32` in the order batch, height, width, channels (NHWC), so a pointwise
//! convolution is one matrix product and every other loop runs over adjacent channels.
//! A ghost batch goes through each layer in pieces that stay in the caches, and what follows
//! batch norm and ReLU6 is computed anew where it is needed, which saves memory and time.
//! Matrix products are the `gemm` crate's; the loops of [`depthwise`] and [`batch_norm`] are compiled for AVX-512, AVX2 and the
//! baseline, and chosen when the program runs.

pub mod architecture;
pub mod backend;
pub mod backward;
pub mod batch_norm;
pub mod depthwise;
pub mod forward;
pub mod head;
pub mod matmul;
pub mod narrow;
mod pages;
mod pieces;
pub mod stem;
mod unfold;
pub mod weights;
pub mod workspace;

pub use architecture::{Architecture, Kind, Layer};
pub use backend::Backend;
pub use forward::{Statistics, forward};
pub use narrow::narrow;
pub use unfold::unfold;
pub use weights::Weights;
pub use workspace::Workspace;
