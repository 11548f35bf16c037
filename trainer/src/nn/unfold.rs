//! Batch norm for layers that have none any more.

use super::batch_norm::{EPSILON, Sums};
use super::weights::Moments;
use super::{Architecture, Statistics, Weights, Workspace, forward};
use crate::SIDE;

/// Pictures of one pass.
const BATCH: usize = 32;

/// Splits what every layer scales and shifts by into a batch norm again, as training needs it: the
/// running mean and variance become those that the layer's convolution has over `pictures`
/// ([`SIDE`] x [`SIDE`] values each, -1 to 1), and scale and shift are chosen such that the network
/// says what it said.
///
/// Folding (`export`) turns gamma (z - mean) / sqrt(variance + epsilon) + beta into a convolution
/// and a bias, from which neither can be had back. Any mean and variance give the same function
/// with the right gamma and beta, and those of a layer's own inputs are what batches of training
/// will have.
pub fn unfold(net: &Architecture, weights: &mut Weights, pictures: &[f32]) {
    let mut sums: Vec<Sums> = net.layers.iter().map(|l| Sums::new(l.outputs)).collect();
    let mut workspace = Workspace::new(net, BATCH);
    for batch in pictures.chunks(BATCH * SIDE * SIDE) {
        let n = batch.len() / (SIDE * SIDE);
        workspace.input[..batch.len()].copy_from_slice(batch);
        forward(net, weights, &mut workspace, n, Statistics::Running);
        for (layer, sums) in sums.iter_mut().enumerate() {
            sums.add(workspace.convolved(layer, n));
        }
    }
    for (i, layer) in net.layers.iter().enumerate() {
        let moments = (0..layer.outputs).map(|c| sums[i].moments(c));
        let (mean, variance): (Vec<f32>, Vec<f32>) = moments.unzip();
        let old = &weights.moments[i];
        let scale: Vec<f32> = (0..layer.outputs)
            .map(|c| weights.gamma(i)[c] / (old.variance[c] + EPSILON).sqrt())
            .collect();
        let shift: Vec<f32> = (0..layer.outputs)
            .map(|c| weights.beta(i)[c] - old.mean[c] * scale[c])
            .collect();
        let (gamma, beta) = weights.norm_mut(i);
        for c in 0..layer.outputs {
            gamma[c] = scale[c] * (variance[c] + EPSILON).sqrt();
            beta[c] = shift[c] + mean[c] * scale[c];
        }
        weights.moments[i] = Moments { mean, variance };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::head;
    use crate::nn::weights::Tensors;
    use crate::rng::Rng;

    #[test]
    fn the_function_stays_and_batches_look_like_the_running_statistics() {
        let net = Architecture::new(0.125, 3).unwrap();
        let mut rng = Rng::new(1);
        let (mut weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut rng);
        for gamma in weights.norm_mut(3).0 {
            *gamma = 0.5 + rng.unit();
        }
        // Moments as of a trained network, and a channel that always gives the same.
        weights.moments[4].mean.fill_with(|| 0.2 * rng.symmetric());
        weights.moments[5].variance.fill_with(|| 0.5 + rng.unit());
        let outputs = net.layers[6].outputs;
        weights.params[3 * 6]
            .chunks_exact_mut(outputs)
            .for_each(|taps| taps[1] = 0.0);
        let n = 40;
        let pictures: Vec<f32> = (0..n * SIDE * SIDE).map(|_| rng.symmetric()).collect();
        let mut workspace = Workspace::new(&net, n);
        workspace.input.copy_from_slice(&pictures);
        let mut scores = |weights: &Weights, statistics| -> Vec<f32> {
            forward(&net, weights, &mut workspace, n, statistics);
            let features = workspace.exchange.features.chunks_exact(net.features());
            features.flat_map(|f| head::logits(weights, f)).collect()
        };
        let before = scores(&weights, Statistics::Running);
        unfold(&net, &mut weights, &pictures);
        let close = |a: &[f32], b: &[f32]| {
            let scale = a.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3 * scale)
        };
        assert!(close(&before, &scores(&weights, Statistics::Running)));
        // The statistics of these very pictures.
        assert!(close(
            &before,
            &scores(&weights, Statistics::Batch { from: 0 })
        ));
    }
}
