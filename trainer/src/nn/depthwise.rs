//! 3x3 convolution of each channel by itself.
//!
//! Weights are in the order row, column, channel (9 x channels). The three loops keep a
//! block of channels in registers over all taps; the gradient of the weights is summed
//! over a row before it is added to memory.

use std::ops::Range;

use multiversion::multiversion;

use super::Layer;

/// Sides, channels and padding of a depthwise layer.
#[derive(Debug, Clone, Copy)]
pub struct Geometry {
    channels: usize,
    stride: usize,
    pad: usize,
    in_side: usize,
    out_side: usize,
}

impl From<&Layer> for Geometry {
    fn from(layer: &Layer) -> Self {
        Self {
            channels: layer.outputs,
            stride: layer.stride,
            pad: layer.pad_before(),
            in_side: layer.in_side,
            out_side: layer.out_side,
        }
    }
}

impl Geometry {
    /// Taps of output row (or column) `o` that fall inside the input.
    #[inline(always)]
    fn taps(&self, o: usize) -> Range<usize> {
        let first = o * self.stride;
        self.pad.saturating_sub(first)..(self.in_side + self.pad - first).min(3)
    }

    /// Taps by which output rows (or columns) see input row `i`, the last output first, so
    /// that outputs come in rising order.
    #[inline(always)]
    fn seen_by(&self, i: usize) -> impl Iterator<Item = (usize, usize)> {
        let (at, stride, outs) = (i + self.pad, self.stride, self.out_side);
        (0..3).rev().filter_map(move |tap| {
            let first = at.checked_sub(tap)?;
            (first % stride == 0 && first / stride < outs).then_some((tap, first / stride))
        })
    }
}

#[inline(always)]
fn block<const B: usize>(data: &[f32], at: usize) -> &[f32; B] {
    data[at..at + B].try_into().expect("length is B")
}

#[inline(always)]
fn add_product<const B: usize>(sum: &mut [f32; B], a: &[f32; B], b: &[f32; B]) {
    for j in 0..B {
        sum[j] += a[j] * b[j];
    }
}

/// Runs `$body::<B>` with the widest block that divides the channels.
macro_rules! by_block {
    ($geometry:expr, $body:ident ( $($arg:expr),* )) => {
        if $geometry.channels % 32 == 0 {
            $body::<32>($($arg),*)
        } else {
            $body::<8>($($arg),*)
        }
    };
}

/// `z = x * w` for `n` pictures.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn forward(g: &Geometry, n: usize, x: &[f32], w: &[f32], z: &mut [f32]) {
    by_block!(g, forward_blocks(g, n, x, w, z));
}

#[inline(always)]
fn forward_blocks<const B: usize>(g: &Geometry, n: usize, x: &[f32], w: &[f32], z: &mut [f32]) {
    let (c, side, outs) = (g.channels, g.in_side, g.out_side);
    for (i, oy) in (0..n).flat_map(|i| (0..outs).map(move |oy| (i, oy))) {
        let rows = g.taps(oy);
        let top = (i * side + oy * g.stride) * side;
        for j in (0..c).step_by(B) {
            let w = kernel::<B>(w, c, j);
            for ox in 0..outs {
                let columns = g.taps(ox);
                let mut sum = [0.0; B];
                if rows == (0..3) && columns == (0..3) {
                    // The same without a range, so that the nine products are one block of
                    // code.
                    let first = top + ox * g.stride - g.pad * (side + 1);
                    for (k, w) in w.iter().enumerate() {
                        let from = (first + k / 3 * side + k % 3) * c + j;
                        add_product(&mut sum, block(x, from), w);
                    }
                } else {
                    for ky in rows.clone() {
                        for kx in columns.clone() {
                            let at = top + ky * side + ox * g.stride + kx - g.pad * (side + 1);
                            add_product(&mut sum, block(x, at * c + j), &w[ky * 3 + kx]);
                        }
                    }
                }
                let at = ((i * outs + oy) * outs + ox) * c + j;
                z[at..at + B].copy_from_slice(&sum);
            }
        }
    }
}

/// The nine weights of the channels from `j` on.
#[inline(always)]
fn kernel<const B: usize>(w: &[f32], c: usize, j: usize) -> [[f32; B]; 9] {
    std::array::from_fn(|k| *block(w, k * c + j))
}

/// Gradient of the input, `dx`, from that of the output, `dz`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn backward_input(g: &Geometry, n: usize, dz: &[f32], w: &[f32], dx: &mut [f32]) {
    by_block!(g, backward_input_blocks(g, n, dz, w, dx));
}

#[inline(always)]
fn backward_input_blocks<const B: usize>(
    g: &Geometry,
    n: usize,
    dz: &[f32],
    w: &[f32],
    dx: &mut [f32],
) {
    let (c, outs) = (g.channels, g.out_side);
    if g.stride == 1 {
        // The same convolution with its kernel turned round.
        let mut turned = vec![0.0; 9 * c];
        for (k, row) in turned.chunks_exact_mut(c).enumerate() {
            row.copy_from_slice(&w[(8 - k) * c..][..c]);
        }
        forward_blocks::<B>(g, n, dz, &turned, dx);
        return;
    }
    let mut at = 0;
    for i in 0..n {
        for y in 0..g.in_side {
            for x in 0..g.in_side {
                // Where the gradient and the weights of each output that sees this input
                // begin; four see it at most.
                let mut seen = [(0, 0); 4];
                let mut count = 0;
                for (ky, oy) in g.seen_by(y) {
                    for (kx, ox) in g.seen_by(x) {
                        seen[count] = (((i * outs + oy) * outs + ox) * c, (ky * 3 + kx) * c);
                        count += 1;
                    }
                }
                for j in (0..c).step_by(B) {
                    let mut sum = [0.0; B];
                    for (from, tap) in &seen[..count] {
                        add_product(&mut sum, block(dz, from + j), block(w, tap + j));
                    }
                    dx[at + j..at + j + B].copy_from_slice(&sum);
                }
                at += c;
            }
        }
    }
}

/// Adds the gradient of the weights to `dw`, from the input and the gradient of the output.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn backward_weights(g: &Geometry, n: usize, x: &[f32], dz: &[f32], dw: &mut [f32]) {
    by_block!(g, backward_weights_blocks(g, n, x, dz, dw));
}

#[inline(always)]
fn backward_weights_blocks<const B: usize>(
    g: &Geometry,
    n: usize,
    x: &[f32],
    dz: &[f32],
    dw: &mut [f32],
) {
    let (c, side, outs) = (g.channels, g.in_side, g.out_side);
    for (i, oy) in (0..n).flat_map(|i| (0..outs).map(move |oy| (i, oy))) {
        let rows = g.taps(oy);
        let top = (i * side + oy * g.stride) * side;
        let out_row = (i * outs + oy) * outs;
        for j in (0..c).step_by(B) {
            let mut sums = [[0.0; B]; 9];
            for ox in 0..outs {
                let columns = g.taps(ox);
                let dz = block(dz, (out_row + ox) * c + j);
                if rows == (0..3) && columns == (0..3) {
                    let first = top + ox * g.stride - g.pad * (side + 1);
                    for (k, sum) in sums.iter_mut().enumerate() {
                        let from = (first + k / 3 * side + k % 3) * c + j;
                        add_product(sum, block(x, from), dz);
                    }
                } else {
                    for ky in rows.clone() {
                        for kx in columns.clone() {
                            let at = top + ky * side + ox * g.stride + kx - g.pad * (side + 1);
                            add_product(&mut sums[ky * 3 + kx], block(x, at * c + j), dz);
                        }
                    }
                }
            }
            for (k, sum) in sums.iter().enumerate() {
                let total = &mut dw[k * c + j..][..B];
                for (total, sum) in total.iter_mut().zip(sum) {
                    *total += sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Padding on every side, straight from the definition.
    fn naive(g: &Geometry, n: usize, x: &[f32], w: &[f32]) -> Vec<f32> {
        let (c, side) = (g.channels as isize, g.in_side as isize);
        let mut z = Vec::new();
        for i in 0..n as isize {
            for o in 0..(g.out_side * g.out_side) as isize {
                let (oy, ox) = (o / g.out_side as isize, o % g.out_side as isize);
                for j in 0..c {
                    let tap = |k: isize| {
                        let y = oy * g.stride as isize + k / 3 - g.pad as isize;
                        let x_at = ox * g.stride as isize + k % 3 - g.pad as isize;
                        let inside = (0..side).contains(&y) && (0..side).contains(&x_at);
                        let at = ((i * side + y) * side + x_at) * c + j;
                        if inside {
                            x[at as usize] * w[(k * c + j) as usize]
                        } else {
                            0.0
                        }
                    };
                    z.push((0..9).map(tap).sum());
                }
            }
        }
        z
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
    }

    #[test]
    fn all_strides_sides_and_widths() {
        let mut rng = Rng::new(1);
        for (channels, stride, in_side) in [(8, 1, 5), (32, 1, 2), (24, 2, 6), (64, 2, 3)] {
            let g = Geometry {
                channels,
                stride,
                pad: usize::from(stride == 1 || in_side % 2 == 1),
                in_side,
                out_side: in_side.div_ceil(stride),
            };
            let n = 2;
            let mut random = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.normal()).collect() };
            let x = random(n * in_side * in_side * channels);
            let w = random(9 * channels);
            let dz = random(n * g.out_side * g.out_side * channels);

            let mut z = vec![0.0; dz.len()];
            forward(&g, n, &x, &w, &mut z);
            for (have, want) in z.iter().zip(naive(&g, n, &x, &w)) {
                assert!((have - want).abs() < 1e-4, "{g:?}: {have} {want}");
            }

            // The convolution is linear in either argument, so each gradient is the
            // transposed map: <dz, conv(x, w)> = <dx, x> = <dw, w> for any x and w.
            let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
            backward_input(&g, n, &dz, &w, &mut dx);
            backward_weights(&g, n, &x, &dz, &mut dw);
            let other_x = random(x.len());
            let other_w = random(w.len());
            let want = dot(&dz, &naive(&g, n, &other_x, &w));
            assert!((dot(&dx, &other_x) - want).abs() < 1e-3, "{g:?}");
            let want = dot(&dz, &naive(&g, n, &x, &other_w));
            assert!((dot(&dw, &other_w) - want).abs() < 1e-3, "{g:?}");
        }
    }
}
