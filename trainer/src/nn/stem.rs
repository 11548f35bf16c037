//! The first layer's 3x3 convolution of one channel, stride 2, as a matrix product.

use crate::SIDE;

/// Rows of the patch matrix for one picture.
pub const PATCHES: usize = (SIDE / 2) * (SIDE / 2);

/// Writes the 3x3 patch under every output of `n` pictures: `n` x [`PATCHES`] rows of
/// nine. What lies beyond the bottom and right edge is zero.
pub fn patches(n: usize, x: &[f32], out: &mut [f32]) {
    let side = SIDE / 2;
    for (i, patch) in out[..n * PATCHES * 9].chunks_exact_mut(9).enumerate() {
        let (picture, oy, ox) = (i / PATCHES, i / side % side, i % side);
        let pixels = &x[picture * SIDE * SIDE..][..SIDE * SIDE];
        for (k, value) in patch.iter_mut().enumerate() {
            let (y, x) = (oy * 2 + k / 3, ox * 2 + k % 3);
            *value = if y < SIDE && x < SIDE {
                pixels[y * SIDE + x]
            } else {
                0.0
            };
        }
    }
}
