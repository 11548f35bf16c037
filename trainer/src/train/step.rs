//! One ghost batch: pictures in, gradients out.

use super::loader::GhostBatch;
use crate::Result;
use crate::artifact::Config;
use crate::data::Sample;
use crate::loss::{Centers, softmax};
use crate::nn::backend::{Backend, Exchange};
use crate::nn::{Architecture, Statistics, Weights, head};
use crate::rng::Rng;

/// What all ghost batches of a step share.
pub(super) struct Step<'a> {
    pub net: &'a Architecture,
    pub weights: &'a Weights,
    pub centers: &'a Centers,
    pub config: &'a Config,
    /// Factor of each class's loss.
    pub class_weights: &'a [f32],
    /// Pictures of the whole step.
    pub batch: usize,
}

/// Sums over a ghost batch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StepSums {
    /// Cross-entropy.
    pub softmax: f64,
    /// Center loss, of the step's mean.
    pub center: f64,
    /// Pictures whose class scored highest.
    pub correct: usize,
}

impl Step<'_> {
    /// Runs `samples` as they are shown forward and backward; the gradients stay in the
    /// backend.
    pub(super) fn run(
        &self,
        backend: &mut dyn Backend,
        samples: &[(usize, &Sample)],
        mut batch: GhostBatch,
    ) -> Result<StepSums> {
        let (n, lowest) = (samples.len(), self.config.lowest_layer());
        backend.input()[..batch.input.len()].copy_from_slice(&batch.input);
        let statistics = Statistics::Batch { from: lowest };
        backend.forward(self.net, self.weights, n, statistics)?;
        let sums = self.losses(
            backend.exchange_mut(),
            samples,
            &batch.targets,
            &mut batch.rng,
        );
        backend.backward(self.net, self.weights, n, lowest)?;
        Ok(sums)
    }

    /// Losses of the features, and their gradients by features and head.
    fn losses(
        &self,
        between: &mut Exchange,
        samples: &[(usize, &Sample)],
        targets: &[Vec<f32>],
        rng: &mut Rng,
    ) -> StepSums {
        let c = self.net.features();
        let drop = self.config.dropout;
        let kept = 1.0 / (1.0 - drop);
        let mask: Vec<f32> = (0..samples.len() * c)
            .map(|_| if rng.unit() < drop { 0.0 } else { kept })
            .collect();
        let share = 1.0 / self.batch as f32;
        let pull = self.config.center.factor(self.batch);
        let [.., d_weights, d_bias] = &mut between.gradients[..] else {
            unreachable!("a network has a head")
        };
        d_weights.fill(0.0);
        d_bias.fill(0.0);

        let mut sums = StepSums::default();
        for (i, (_, sample)) in samples.iter().enumerate() {
            let row = i * c..(i + 1) * c;
            let (feature, mask) = (&between.features[row.clone()], &mask[row.clone()]);
            let gradient = &mut between.d_features[row];
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
