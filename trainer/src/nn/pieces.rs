//! A ghost batch in pieces that stay in the processor's caches from one loop to the next.

use std::ops::Range;

use super::{Architecture, Layer};

/// Most rows of the output, that is places of pictures, of a piece with more than one
/// picture. The gradient of a pointwise convolution's weights is a sum over them, which is slow
/// to start, and so slower for more steps than the product takes at once.
const ROWS: usize = 512;

/// Some pictures on their way through a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Index of the first.
    pub first: usize,
    /// Their number.
    pub pictures: usize,
    /// Their values in the layer's input.
    pub input: Range<usize>,
    /// Their values in its output.
    pub output: Range<usize>,
    /// Rows of that output.
    pub rows: usize,
}

/// Values of the largest piece of any layer's input or of the last layer's output, of up to
/// `n` pictures.
pub(super) fn most(net: &Architecture, n: usize) -> usize {
    let inputs = net.layers.iter().flat_map(|layer| pieces(layer, n));
    let last = pieces(net.last(), n).map(|piece| piece.output.len());
    inputs
        .map(|piece| piece.input.len())
        .chain(last)
        .max()
        .unwrap_or(0)
}

/// The pieces of `n` pictures, in order.
pub(super) fn pieces(layer: &Layer, n: usize) -> impl Iterator<Item = Piece> + use<> {
    let area = layer.out_side * layer.out_side;
    let (inputs, outputs) = (layer.input_len(), layer.output_len());
    let most = (ROWS / area).max(1);
    (0..n).step_by(most).map(move |first| {
        let pictures = most.min(n - first);
        let end = first + pictures;
        Piece {
            first,
            pictures,
            input: first * inputs..end * inputs,
            output: first * outputs..end * outputs,
            rows: pictures * area,
        }
    })
}
