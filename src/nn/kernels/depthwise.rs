//! Convolution of each channel by itself.

use super::Aligned;
use super::lanes::{Isa, Lanes, by_isa};

/// Sides, channels, strides and padding of a convolution or a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the output.
    pub output: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps from one output to the next, down and right.
    pub stride: [usize; 2],
    /// Steps from one tap to the next, down and right.
    pub dilation: [usize; 2],
    /// Rows above and columns left of the input.
    pub pad: [usize; 2],
}

impl Window {
    /// The input's row (axis 0) or column (axis 1) that tap `tap` of output `out` sees; `None`
    /// where that is padding.
    #[inline(always)]
    pub fn at(&self, axis: usize, out: usize, tap: usize) -> Option<usize> {
        let at = out * self.stride[axis] + tap * self.dilation[axis];
        at.checked_sub(self.pad[axis])
            .filter(|at| *at < self.input[axis])
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Places of the input.
    pub fn input_area(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Places of the output.
    pub fn output_area(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Outputs of an axis all of whose taps are inside of the input.
    fn inner(&self, axis: usize) -> std::ops::Range<usize> {
        let reach = (self.kernel[axis] - 1) * self.dilation[axis];
        let first = self.pad[axis].div_ceil(self.stride[axis]);
        let end = match (self.input[axis] + self.pad[axis]).checked_sub(reach) {
            Some(places) => places.div_ceil(self.stride[axis]),
            None => 0,
        };
        let end = end.min(self.output[axis]);
        first.min(end)..end
    }
}

/// A depthwise convolution.
#[derive(Debug, Clone)]
pub struct Depthwise {
    isa: Isa,
    window: Window,
    channels: usize,
    /// Taps x channels.
    weights: Aligned,
    bias: Aligned,
}

impl Depthwise {
    /// One whose weights `at` reads by tap and channel.
    pub fn new(isa: Isa, window: Window, at: impl Fn(usize, usize) -> f32, bias: &[f32]) -> Self {
        let channels = bias.len();
        let weights = (0..window.taps() * channels).map(|i| at(i / channels, i % channels));
        Self {
            isa,
            window,
            channels,
            weights: weights.collect(),
            bias: bias.iter().copied().collect(),
        }
    }

    /// Convolves the pictures in `x`.
    ///
    /// # Panics
    /// When `x` or `out` is not a whole number of pictures, or not as many.
    pub fn run(&self, x: &[f32], out: &mut [f32], clamp: (f32, f32)) {
        let (from, to) = (
            self.window.input_area() * self.channels,
            self.window.output_area() * self.channels,
        );
        let pictures = x.len() / from;
        assert!(x.len() == pictures * from && out.len() == pictures * to);
        for (x, out) in x.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
            picture(self.isa, self, x, out, clamp);
        }
    }
}

by_isa!(picture = body(conv: &Depthwise, x: &[f32], out: &mut [f32], clamp: (f32, f32)));

#[inline(always)]
unsafe fn body<L: Lanes>(conv: &Depthwise, x: &[f32], out: &mut [f32], clamp: (f32, f32)) {
    let whole = conv.channels / L::N * L::N;
    // SAFETY: `Depthwise::run` has checked the lengths.
    unsafe {
        for row in 0..conv.window.output[0] {
            for channel in (0..whole).step_by(L::N) {
                block::<L>(conv, x, out, clamp, row, channel);
            }
            for channel in whole..conv.channels {
                block::<[f32; 1]>(conv, x, out, clamp, row, channel);
            }
        }
    }
}

/// Outputs of a row that are summed up together, since they see the same columns.
const TOGETHER: usize = 4;

/// One row of the output for the lanes from `channel` on.
#[inline(always)]
unsafe fn block<L: Lanes>(
    conv: &Depthwise,
    x: &[f32],
    out: &mut [f32],
    clamp: (f32, f32),
    row: usize,
    channel: usize,
) {
    let w = &conv.window;
    let three = w.kernel == [3, 3] && w.dilation == [1, 1] && w.inner(0).contains(&row);
    let columns = w.inner(1);
    // SAFETY: all places are inside of the picture, by `Window::at` and `Window::inner`, and
    // all channels below their number.
    unsafe {
        for column in 0..columns.start {
            edge::<L>(conv, x, out, clamp, (row, column), channel);
        }
        let mut column = columns.start;
        if three {
            let c = conv.channels;
            let taps = Taps::<L>::load(conv, channel, clamp);
            let top = (row * w.stride[0] - w.pad[0]) * w.input[1];
            let from = x.as_ptr().add(top * c + channel);
            let to = out.as_mut_ptr().add(row * w.output[1] * c + channel);
            let left = |column: usize| from.add((column * w.stride[1] - w.pad[1]) * c);
            let line = w.input[1] * c;
            while column + TOGETHER <= columns.end {
                let (from, to) = (left(column), to.add(column * c));
                match w.stride[1] {
                    1 => taps.together::<1, 6>(from, line, to, c),
                    2 => taps.together::<2, 9>(from, line, to, c),
                    _ => break,
                }
                column += TOGETHER;
            }
            while column < columns.end {
                taps.one(left(column), line, to.add(column * c), c);
                column += 1;
            }
        }
        for column in column..w.output[1] {
            edge::<L>(conv, x, out, clamp, (row, column), channel);
        }
    }
}

/// A kernel of three by three for some channels.
struct Taps<L> {
    weights: [[L; 3]; 3],
    bias: L,
    low: L,
    high: L,
}

impl<L: Lanes> Taps<L> {
    #[inline(always)]
    unsafe fn load(conv: &Depthwise, channel: usize, clamp: (f32, f32)) -> Self {
        // SAFETY: the caller's: the channels are there.
        unsafe {
            let weight =
                |tap: usize| L::load(conv.weights.as_ptr().add(tap * conv.channels + channel));
            Self {
                weights: [
                    [weight(0), weight(1), weight(2)],
                    [weight(3), weight(4), weight(5)],
                    [weight(6), weight(7), weight(8)],
                ],
                bias: L::load(conv.bias.as_ptr().add(channel)),
                low: L::splat(clamp.0),
                high: L::splat(clamp.1),
            }
        }
    }

    /// [`TOGETHER`] outputs at a stride of `S`, which see `W` columns.
    #[inline(always)]
    unsafe fn together<const S: usize, const W: usize>(
        &self,
        from: *const f32,
        line: usize,
        to: *mut f32,
        channels: usize,
    ) {
        // SAFETY: the caller's: three rows of W columns are inside of the picture.
        unsafe {
            let mut sums = [self.bias; TOGETHER];
            for (r, weights) in self.weights.iter().enumerate() {
                let from = from.add(r * line);
                for column in 0..W {
                    let value = L::load(from.add(column * channels));
                    for (o, sum) in sums.iter_mut().enumerate() {
                        let tap = column.wrapping_sub(o * S);
                        if tap < 3 {
                            *sum = sum.add_product(value, weights[tap]);
                        }
                    }
                }
            }
            for (o, sum) in sums.iter().enumerate() {
                sum.max(self.low).min(self.high).store(to.add(o * channels));
            }
        }
    }

    #[inline(always)]
    unsafe fn one(&self, from: *const f32, line: usize, to: *mut f32, channels: usize) {
        // SAFETY: the caller's: three rows of three columns are inside of the picture.
        unsafe {
            let mut sum = self.bias;
            for (r, weights) in self.weights.iter().enumerate() {
                for (column, weight) in weights.iter().enumerate() {
                    let value = L::load(from.add(r * line + column * channels));
                    sum = sum.add_product(value, *weight);
                }
            }
            sum.max(self.low).min(self.high).store(to);
        }
    }
}

/// One output, of any kernel, some of whose taps may be padding.
#[inline(always)]
unsafe fn edge<L: Lanes>(
    conv: &Depthwise,
    x: &[f32],
    out: &mut [f32],
    clamp: (f32, f32),
    (row, column): (usize, usize),
    channel: usize,
) {
    let (w, c) = (&conv.window, conv.channels);
    // SAFETY: `Window::at` gives places inside of the picture only.
    unsafe {
        let mut sum = L::load(conv.bias.as_ptr().add(channel));
        for ky in 0..w.kernel[0] {
            let Some(y) = w.at(0, row, ky) else { continue };
            for kx in 0..w.kernel[1] {
                let Some(at) = w.at(1, column, kx) else {
                    continue;
                };
                let value = L::load(x.as_ptr().add((y * w.input[1] + at) * c + channel));
                let tap = ky * w.kernel[1] + kx;
                let weight = L::load(conv.weights.as_ptr().add(tap * c + channel));
                sum = sum.add_product(value, weight);
            }
        }
        let to = out
            .as_mut_ptr()
            .add((row * w.output[1] + column) * c + channel);
        sum.max(L::splat(clamp.0)).min(L::splat(clamp.1)).store(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Straight from the definition.
    fn naive(conv: &Depthwise, x: &[f32]) -> Vec<f32> {
        let (w, c) = (&conv.window, conv.channels);
        let mut out = Vec::new();
        for place in 0..w.output_area() {
            for channel in 0..c {
                let mut sum = conv.bias[channel];
                for tap in 0..w.taps() {
                    let y = w.at(0, place / w.output[1], tap / w.kernel[1]);
                    let at = w.at(1, place % w.output[1], tap % w.kernel[1]);
                    if let (Some(y), Some(at)) = (y, at) {
                        let value = x[(y * w.input[1] + at) * c + channel];
                        sum += value * conv.weights[tap * c + channel];
                    }
                }
                out.push(sum.clamp(-1.0, 1.5));
            }
        }
        out
    }

    #[test]
    fn all_windows() {
        let value = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
        for isa in Isa::all() {
            for (channels, side, kernel, stride, dilation, pad) in [
                (16, [7, 9], [3, 3], [1, 1], [1, 1], [1, 1]),
                (35, [12, 12], [3, 3], [2, 2], [1, 1], [1, 1]),
                (32, [12, 13], [3, 3], [2, 2], [1, 1], [0, 0]),
                (8, [3, 3], [3, 3], [1, 1], [1, 1], [1, 1]),
                (5, [2, 2], [3, 3], [1, 1], [1, 1], [1, 1]),
                (17, [9, 8], [5, 3], [1, 2], [1, 2], [2, 1]),
                (16, [20, 20], [3, 3], [3, 3], [1, 1], [1, 1]),
            ] {
                let out = |a: usize| {
                    (side[a] + 2 * pad[a] - (kernel[a] - 1) * dilation[a] - 1) / stride[a] + 1
                };
                let window = Window {
                    input: side,
                    output: [out(0), out(1)],
                    kernel,
                    stride,
                    dilation,
                    pad,
                };
                let bias: Vec<f32> = (0..channels).map(value).collect();
                let conv = Depthwise::new(isa, window, |t, c| value(t * channels + c + 3), &bias);
                let x: Vec<f32> = (0..2 * window.input_area() * channels).map(value).collect();
                let mut have = vec![f32::NAN; 2 * window.output_area() * channels];
                conv.run(&x, &mut have, (-1.0, 1.5));
                let half = x.len() / 2;
                let want = [naive(&conv, &x[..half]), naive(&conv, &x[half..])].concat();
                for (have, want) in have.iter().zip(&want) {
                    assert!((have - want).abs() < 1e-4, "{isa:?} {window:?}");
                }
            }
        }
    }
}
