//! Eight-bit scales: for every channel of weights, and for what layers hand on.
//!
//! Values become `round(x / scale)` in -127 to 127, zero stays zero, as TensorRT asks for.
//! Weights take the scale of their channel's largest. Activations take the one with the least
//! squared error over training pictures: few values are near the largest, and giving them up
//! makes all others finer.

use crate::data::Sample;
use crate::nn::Workspace;
use crate::train::predict;

use super::fold::Folded;

/// Largest quantised value.
const TOP: f32 = 127.0;
/// Bins between zero and the largest value that ReLU6 lets through.
const BINS: usize = 1536;
const LARGEST: f32 = 6.0;
/// Limits that are tried, from the largest value down.
const TRIED: usize = 96;
/// Pictures in a pass.
const BATCH: usize = 32;

/// Scales of a network's activations.
#[derive(Debug, Clone, PartialEq)]
pub struct Scales {
    /// Of the input, -1 to 1.
    pub input: f32,
    /// Of each layer's output.
    pub layers: Vec<f32>,
}

impl Scales {
    /// Chooses scales by what `samples` make of each layer.
    pub fn calibrate(network: &Folded, samples: &[&Sample]) -> Self {
        let net = &network.net;
        let mut histograms = vec![[0u64; BINS]; net.layers.len()];
        let mut workspaces = [Workspace::new(net, BATCH)];
        for batch in samples.chunks(BATCH) {
            predict(net, &network.weights, &mut workspaces, batch, false);
            for (i, histogram) in histograms.iter_mut().enumerate() {
                let outputs = workspaces[0].output(i, batch.len());
                for value in outputs.iter().filter(|v| **v > 0.0) {
                    let bin = (value / LARGEST * BINS as f32) as usize;
                    histogram[bin.min(BINS - 1)] += 1;
                }
            }
        }
        Self {
            input: 1.0 / TOP,
            layers: histograms.iter().map(scale).collect(),
        }
    }
}

/// The scale of least squared error for values as `histogram` counts them.
fn scale(histogram: &[u64; BINS]) -> f32 {
    let filled = histogram.iter().rposition(|n| *n > 0).map_or(1, |i| i + 1);
    let largest = filled as f32 * LARGEST / BINS as f32;
    let error = |scale: f32| -> f64 {
        let each = histogram[..filled].iter().enumerate().map(|(i, n)| {
            let value = (i as f32 + 0.5) * LARGEST / BINS as f32;
            let rounded = (value / scale).round_ties_even().min(TOP) * scale;
            *n as f64 * f64::from((value - rounded).powi(2))
        });
        each.sum()
    };
    (1..=TRIED)
        .map(|i| largest * i as f32 / TRIED as f32 / TOP)
        .min_by(|a, b| error(*a).total_cmp(&error(*b)))
        .expect("some are tried")
}

/// One scale a channel, and the weights in it. `weights` holds one channel after another.
pub fn weights(weights: &[f32], channels: usize) -> (Vec<f32>, Vec<i8>) {
    let rows = weights.chunks_exact(weights.len() / channels);
    let scales: Vec<f32> = rows
        .clone()
        .map(|row| row.iter().fold(0.0, |m: f32, w| m.max(w.abs())) / TOP)
        // A channel of zeros keeps a scale that can be divided by.
        .map(|scale| scale.max(f32::MIN_POSITIVE))
        .collect();
    let quantised = rows
        .zip(&scales)
        .flat_map(|(row, scale)| {
            row.iter()
                .map(move |w| (w / scale).round_ties_even().clamp(-TOP, TOP) as i8)
        })
        .collect();
    (scales, quantised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_uses_the_whole_range() {
        let (scales, quantised) = weights(&[0.5, -1.0, 0.002, 0.001, 0.0, 0.0], 3);
        assert_eq!(quantised, [64, -127, 127, 64, 0, 0]);
        assert!((scales[0] * 127.0 - 1.0).abs() < 1e-6 && scales[2] > 0.0);
    }

    #[test]
    fn a_few_large_values_are_given_up_for_many_small_ones() {
        let mut histogram = [0; BINS];
        histogram[..64].fill(1_000_000);
        histogram[BINS - 1] = 1;
        let clipped = scale(&histogram) * TOP;
        assert!(clipped < 1.0, "{clipped}");
        histogram[BINS - 1] = 1_000_000;
        let kept = scale(&histogram) * TOP;
        assert!(kept > 5.0, "{kept}");
    }
}
