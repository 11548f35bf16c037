//! The same network on other devices, through Burn (`burn-tensor`).
//!
//! Burn's tensors choose their backend when the program runs, and its autodiff finds the
//! gradients by itself, from a forward pass that knows nothing of the hand-written one in
//! [`nn`](crate::nn). That also makes it the judge of those gradients: the tests compare the
//! two on Burn's processor backend.
//!
//! Weights go up with every pass and gradients come down after it. That is 13 MB each way at
//! width 1.0, a millisecond or two, and keeps the optimiser and all that belongs to it on
//! the host, the same for every device.

mod backend;
mod device;
mod network;
mod panics;

pub use device::{backend, check};
