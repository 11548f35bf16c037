//! The first layer's 3x3 convolution of one channel, as a matrix product.

use super::Layer;

/// Writes the 3x3 patch under every output of `n` pictures: rows of nine, as many as the
/// layer has outputs. What lies beyond the edge is zero.
pub fn patches(layer: &Layer, n: usize, x: &[f32], out: &mut [f32]) {
    let (side, out_side, pad) = (layer.in_side, layer.out_side, layer.pad_before());
    let area = out_side * out_side;
    for (i, patch) in out[..n * area * 9].chunks_exact_mut(9).enumerate() {
        let (picture, oy, ox) = (i / area, i / out_side % out_side, i % out_side);
        let pixels = &x[picture * side * side..][..side * side];
        for (k, value) in patch.iter_mut().enumerate() {
            // What lies before the edge wraps round, and so is beyond the other one.
            let y = (oy * layer.stride + k / 3).wrapping_sub(pad);
            let x = (ox * layer.stride + k % 3).wrapping_sub(pad);
            *value = if y < side && x < side {
                pixels[y * side + x]
            } else {
                0.0
            };
        }
    }
}
