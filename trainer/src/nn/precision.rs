//! How exactly matrix products are computed in training.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Format of the factors of the pointwise convolutions' matrix products in training passes.
/// Their sums, everything else in the network, and the weights that the optimiser moves are
/// `f32` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// bfloat16, 8 bits of mantissa, where the processor can multiply them (AVX512-BF16).
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}
