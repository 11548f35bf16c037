//! Matrix products of bfloat16 values, summed in `f32`, on processors that have an
//! instruction for them (AVX512-BF16: Zen 4 and later, Cooper Lake, Sapphire Rapids).
//!
//! bfloat16 keeps the range of `f32`'s normal numbers, smaller ones being zero, and 8 bits of
//! its mantissa.

use anyhow::{Result, ensure};

#[cfg(not(target_arch = "x86_64"))]
mod none;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(not(target_arch = "x86_64"))]
pub use none::Bf16;
#[cfg(target_arch = "x86_64")]
pub use x86::Bf16;

/// Steps of the sum that are done at once. Products of a little more take two rounds.
pub(super) const DEPTH: usize = 512;

/// Checks that this processor has the instructions.
///
/// # Errors
/// When it has not.
pub fn check() -> Result<()> {
    ensure!(
        Bf16::is_available(),
        "bfloat16 needs a processor with AVX512-BF16; use --precision f32"
    );
    Ok(())
}
