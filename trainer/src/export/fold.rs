//! Batch norm folded into the convolution before it.

use half::f16;

use crate::nn::batch_norm::EPSILON;
use crate::nn::weights::Moments;
use crate::nn::{Architecture, Weights};

/// A network without batch norm: each layer is a convolution with a bias, and ReLU6.
///
/// It is kept as [`Weights`] whose batch norm only adds the bias, so that the trainer's own
/// forward pass runs it too.
#[derive(Debug, Clone)]
pub struct Folded {
    /// Layers.
    pub net: Architecture,
    /// Convolutions scaled, `beta` the bias, `gamma` one, running mean zero and variance
    /// such that nothing is scaled.
    pub weights: Weights,
}

impl Folded {
    /// w' = w gamma / sqrt(variance + epsilon), b' = beta - mean gamma / sqrt(...).
    pub fn new(net: &Architecture, weights: &Weights) -> Self {
        let mut folded = weights.clone();
        for (i, layer) in net.layers.iter().enumerate() {
            let moments = &weights.moments[i];
            let scale: Vec<f32> = (0..layer.outputs)
                .map(|c| weights.gamma(i)[c] / (moments.variance[c] + EPSILON).sqrt())
                .collect();
            let [weight, gamma, beta] = &mut folded.params[3 * i..3 * i + 3] else {
                unreachable!("a slice of three")
            };
            for row in weight.chunks_exact_mut(layer.outputs) {
                for (w, s) in row.iter_mut().zip(&scale) {
                    *w *= s;
                }
            }
            for (c, bias) in beta.iter_mut().enumerate() {
                *bias -= moments.mean[c] * scale[c];
            }
            gamma.fill(1.0);
            folded.moments[i] = Moments {
                mean: vec![0.0; layer.outputs],
                variance: vec![1.0 - EPSILON; layer.outputs],
            };
        }
        Self {
            net: net.clone(),
            weights: folded,
        }
    }

    /// Adds `offsets`, one a class, to the scores.
    pub fn shift(&mut self, offsets: &[f32]) {
        let (_, bias) = self.weights.head_mut();
        for (bias, offset) in bias.iter_mut().zip(offsets) {
            *bias += offset;
        }
    }

    /// Divides all scores by `temperature`.
    pub fn apply_temperature(&mut self, temperature: f32) {
        let (weights, bias) = self.weights.head_mut();
        for v in weights.iter_mut().chain(bias) {
            *v /= temperature;
        }
    }

    /// Rounds convolutions and the head's weights to what 16-bit floats can hold.
    pub fn round_to_half(&mut self) {
        let head = self.weights.params.len() - 2;
        for i in (0..=head).step_by(3) {
            for v in &mut self.weights.params[i] {
                *v = f16::from_f32(*v).to_f32();
            }
        }
    }
}
