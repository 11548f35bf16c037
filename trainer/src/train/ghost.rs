//! One ghost batch: pictures in, gradients out.

use crate::augment::Augment;
use crate::data::Sample;
use crate::loss::{Centers, softmax};
use crate::nn::backward::backward;
use crate::nn::{Architecture, Statistics, Weights, Workspace, forward, head};
use crate::rng::Rng;
use crate::{SIDE, train::Config};

/// Pixels of a picture.
const PICTURE: usize = SIDE * SIDE;

/// What all ghost batches of a step share.
pub(super) struct Step<'a> {
    pub net: &'a Architecture,
    pub weights: &'a Weights,
    pub centers: &'a Centers,
    pub config: &'a Config,
    pub augment: &'a Augment,
    /// Factor of each class's loss.
    pub class_weights: &'a [f32],
    /// Pictures of the whole step.
    pub batch: usize,
}

/// Sums over a ghost batch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Cross-entropy.
    pub softmax: f64,
    /// Center loss, of the step's mean.
    pub center: f64,
    /// Pictures whose class scored highest.
    pub correct: usize,
}

impl Step<'_> {
    /// Runs `samples` forward and backward; the gradients stay in the workspace.
    pub(super) fn run(&self, ws: &mut Workspace, samples: &[&Sample], rng: &mut Rng) -> Sums {
        let inputs = ws.input.chunks_exact_mut(PICTURE);
        let mut targets: Vec<Vec<f32>> = samples
            .iter()
            .zip(inputs)
            .map(|(sample, input)| self.show(sample, input, rng))
            .collect();
        if self.config.mixup > 0.0 {
            mix(&mut ws.input, &mut targets, self.config.mixup, rng);
        }
        let lowest = self.config.lowest_layer();
        let statistics = Statistics::Batch { from: lowest };
        forward(self.net, self.weights, ws, samples.len(), statistics);
        let sums = self.losses(ws, samples, &targets, rng);
        backward(self.net, self.weights, ws, samples.len(), lowest);
        sums
    }

    /// Draws a changed copy of the picture, and tells what is wanted of the network for it.
    fn show(&self, sample: &Sample, input: &mut [f32], rng: &mut Rng) -> Vec<f32> {
        let mut target = self.target(sample);
        if sample.lessons.is_empty() {
            self.augment.apply(&sample.pixels, input, rng);
            return target;
        }
        let lesson = &sample.lessons[rng.below(sample.lessons.len())];
        self.augment
            .apply_to(&lesson.view, &sample.pixels, input, rng);
        let weight = self.config.teacher_weight;
        for (target, taught) in target.iter_mut().zip(&lesson.probabilities) {
            *target += weight * (taught - *target);
        }
        target
    }

    /// The label, or people's votes.
    fn target(&self, sample: &Sample) -> Vec<f32> {
        let (classes, smoothing) = (self.net.classes, self.config.label_smoothing);
        match &sample.votes {
            Some(votes) => votes
                .iter()
                .map(|v| v * (1.0 - smoothing) + smoothing / classes as f32)
                .collect(),
            None => softmax::smooth(sample.label, classes, smoothing),
        }
    }

    /// Losses of the features in the workspace, and their gradients by features and head.
    fn losses(
        &self,
        ws: &mut Workspace,
        samples: &[&Sample],
        targets: &[Vec<f32>],
        rng: &mut Rng,
    ) -> Sums {
        let c = self.net.features();
        let drop = self.config.dropout;
        let kept = 1.0 / (1.0 - drop);
        let mask: Vec<f32> = (0..samples.len() * c)
            .map(|_| if rng.unit() < drop { 0.0 } else { kept })
            .collect();
        let share = 1.0 / self.batch as f32;
        let pull = self.config.center.factor(self.batch);
        let Some([.., d_weights, d_bias]) = ws.gradients.get_mut(..) else {
            unreachable!("a network has a head")
        };
        d_weights.fill(0.0);
        d_bias.fill(0.0);

        let mut sums = Sums::default();
        for (i, sample) in samples.iter().enumerate() {
            let row = i * c..(i + 1) * c;
            let (feature, mask) = (&ws.features[row.clone()], &mask[row.clone()]);
            let gradient = &mut ws.d_features[row];
            let dropped: Vec<f32> = feature.iter().zip(mask).map(|(x, m)| x * m).collect();
            let mut scores = head::logits(self.weights, &dropped);
            if first_largest(&scores) == sample.label {
                sums.correct += 1;
            }
            let weight = self.class_weights[sample.label];
            let loss = softmax::cross_entropy(&mut scores, &targets[i]);
            sums.softmax += f64::from(loss * weight);
            scores.iter_mut().for_each(|g| *g *= share * weight);
            head::logits_backward(self.weights, &dropped, &scores, d_weights, d_bias, gradient);
            for (g, m) in gradient.iter_mut().zip(mask) {
                *g *= m;
            }
            if pull > 0.0 {
                let loss = self.centers.pull(feature, sample.label, pull, gradient);
                sums.center += f64::from(loss);
            }
        }
        sums
    }
}

fn first_largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, v) in values.iter().enumerate() {
        if *v > values[best] {
            best = i;
        }
    }
    best
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
    fn mixed_targets_still_sum_to_one() {
        let mut input: Vec<f32> = [vec![1.0; PICTURE], vec![0.0; PICTURE]].concat();
        let mut targets = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        mix(&mut input, &mut targets, 1.0, &mut Rng::new(1));
        assert!((input[0] - targets[0][0]).abs() < 1e-6 && targets[0][0] < 1.0);
        assert!((targets[1].iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
