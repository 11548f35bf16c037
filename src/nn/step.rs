//! What is done for each picture, one step after the other.

use super::kernels::Aligned;
use super::kernels::depthwise::{Depthwise, Window};
use super::kernels::patches::patches;
use super::kernels::pool::{Pool, pool};
use super::kernels::product::Weights;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// The nearest within bounds.
    Clamp(f32, f32),
    /// `x`, or `slope * x` below zero.
    Leaky(f32),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `clamp(slope * x + shift, 0, 1)`.
    HardSigmoid(f32, f32),
    /// `x * clamp(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// Hyperbolic tangent.
    Tanh,
    /// `x`, or `alpha * (exp(x) - 1)` below zero.
    Elu(f32),
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `exp(x)`.
    Exp,
    /// `ln(x)`.
    Log,
    /// Square root.
    Sqrt,
    /// `-x`.
    Neg,
    /// `|x|`.
    Abs,
    /// `1 / x`.
    Reciprocal,
    /// The nearest whole number, halves to the even one.
    Round,
    /// The next whole number below.
    Floor,
    /// Nearest of the values that a quantised one can have: `scale`, zero point, lowest, highest.
    Quantise(f32, f32, f32, f32),
}

impl Unary {
    /// Its value.
    pub fn of(self, x: f32) -> f32 {
        match self {
            // Not `clamp`, so that what is no number stays none.
            Self::Clamp(low, high) => {
                if x < low {
                    low
                } else if x > high {
                    high
                } else {
                    x
                }
            }
            Self::Leaky(slope) => {
                if x < 0.0 {
                    slope * x
                } else {
                    x
                }
            }
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::HardSigmoid(slope, shift) => (slope * x + shift).clamp(0.0, 1.0),
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Tanh => x.tanh(),
            Self::Elu(alpha) => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sqrt => x.sqrt(),
            Self::Neg => -x,
            Self::Abs => x.abs(),
            Self::Reciprocal => 1.0 / x,
            Self::Round => x.round_ties_even(),
            Self::Floor => x.floor(),
            Self::Quantise(scale, zero, lowest, highest) => {
                let steps = (x / scale).round_ties_even() + zero;
                (steps.clamp(lowest, highest) - zero) * scale
            }
        }
    }
}

/// A function of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
}

impl Binary {
    /// Its value.
    pub fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Pow => a.powf(b),
            Self::Max => a.max(b),
            Self::Min => a.min(b),
        }
    }
}

/// How the values along some axes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
}

/// Where each value of a result comes from, as strides of its axes in the source; 0 repeats it.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// Axes of the result, the last fastest.
    pub shape: Vec<usize>,
    /// Step in the source for each.
    pub strides: Vec<usize>,
    /// Where the source begins.
    pub start: usize,
}

impl Walk {
    /// The places in the source, in the order of the result.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let mut index = vec![0; self.shape.len()];
        let mut at = self.start;
        let len: usize = self.shape.iter().product();
        (0..len).map(move |_| {
            let here = at;
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * index[axis];
                index[axis] = 0;
            }
            here
        })
    }

    /// The values of `from`, in the order of the result.
    pub fn read<T: Copy>(&self, from: &[T]) -> Vec<T> {
        self.places().map(|at| from[at]).collect()
    }
}

/// What a step does to each picture.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A product with each row of as many values as the weights are deep: a dense layer, or a
    /// convolution of one place at a time.
    Product(Weights, (f32, f32)),
    /// A convolution; each group of channels has its own weights. Input channels in all.
    Convolution(Window, usize, Vec<Weights>, (f32, f32)),
    /// A convolution of each channel by itself.
    Depthwise(Depthwise, (f32, f32)),
    /// A pool over some channels.
    Pool(Pool, Window, usize),
    /// A function of each value.
    Unary(Unary),
    /// `scale * x + shift`, with one of each for each channel, which is the last axis.
    Affine(Vec<f32>, Vec<f32>),
    /// A function of each value and the one of a constant at the same place; the constant is
    /// the left one where that is said.
    WithConstant(Binary, Vec<f32>, bool),
    /// A function of two values at the same place.
    Pairs(Binary),
    /// The same where one or both are repeated along some axes.
    Binary(Binary, Walk, Walk),
    /// Values in another order, or a part of them.
    Gather(Walk),
    /// Inputs one after another: for each, the values that follow each other in it.
    Concat(Vec<usize>),
    /// The input in the middle of something larger, which has this value elsewhere.
    Pad(Walk, f32),
    /// Values along the last of these three axes become one: before, along, behind.
    Reduce(Reduction, [usize; 3]),
    /// Probabilities along the middle of these three axes; their logarithms where that is said.
    Softmax([usize; 3], bool),
    /// Each output's place among the input's, by row and by column, for some channels.
    Resize(Vec<Tap>, Vec<Tap>, usize, usize),
}

/// Where a row or column of a resized picture comes from: two of the source, and the share of
/// the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    /// Index of the first.
    pub first: usize,
    /// Index of the second.
    pub second: usize,
    /// Share of the second.
    pub share: f32,
}

/// Outputs whose patches are gathered at once: what they see stays in the cache.
const BLOCK: usize = 48;

impl Operation {
    /// Does it for `pictures` pictures. `scratch` is memory to work in.
    ///
    /// # Panics
    /// When inputs or output are of other sizes than those for which the step was made.
    pub fn run(&self, pictures: usize, inputs: &[&[f32]], out: &mut [f32], scratch: &mut Aligned) {
        match self {
            Self::Product(weights, clamp) => weights.product(inputs[0], out, *clamp),
            Self::Depthwise(conv, clamp) => conv.run(inputs[0], out, *clamp),
            Self::Unary(function) => {
                for (out, x) in out.iter_mut().zip(inputs[0]) {
                    *out = function.of(*x);
                }
            }
            Self::Pairs(function) => {
                for (out, (a, b)) in out.iter_mut().zip(inputs[0].iter().zip(inputs[1])) {
                    *out = function.of(*a, *b);
                }
            }
            _ => {
                let len = out.len() / pictures;
                let lens: Vec<usize> = inputs.iter().map(|x| x.len() / pictures).collect();
                for (p, out) in out.chunks_exact_mut(len).enumerate() {
                    let own: Vec<&[f32]> = inputs
                        .iter()
                        .zip(&lens)
                        .map(|(x, len)| &x[p * len..(p + 1) * len])
                        .collect();
                    self.picture(&own, out, scratch);
                }
            }
        }
    }

    fn picture(&self, inputs: &[&[f32]], out: &mut [f32], scratch: &mut Aligned) {
        let x = inputs[0];
        match self {
            Self::Convolution(window, channels, groups, clamp) => {
                convolve(window, *channels, groups, *clamp, x, out, scratch);
            }
            Self::Pool(kind, window, channels) => pool(*kind, window, *channels, x, out),
            Self::Affine(scale, shift) => {
                let rows = out.chunks_exact_mut(scale.len());
                for (out, x) in rows.zip(x.chunks_exact(scale.len())) {
                    for (i, out) in out.iter_mut().enumerate() {
                        *out = scale[i] * x[i] + shift[i];
                    }
                }
            }
            Self::WithConstant(function, constant, left) => {
                for ((out, x), c) in out.iter_mut().zip(x).zip(constant) {
                    *out = if *left {
                        function.of(*c, *x)
                    } else {
                        function.of(*x, *c)
                    };
                }
            }
            Self::Binary(function, a, b) => {
                let places = a.places().zip(b.places());
                for (out, (a, b)) in out.iter_mut().zip(places) {
                    *out = function.of(inputs[0][a], inputs[1][b]);
                }
            }
            Self::Gather(walk) => {
                for (out, at) in out.iter_mut().zip(walk.places()) {
                    *out = x[at];
                }
            }
            Self::Concat(lens) => {
                let whole: usize = lens.iter().sum();
                for (i, out) in out.chunks_exact_mut(whole).enumerate() {
                    let mut at = 0;
                    for (x, len) in inputs.iter().zip(lens) {
                        out[at..at + len].copy_from_slice(&x[i * len..(i + 1) * len]);
                        at += len;
                    }
                }
            }
            Self::Pad(walk, value) => {
                out.fill(*value);
                for (x, at) in x.iter().zip(walk.places()) {
                    out[at] = *x;
                }
            }
            Self::Reduce(kind, [before, along, behind]) => {
                reduce(*kind, [*before, *along, *behind], x, out);
            }
            Self::Softmax([before, along, behind], logarithm) => {
                softmax([*before, *along, *behind], *logarithm, x, out);
            }
            Self::Resize(rows, columns, width, channels) => {
                resize(rows, columns, *width, *channels, x, out);
            }
            Self::Product(..) | Self::Depthwise(..) | Self::Unary(_) | Self::Pairs(_) => {
                unreachable!("done for all pictures at once")
            }
        }
    }
}

fn convolve(
    window: &Window,
    channels: usize,
    groups: &[Weights],
    clamp: (f32, f32),
    x: &[f32],
    out: &mut [f32],
    scratch: &mut Aligned,
) {
    let own = channels / groups.len();
    let outputs = groups[0].columns();
    let depth = groups[0].depth();
    let all = outputs * groups.len();
    let block = if groups.len() == 1 {
        0
    } else {
        BLOCK * outputs
    };
    scratch.grow(BLOCK * depth + block);
    let (rows, part) = scratch.split_at_mut(BLOCK * depth);
    let area = window.output_area();
    for first in (0..area).step_by(BLOCK) {
        let places = first..area.min(first + BLOCK);
        let rows = &mut rows[..places.len() * depth];
        for (g, weights) in groups.iter().enumerate() {
            patches(window, x, (channels, g * own, own), places.clone(), rows);
            let out = &mut out[first * all..places.end * all];
            if groups.len() == 1 {
                weights.product(rows, out, clamp);
                continue;
            }
            let part = &mut part[..places.len() * outputs];
            weights.product(rows, part, clamp);
            for (out, part) in out.chunks_exact_mut(all).zip(part.chunks_exact(outputs)) {
                out[g * outputs..][..outputs].copy_from_slice(part);
            }
        }
    }
}

fn reduce(kind: Reduction, [before, along, behind]: [usize; 3], x: &[f32], out: &mut [f32]) {
    for i in 0..before {
        let out = &mut out[i * behind..(i + 1) * behind];
        for j in 0..along {
            let x = &x[(i * along + j) * behind..][..behind];
            for (out, x) in out.iter_mut().zip(x) {
                *out = match (j, kind) {
                    (0, _) => *x,
                    (_, Reduction::Mean | Reduction::Sum) => *out + x,
                    (_, Reduction::Max) => out.max(*x),
                    (_, Reduction::Min) => out.min(*x),
                };
            }
        }
        if kind == Reduction::Mean {
            for out in out {
                *out /= along as f32;
            }
        }
    }
}

fn softmax([before, along, behind]: [usize; 3], logarithm: bool, x: &[f32], out: &mut [f32]) {
    for i in 0..before {
        for k in 0..behind {
            let at = |j: usize| (i * along + j) * behind + k;
            let largest = (0..along).fold(f32::NEG_INFINITY, |m, j| m.max(x[at(j)]));
            let sum: f32 = (0..along).map(|j| (x[at(j)] - largest).exp()).sum();
            for j in 0..along {
                out[at(j)] = if logarithm {
                    x[at(j)] - largest - sum.ln()
                } else {
                    (x[at(j)] - largest).exp() / sum
                };
            }
        }
    }
}

fn resize(
    rows: &[Tap],
    columns: &[Tap],
    width: usize,
    channels: usize,
    x: &[f32],
    out: &mut [f32],
) {
    let at = |row: usize, column: usize| &x[(row * width + column) * channels..][..channels];
    let mut places = out.chunks_exact_mut(channels);
    for row in rows {
        for column in columns {
            let out = places.next().expect("one a place");
            if row.share == 0.0 && column.share == 0.0 {
                out.copy_from_slice(at(row.first, column.first));
                continue;
            }
            let corners = [
                (
                    at(row.first, column.first),
                    (1.0 - row.share) * (1.0 - column.share),
                ),
                (
                    at(row.first, column.second),
                    (1.0 - row.share) * column.share,
                ),
                (
                    at(row.second, column.first),
                    row.share * (1.0 - column.share),
                ),
                (at(row.second, column.second), row.share * column.share),
            ];
            for (i, out) in out.iter_mut().enumerate() {
                *out = corners.iter().map(|(x, share)| x[i] * share).sum();
            }
        }
    }
}
