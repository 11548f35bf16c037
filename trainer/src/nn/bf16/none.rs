//! In place of the products where no instruction is known for them.

use anyhow::{Result, bail};

use super::check;
use crate::nn::matmul::Matrix;

/// Never exists.
#[derive(Debug)]
pub enum Bf16 {}

impl Bf16 {
    /// No.
    pub fn is_available() -> bool {
        false
    }

    /// Nothing.
    ///
    /// # Errors
    /// Always.
    pub fn new() -> Result<Self> {
        check()?;
        bail!("there is no bfloat16")
    }

    /// Never called.
    pub fn matmul(&mut self, _: Matrix, _: Matrix, _: &mut [f32], _: bool) {
        match *self {}
    }
}
