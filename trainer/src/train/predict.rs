//! The network in use, on samples of a data set.

use rayon::prelude::*;

use crate::augment::normalise;
use crate::data::Sample;
use crate::nn::{Architecture, Statistics, Weights, Workspace, forward, head};
use crate::{SIDE, nn};

/// Scores of every sample, one a class, before softmax; of the mirrored picture when
/// `mirrored`.
pub fn predict(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
    mirrored: bool,
) -> Vec<Vec<f32>> {
    let scores = |feature: &[f32]| head::logits(weights, feature);
    each(net, weights, workspaces, samples, mirrored, scores)
}

/// Pooled features of every sample, [`Architecture::features`] values each.
pub fn features(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
) -> Vec<Vec<f32>> {
    each(net, weights, workspaces, samples, false, <[f32]>::to_vec)
}

/// What `of` makes of the pooled features of every sample.
fn each(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
    mirrored: bool,
    of: impl Fn(&[f32]) -> Vec<f32> + Sync,
) -> Vec<Vec<f32>> {
    let share = samples.len().div_ceil(workspaces.len()).max(1);
    samples
        .par_chunks(share)
        .zip(workspaces)
        .flat_map_iter(|(samples, ws)| {
            let mut rows = Vec::with_capacity(samples.len());
            for batch in samples.chunks(ws.capacity) {
                run(net, weights, ws, batch, mirrored);
                let features = ws.features.chunks_exact(net.features());
                rows.extend(features.take(batch.len()).map(&of));
            }
            rows
        })
        .collect()
}

fn run(
    net: &Architecture,
    weights: &Weights,
    ws: &mut nn::Workspace,
    batch: &[&Sample],
    mirrored: bool,
) {
    let pictures = ws.input.chunks_exact_mut(SIDE * SIDE);
    for (sample, input) in batch.iter().zip(pictures) {
        let rows = sample.pixels.chunks_exact(SIDE);
        for (pixels, row) in rows.zip(input.chunks_exact_mut(SIDE)) {
            for (x, value) in row.iter_mut().enumerate() {
                let from = if mirrored { SIDE - 1 - x } else { x };
                *value = normalise(f32::from(pixels[from]));
            }
        }
    }
    forward(net, weights, ws, batch.len(), Statistics::Running);
}

/// Share of samples whose class has the highest value.
pub fn accuracy(scores: &[Vec<f32>], samples: &[&Sample]) -> f64 {
    let right = scores.iter().zip(samples).filter(|(scores, sample)| {
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.is_some_and(|(class, _)| class == sample.label)
    });
    right.count() as f64 / samples.len().max(1) as f64
}
