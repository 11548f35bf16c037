//! What training makes small: softmax cross-entropy and center loss, with island loss as a
//! further pull on the centers.

pub mod center;
pub mod softmax;

pub use center::{CenterConfig, Centers, Convention};
