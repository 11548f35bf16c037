//! From pictures to pooled features.

use super::batch_norm::{self, EPSILON};
use super::matmul::{Matrix, matmul, product};
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
    let trains = matches!(statistics, Statistics::Batch { .. });
    let mut bf16 = ws.bf16.as_mut().filter(|_| trains);
    for (i, layer) in net.layers.iter().enumerate() {
        let (before, rest) = ws.layers.split_at_mut(i);
        let state = &mut rest[0];
        let input = before.last().map(|l| &l.y[..]).unwrap_or(&[]);
        let (rows, channels) = (n * layer.out_side * layer.out_side, layer.outputs);
        let z = &mut state.z[..rows * channels];
        let w = weights.convolution(i);
        match layer.kind {
            Kind::Stem => {
                stem::patches(layer, n, &ws.input, &mut ws.patches);
                let patches = Matrix::new(&ws.patches, rows, 9);
                matmul(patches, Matrix::new(w, 9, channels), z);
            }
            Kind::Depthwise => depthwise::forward(&layer.into(), n, input, w, z),
            Kind::Pointwise => {
                let input = Matrix::new(input, rows, layer.inputs);
                let w = Matrix::new(w, layer.inputs, channels);
                product(bf16.as_deref_mut(), input, w, z);
            }
        }
        match statistics {
            Statistics::Batch { from } if i >= from => {
                batch_norm::statistics(z, &mut state.mean, &mut state.inverse);
            }
            Statistics::Batch { .. } | Statistics::Running => {
                let moments = &weights.moments[i];
                state.mean.copy_from_slice(&moments.mean);
                for (inverse, variance) in state.inverse.iter_mut().zip(&moments.variance) {
                    *inverse = 1.0 / (variance + EPSILON).sqrt();
                }
            }
        }
        let (gamma, beta) = (weights.gamma(i), weights.beta(i));
        let a: Vec<f32> = gamma
            .iter()
            .zip(&state.inverse)
            .map(|(g, s)| g * s)
            .collect();
        let b: Vec<f32> = (0..channels)
            .map(|c| beta[c] - state.mean[c] * a[c])
            .collect();
        batch_norm::scale_relu6(z, &a, &b, &mut state.y[..rows * channels]);
    }
    let last = &ws.layers.last().expect("there are layers").y;
    head::pool(net, n, last, &mut ws.exchange.features);
}
