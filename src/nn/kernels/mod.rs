//! What costs time: products, convolutions and pools over pictures whose channels lie together
//! (batch, height, width, channels).

mod aligned;
pub mod depthwise;
pub mod lanes;
pub mod patches;
pub mod pool;
pub mod product;

pub use aligned::Aligned;
pub use lanes::Isa;
