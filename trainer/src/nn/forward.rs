//! From pictures to pooled features.

use super::batch_norm::{EPSILON, Sums};
use super::matmul::{Matrix, matmul};
use super::pieces::pieces;
use super::{Architecture, Kind, Weights, Workspace, depthwise, head, stem};

/// Where batch norm takes mean and variance from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// This batch, as in training; the layers below `from`, which are frozen, take the
    /// running values.
    Batch {
        /// First layer that is trained.
        from: usize,
    },
    /// The running values, as in use.
    Running,
}

/// Runs the first `n` pictures of the workspace's input and leaves their features there.
///
/// # Panics
/// When `n` is 0 or above the workspace's capacity.
pub fn forward(
    net: &Architecture,
    weights: &Weights,
    ws: &mut Workspace,
    n: usize,
    statistics: Statistics,
) {
    assert!((1..=ws.capacity).contains(&n));
    for (i, layer) in net.layers.iter().enumerate() {
        let (before, rest) = ws.layers.split_at_mut(i);
        let (before, state) = (before.last(), &mut rest[0]);
        let w = weights.convolution(i);
        let own = matches!(statistics, Statistics::Batch { from } if i >= from);
        let mut sums = Sums::new(layer.outputs);
        for piece in pieces(layer, n) {
            let input = match before {
                Some(before) => before.activate(piece.input, &mut ws.y),
                None => &ws.input[piece.input],
            };
            let z = &mut state.z[piece.output];
            match layer.kind {
                Kind::Stem => {
                    let patches = &mut ws.patches[9 * piece.first * layer.out_side.pow(2)..];
                    stem::patches(layer, piece.pictures, input, patches);
                    let patches = Matrix::new(patches, piece.rows, 9);
                    matmul(patches, Matrix::new(w, 9, layer.outputs), z, false);
                }
                Kind::Depthwise => depthwise::forward(&layer.into(), piece.pictures, input, w, z),
                Kind::Pointwise => {
                    let input = Matrix::new(input, piece.rows, layer.inputs);
                    let w = Matrix::new(w, layer.inputs, layer.outputs);
                    matmul(input, w, z, false);
                }
            }
            if own {
                sums.add(z);
            }
        }
        if own {
            sums.statistics(&mut state.mean, &mut state.inverse);
        } else {
            let moments = &weights.moments[i];
            state.mean.copy_from_slice(&moments.mean);
            for (inverse, variance) in state.inverse.iter_mut().zip(&moments.variance) {
                *inverse = 1.0 / (variance + EPSILON).sqrt();
            }
        }
        let (gamma, beta) = (weights.gamma(i), weights.beta(i));
        for c in 0..layer.outputs {
            state.scale[c] = gamma[c] * state.inverse[c];
            state.shift[c] = beta[c] - state.mean[c] * state.scale[c];
        }
    }
    let last = ws.layers.last().expect("there are layers");
    for piece in pieces(net.last(), n) {
        let y = last.activate(piece.output, &mut ws.y);
        let features = &mut ws.exchange.features[piece.first * net.features()..];
        head::pool(net, piece.pictures, y, features);
    }
}
