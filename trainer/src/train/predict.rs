//! The network in use, on samples of a data set.

use fer::classify::argmax;
use rayon::prelude::*;

use crate::augment::write_input;
use crate::data::Sample;
use crate::nn::{Architecture, Backend, Statistics, Weights, Workspace, head};
use crate::{Result, SIDE};

/// Scores of every sample, one a class, before softmax; of the mirrored picture when
/// `mirrored`.
pub fn predict(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
    mirrored: bool,
) -> Vec<Vec<f32>> {
    on_processor(predict_on(net, weights, own(workspaces), samples, mirrored))
}

/// As [`predict`], by any backends.
///
/// # Errors
/// When a device fails.
pub(super) fn predict_on(
    net: &Architecture,
    weights: &Weights,
    backends: Vec<&mut dyn Backend>,
    samples: &[&Sample],
    mirrored: bool,
) -> Result<Vec<Vec<f32>>> {
    let show = |_, sample: &Sample, input: &mut [f32]| upright(net, sample, mirrored, input);
    let scores = |feature: &[f32]| head::logits(weights, feature);
    each(net, weights, backends, samples, &show, scores)
}

/// Scores of every sample as `show` presents it, given its index.
pub fn predict_views(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
    show: &(impl Fn(usize, &Sample, &mut [f32]) + Sync),
) -> Vec<Vec<f32>> {
    let scores = |feature: &[f32]| head::logits(weights, feature);
    on_processor(each(net, weights, own(workspaces), samples, show, scores))
}

/// Pooled features of every sample, [`Architecture::features`] values each.
pub fn features(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    samples: &[&Sample],
) -> Vec<Vec<f32>> {
    let show = |_, sample: &Sample, input: &mut [f32]| upright(net, sample, false, input);
    let features = <[f32]>::to_vec;
    on_processor(each(
        net,
        weights,
        own(workspaces),
        samples,
        &show,
        features,
    ))
}

fn own(workspaces: &mut [Workspace]) -> Vec<&mut dyn Backend> {
    let each = workspaces.iter_mut();
    each.map(|ws| ws as &mut dyn Backend).collect()
}

fn on_processor<T>(result: Result<T>) -> T {
    result.expect("the backend of this crate never fails")
}

/// What `of` makes of the pooled features of every sample.
fn each(
    net: &Architecture,
    weights: &Weights,
    backends: Vec<&mut dyn Backend>,
    samples: &[&Sample],
    show: &(impl Fn(usize, &Sample, &mut [f32]) + Sync),
    of: impl Fn(&[f32]) -> Vec<f32> + Sync,
) -> Result<Vec<Vec<f32>>> {
    let share = samples.len().div_ceil(backends.len()).max(1);
    let parts: Result<Vec<_>> = samples
        .par_chunks(share)
        .zip(backends)
        .enumerate()
        .map(|(k, (samples, backend))| {
            let mut rows = Vec::with_capacity(samples.len());
            for batch in samples.chunks(backend.capacity()) {
                let inputs = backend.input().chunks_exact_mut(SIDE * SIDE);
                for (i, (sample, input)) in batch.iter().zip(inputs).enumerate() {
                    show(k * share + rows.len() + i, sample, input);
                }
                backend.forward(net, weights, batch.len(), Statistics::Running)?;
                let features = backend.exchange().features.chunks_exact(net.features());
                rows.extend(features.take(batch.len()).map(&of));
            }
            Ok(rows)
        })
        .collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// The picture as it is in use.
fn upright(net: &Architecture, sample: &Sample, mirrored: bool, input: &mut [f32]) {
    write_input(&sample.pixels, net.tone, input);
    if mirrored {
        input.chunks_exact_mut(SIDE).for_each(<[f32]>::reverse);
    }
}

/// Share of samples whose class has the highest value.
pub fn accuracy(scores: &[Vec<f32>], samples: &[&Sample]) -> f64 {
    let right = scores
        .iter()
        .zip(samples)
        .filter(|(s, sample)| is_right(s, sample));
    right.count() as f64 / samples.len().max(1) as f64
}

/// The same within each class, and its mean over the classes that have samples.
pub fn balanced_accuracy(scores: &[Vec<f32>], samples: &[&Sample]) -> f64 {
    let classes = scores.first().map_or(0, Vec::len);
    let mut counts = vec![(0u32, 0u32); classes];
    for (scores, sample) in scores.iter().zip(samples) {
        let (n, right) = &mut counts[sample.label];
        *n += 1;
        *right += u32::from(is_right(scores, sample));
    }
    counts.retain(|(n, _)| *n > 0);
    let recalls = counts
        .iter()
        .map(|(n, right)| f64::from(*right) / f64::from(*n));
    recalls.sum::<f64>() / counts.len().max(1) as f64
}

/// Whether the largest of the scores, or of the probabilities, is that of the sample's class.
pub fn is_right(scores: &[f32], sample: &Sample) -> bool {
    argmax(scores) == Some(sample.label)
}
