//! From the gradient of the features to that of every parameter.

use super::batch_norm::{self, Forward};
use super::matmul::{Matrix, matmul, product};
use super::{Architecture, Kind, Weights, Workspace, depthwise, head};

/// Writes the gradients of all layers from `lowest` on, after a forward pass of `n`
/// pictures with the batch's own statistics and with `d_features` set. Those of the head
/// are left as they are, those below `lowest` are zeroed.
///
/// # Panics
/// When `n` is 0 or above the workspace's capacity.
pub fn backward(
    net: &Architecture,
    weights: &Weights,
    ws: &mut Workspace,
    n: usize,
    lowest: usize,
) {
    assert!((1..=ws.capacity).contains(&n));
    head::pool_backward(net, n, &ws.exchange.d_features, &mut ws.d_out);
    for (i, layer) in net.layers.iter().enumerate().rev() {
        let gradients = &mut ws.exchange.gradients[3 * i..3 * i + 3];
        if i < lowest {
            gradients.iter_mut().for_each(|g| g.fill(0.0));
            continue;
        }
        let [d_weight, d_gamma, d_beta] = gradients else {
            unreachable!("a slice of three")
        };
        let (before, rest) = ws.layers.split_at(i);
        let input = before.last().map(|l| &l.y[..]).unwrap_or(&[]);
        let state = &rest[0];
        let (rows, channels) = (n * layer.out_side * layer.out_side, layer.outputs);
        let d = &mut ws.d_out[..rows * channels];
        let forward = Forward {
            z: &state.z[..rows * channels],
            y: &state.y[..rows * channels],
            mean: &state.mean,
            inverse: &state.inverse,
            gamma: weights.gamma(i),
        };
        batch_norm::backward(forward, d, d_gamma, d_beta);

        let w = weights.convolution(i);
        let go_on = i > lowest;
        match layer.kind {
            Kind::Stem => {
                let patches = Matrix::new(&ws.patches, rows, 9);
                matmul(
                    patches.transposed(),
                    Matrix::new(d, rows, channels),
                    d_weight,
                );
            }
            Kind::Depthwise => {
                let geometry = layer.into();
                depthwise::backward_weights(&geometry, n, input, d, d_weight);
                if go_on {
                    depthwise::backward_input(&geometry, n, d, w, &mut ws.d_in);
                }
            }
            Kind::Pointwise => {
                let d = Matrix::new(d, rows, channels);
                let input = Matrix::new(input, rows, layer.inputs);
                product(ws.bf16.as_mut(), input.transposed(), d, d_weight);
                if go_on {
                    let w = Matrix::new(w, layer.inputs, channels);
                    product(ws.bf16.as_mut(), d, w.transposed(), &mut ws.d_in);
                }
            }
        }
        std::mem::swap(&mut ws.d_out, &mut ws.d_in);
    }
}
