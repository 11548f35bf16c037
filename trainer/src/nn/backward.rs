//! From the gradient of the features to that of every parameter.

use super::batch_norm::{Backward, GradientSums};
use super::matmul::{Matrix, matmul};
use super::pieces::pieces;
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
    let last = net.last();
    let mut sums = GradientSums::new(last.outputs);
    let state = ws.layers.last().expect("there are layers");
    for piece in pieces(last, n) {
        let y = state.activate(piece.output.clone(), &mut ws.y);
        let d = &mut ws.d_out[piece.output.clone()];
        state.back(piece.output, y, d, &mut sums);
    }
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
        let (before, state) = (before.last(), &rest[0]);
        let (mean, inverse) = (&state.mean, &state.inverse);
        let norm = Backward::new(&sums, mean, inverse, weights.gamma(i), d_gamma, d_beta);

        let w = weights.convolution(i);
        let go_on = i > lowest;
        d_weight.fill(0.0);
        sums = GradientSums::new(layer.inputs);
        for piece in pieces(layer, n) {
            let d = &mut ws.d_out[piece.output.clone()];
            norm.apply(d, &state.z[piece.output]);
            let input = before.map_or(&[][..], |before| {
                before.activate(piece.input.clone(), &mut ws.y)
            });
            let d_in = &mut ws.d_in[piece.input.clone()];
            match layer.kind {
                Kind::Stem => {
                    let patches = &ws.patches[9 * piece.first * layer.out_side.pow(2)..];
                    let patches = Matrix::new(patches, piece.rows, 9).transposed();
                    let d = Matrix::new(d, piece.rows, layer.outputs);
                    matmul(patches, d, d_weight, true);
                }
                Kind::Depthwise => {
                    let geometry = layer.into();
                    depthwise::backward_weights(&geometry, piece.pictures, input, d, d_weight);
                    if go_on {
                        depthwise::backward_input(&geometry, piece.pictures, d, w, d_in);
                    }
                }
                Kind::Pointwise => {
                    let d = Matrix::new(d, piece.rows, layer.outputs);
                    let input = Matrix::new(input, piece.rows, layer.inputs);
                    matmul(input.transposed(), d, d_weight, true);
                    if go_on {
                        let w = Matrix::new(w, layer.inputs, layer.outputs);
                        matmul(d, w.transposed(), d_in, false);
                    }
                }
            }
            if let Some(before) = before.filter(|_| go_on) {
                before.back(piece.input, input, d_in, &mut sums);
            }
        }
        std::mem::swap(&mut ws.d_out, &mut ws.d_in);
    }
}
