//! What a ghost batch shows the network: changed pictures and their targets.

use rayon::prelude::*;

use super::SoftLabels;
use super::plan::Planned;
use crate::SIDE;
use crate::artifact::Config;
use crate::data::Sample;
use crate::loss::softmax;
use crate::rng::Rng;

/// Pixels of a picture.
const PICTURE: usize = SIDE * SIDE;

/// Draws what is shown. It needs nothing that a step changes, so that it can be ahead of the
/// training.
#[derive(Clone, Copy)]
pub(super) struct Loader<'a> {
    pub config: &'a Config,
    /// What a teacher says of the pictures, where there is one.
    pub teacher: Option<&'a SoftLabels>,
    /// Number of classes.
    pub classes: usize,
}

/// One ghost batch, ready for the network.
pub(super) struct GhostBatch {
    /// Pictures, -1 to 1.
    pub input: Vec<f32>,
    /// What is wanted for each, one value a class.
    pub targets: Vec<Vec<f32>>,
    /// Goes on where drawing left it.
    pub rng: Rng,
}

impl Loader<'_> {
    /// Draws ghost batch `index` of the step that begins with `seed`. Each draws its own
    /// numbers, whichever thread runs it.
    pub(super) fn draw(&self, samples: &[(usize, &Sample)], seed: u64, index: usize) -> GhostBatch {
        let mut rng = Rng::new(seed ^ (index as u64 * 7919));
        let mut input = vec![0.0; samples.len() * PICTURE];
        let mut targets: Vec<Vec<f32>> = samples
            .iter()
            .zip(input.chunks_exact_mut(PICTURE))
            .map(|((place, sample), input)| self.picture(*place, sample, input, &mut rng))
            .collect();
        if self.config.mixup > 0.0 {
            mix(&mut input, &mut targets, self.config.mixup, &mut rng);
        }
        GhostBatch {
            input,
            targets,
            rng,
        }
    }

    /// Draws all ghost batches of a step.
    pub(super) fn draw_step(&self, planned: &Planned) -> Vec<GhostBatch> {
        let ghosts = planned.samples.par_chunks(self.config.ghost_batch);
        ghosts
            .enumerate()
            .map(|(k, samples)| self.draw(samples, planned.seed, k))
            .collect()
    }

    /// Draws a changed copy of the picture at `place`, and tells what is wanted of the network
    /// for it.
    fn picture(&self, place: usize, sample: &Sample, input: &mut [f32], rng: &mut Rng) -> Vec<f32> {
        let mut target = self.target(sample);
        let Config { augment, tone, .. } = self.config;
        let Some(teacher) = self.teacher else {
            augment.apply(&sample.pixels, *tone, input, rng);
            return target;
        };
        let (view, probabilities) = teacher.lesson(place, rng.below(teacher.views));
        augment.apply_to(&view, &sample.pixels, *tone, input, rng);
        let weight = self.config.teacher_weight;
        for (target, taught) in target.iter_mut().zip(probabilities) {
            *target += weight * (taught - *target);
        }
        target
    }

    /// The label, or people's votes.
    fn target(&self, sample: &Sample) -> Vec<f32> {
        let (classes, smoothing) = (self.classes, self.config.label_smoothing);
        match &sample.votes {
            Some(votes) => {
                let powers = votes.iter().map(|v| v.powf(self.config.vote_power));
                let sum: f32 = powers.clone().sum();
                let floor = smoothing / classes as f32;
                powers
                    .map(|v| v / sum * (1.0 - smoothing) + floor)
                    .collect()
            }
            None => softmax::smooth(sample.label, classes, smoothing),
        }
    }
}

/// Mixes pictures and targets with those from the other end of the batch.
fn mix(input: &mut [f32], targets: &mut [Vec<f32>], probability: f32, rng: &mut Rng) {
    let n = targets.len();
    let (pictures, wanted) = (input.to_vec(), targets.to_vec());
    for i in 0..n {
        if rng.unit() >= probability {
            continue;
        }
        let own = 0.6 + 0.4 * rng.unit();
        let other = n - 1 - i;
        let blend = |a: f32, b: f32| own * a + (1.0 - own) * b;
        for p in 0..PICTURE {
            input[i * PICTURE + p] =
                blend(pictures[i * PICTURE + p], pictures[other * PICTURE + p]);
        }
        for (t, value) in targets[i].iter_mut().enumerate() {
            *value = blend(wanted[i][t], wanted[other][t]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_sharpened_by_their_power() {
        let sample = Sample {
            pixels: vec![0; PICTURE],
            votes: Some(vec![0.6, 0.3, 0.1]),
            ..Sample::default()
        };
        let target = |vote_power| {
            let config = Config {
                vote_power,
                label_smoothing: 0.0,
                ..Config::default()
            };
            let loader = Loader {
                config: &config,
                teacher: None,
                classes: 3,
            };
            loader.target(&sample)
        };
        for (have, want) in target(1.0).iter().zip([0.6, 0.3, 0.1]) {
            assert!((have - want).abs() < 1e-6);
        }
        // 36, 9 and 1 of 46.
        assert!((target(2.0)[0] - 36.0 / 46.0).abs() < 1e-5);
        assert!((target(2.0).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn mixed_targets_still_sum_to_one() {
        let mut input: Vec<f32> = [vec![1.0; PICTURE], vec![0.0; PICTURE]].concat();
        let mut targets = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        mix(&mut input, &mut targets, 1.0, &mut Rng::new(1));
        assert!((input[0] - targets[0][0]).abs() < 1e-6 && targets[0][0] < 1.0);
        assert!((targets[1].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
