//! The state of a run and the loop that moves it on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fer::classify::softmax;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ghost::{Step, Sums};
use super::{Config, accuracy, plan, predict};
use crate::data::Sample;
use crate::loss::Centers;
use crate::nn::batch_norm::EPSILON;
use crate::nn::{Architecture, Weights, Workspace};
use crate::optim::{self, Optimizer};
use crate::rng::Rng;

/// How far a run has come; part of a checkpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Whole epochs done.
    pub epoch: u64,
    /// Steps done in the epoch that is under way.
    pub batch: u64,
    /// Steps done since the start.
    pub step: u64,
    /// State of the random numbers now.
    pub rng: u64,
    /// The same before the epoch's order was drawn.
    pub epoch_rng: u64,
    /// Sum of the cross-entropies of the epoch's pictures.
    pub softmax: f64,
    /// Sum of their center losses.
    pub center: f64,
    /// Pictures of the epoch that were classified rightly in training.
    pub correct: u64,
    /// Best validation accuracy so far.
    pub best: f64,
    /// Epoch of the best, counted from 1.
    pub best_epoch: u64,
}

/// What an observer is told after every step.
#[derive(Debug, Clone, Copy)]
pub struct BatchReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Steps done in it.
    pub batch: u64,
    /// Steps of an epoch.
    pub batches: u64,
    /// Pictures of a step.
    pub pictures: usize,
    /// Mean cross-entropy in the epoch so far.
    pub softmax: f64,
    /// Mean center loss in the epoch so far.
    pub center: f64,
    /// Training accuracy in the epoch so far.
    pub accuracy: f64,
}

/// One line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Steps since the start.
    pub step: u64,
    /// Learning rate of the last step.
    pub lr: f32,
    /// Mean cross-entropy over the epoch.
    pub softmax: f64,
    /// Mean center loss over the epoch.
    pub center: f64,
    /// Accuracy on the changed pictures that were trained on.
    pub train_accuracy: f64,
    /// Accuracy on the validation part of the averaged weights.
    pub accuracy: f64,
    /// The same with the probabilities of picture and mirrored picture averaged.
    pub accuracy_mirrored: f64,
    /// Accuracy on the validation part of the weights as they are.
    pub accuracy_raw: f64,
    /// Pictures trained on in a second.
    pub rate: f64,
    /// Seconds that the epoch took, with validation.
    pub seconds: f64,
}

/// Is told how a run goes.
pub trait Observer {
    /// After every step.
    fn batch(&mut self, report: &BatchReport);

    /// After every epoch; `best` tells whether no earlier one was as good.
    ///
    /// # Errors
    /// What it returns ends the run.
    fn epoch(&mut self, trainer: &Trainer, report: &EpochReport, best: bool) -> Result<()>;
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Finished,
    /// Validation has not become better for as long as the recipe's patience.
    NoLongerBetter,
    /// Asked to stop; the run can be resumed.
    Stopped,
}

/// A run: weights and all that changes with them.
pub struct Trainer {
    /// The recipe.
    pub config: Config,
    /// Class names in the order of labels.
    pub classes: Vec<String>,
    /// Layers.
    pub net: Architecture,
    /// Weights that are trained.
    pub weights: Weights,
    /// Their running average.
    pub average: Weights,
    /// Optimiser and its memory.
    pub optimizer: Optimizer,
    /// Centers of center loss.
    pub centers: Centers,
    /// How far the run has come.
    pub progress: Progress,
    workspaces: Vec<Workspace>,
}

impl Trainer {
    /// A run that starts from `weights`. `rng` goes on where initialisation left it.
    ///
    /// # Errors
    /// When the recipe has values out of range.
    pub fn new(
        config: Config,
        classes: Vec<String>,
        net: Architecture,
        weights: Weights,
        rng: &Rng,
    ) -> Result<Self> {
        config.check()?;
        let ghosts = config.batch / config.ghost_batch;
        Ok(Self {
            optimizer: Optimizer::new(&net, &weights.params, &config.optimizer),
            centers: Centers::new(net.classes, net.features()),
            progress: Progress {
                rng: rng.state(),
                epoch_rng: rng.state(),
                ..Progress::default()
            },
            average: weights.clone(),
            workspaces: (0..ghosts)
                .map(|_| Workspace::new(&net, config.ghost_batch))
                .collect(),
            weights,
            config,
            classes,
            net,
        })
    }

    /// Trains until the recipe's end, or until `stop` is set.
    ///
    /// # Errors
    /// When there are fewer training pictures than a batch, no validation pictures, the
    /// loss is no longer a number, or the observer fails.
    pub fn run(
        &mut self,
        train: &[&Sample],
        validation: &[&Sample],
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome> {
        let batch = self.config.batch;
        ensure!(
            train.len() >= batch,
            "{} training pictures are fewer than a batch of {batch}",
            train.len()
        );
        ensure!(!validation.is_empty(), "there is no validation picture");
        while self.progress.epoch < self.config.epochs {
            let Some(report) = self.epoch(train, validation, observer, stop)? else {
                return Ok(Outcome::Stopped);
            };
            let best = report.accuracy > self.progress.best;
            if best {
                self.progress.best = report.accuracy;
                self.progress.best_epoch = report.epoch;
            }
            observer.epoch(self, &report, best)?;
            let stale = self.progress.epoch - self.progress.best_epoch;
            if self.config.patience > 0 && stale >= self.config.patience {
                return Ok(Outcome::NoLongerBetter);
            }
        }
        Ok(Outcome::Finished)
    }

    /// The rest of the epoch that is under way; `None` when asked to stop.
    fn epoch(
        &mut self,
        train: &[&Sample],
        validation: &[&Sample],
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<EpochReport>> {
        let start = Instant::now();
        let (classes, balance) = (self.net.classes, self.config.balance);
        let mut rng = Rng::new(self.progress.epoch_rng);
        let order = plan::order(train, classes, balance, &mut rng);
        if self.progress.batch == 0 {
            self.progress.rng = rng.state();
        }
        let class_weights = plan::class_weights(train, classes, balance);
        let batches = (train.len() / self.config.batch) as u64;
        let first = self.progress.batch;
        while self.progress.batch < batches {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let at = self.progress.batch as usize * self.config.batch;
            let samples: Vec<&Sample> = order[at..at + self.config.batch]
                .iter()
                .map(|i| train[*i])
                .collect();
            self.step(&samples, &class_weights, batches);
            let report = self.batch_report(batches);
            ensure!(
                (report.softmax + report.center).is_finite(),
                "the loss is no longer a number after step {}; a lower learning rate may help",
                self.progress.step
            );
            observer.batch(&report);
        }
        let trained = start.elapsed();
        let report = self.finish_epoch(validation, batches, batches - first, trained, start);
        Ok(Some(report))
    }

    fn batch_report(&self, batches: u64) -> BatchReport {
        let progress = &self.progress;
        let pictures = (progress.batch * self.config.batch as u64) as f64;
        BatchReport {
            epoch: progress.epoch + 1,
            batch: progress.batch,
            batches,
            pictures: self.config.batch,
            softmax: progress.softmax / pictures,
            center: progress.center / pictures,
            accuracy: progress.correct as f64 / pictures,
        }
    }

    fn finish_epoch(
        &mut self,
        validation: &[&Sample],
        batches: u64,
        batches_now: u64,
        trained: Duration,
        start: Instant,
    ) -> EpochReport {
        let last = self.batch_report(batches);
        let plain = self.predict(validation, &self.average.clone(), false);
        let mirrored = self.predict(validation, &self.average.clone(), true);
        let raw = self.predict(validation, &self.weights.clone(), false);
        let both: Vec<Vec<f32>> = plain
            .iter()
            .zip(&mirrored)
            .map(|(a, b)| {
                softmax(a)
                    .iter()
                    .zip(softmax(b))
                    .map(|(a, b)| a + b)
                    .collect()
            })
            .collect();
        let progress = &mut self.progress;
        progress.epoch += 1;
        progress.batch = 0;
        progress.softmax = 0.0;
        progress.center = 0.0;
        progress.correct = 0;
        progress.epoch_rng = progress.rng;
        EpochReport {
            epoch: progress.epoch,
            step: progress.step,
            lr: self.lr(batches),
            softmax: last.softmax,
            center: last.center,
            train_accuracy: last.accuracy,
            accuracy: accuracy(&plain, validation),
            accuracy_mirrored: accuracy(&both, validation),
            accuracy_raw: accuracy(&raw, validation),
            rate: (batches_now * self.config.batch as u64) as f64 / trained.as_secs_f64(),
            seconds: start.elapsed().as_secs_f64(),
        }
    }

    fn predict(&mut self, samples: &[&Sample], weights: &Weights, mirrored: bool) -> Vec<Vec<f32>> {
        predict(&self.net, weights, &mut self.workspaces, samples, mirrored)
    }

    /// Rate of the last step.
    fn lr(&self, batches: u64) -> f32 {
        let config = &self.config;
        let step = self.progress.step;
        config
            .schedule
            .lr(config.optimizer.lr, step, batches, config.epochs)
    }

    fn step(&mut self, samples: &[&Sample], class_weights: &[f32], batches: u64) {
        let mut rng = Rng::new(self.progress.rng);
        let seed = rng.bits();
        self.progress.rng = rng.state();
        let step = Step {
            net: &self.net,
            weights: &self.weights,
            centers: &self.centers,
            config: &self.config,
            augment: &self.config.augment,
            class_weights,
            batch: samples.len(),
        };
        let sums: Vec<Sums> = self
            .workspaces
            .par_iter_mut()
            .zip(samples.par_chunks(self.config.ghost_batch))
            .enumerate()
            .map(|(k, (ws, samples))| {
                // Each ghost batch draws its own numbers, whichever thread runs it.
                let mut rng = Rng::new(seed ^ (k as u64 * 7919));
                step.run(ws, samples, &mut rng)
            })
            .collect();
        let progress = &mut self.progress;
        progress.batch += 1;
        progress.step += 1;
        for sums in &sums {
            progress.softmax += sums.softmax;
            progress.center += sums.center * samples.len() as f64;
            progress.correct += sums.correct as u64;
        }

        let (first, others) = self
            .workspaces
            .split_first_mut()
            .expect("a batch has pictures");
        for other in others {
            let pairs = first.gradients.par_iter_mut().zip(&other.gradients);
            pairs.for_each(|(sum, gradient)| optim::add(sum, gradient));
        }
        let lr = self.lr(batches);
        let from = 3 * self.config.lowest_layer();
        let gradients = &self.workspaces[0].gradients;
        let params = &mut self.weights.params;
        self.optimizer
            .step(params, gradients, lr, self.progress.step, from);
        self.follow(samples);
    }

    /// Moves what follows the weights and the batch: averages, statistics, centers.
    fn follow(&mut self, samples: &[&Sample]) {
        let step = self.progress.step as f32;
        // Early on an average over fewer steps, so that it does not hold on to the start.
        let keep = self.config.ema.min((1.0 + step) / (10.0 + step));
        let pairs = self.average.params.par_iter_mut().zip(&self.weights.params);
        pairs.for_each(|(average, new)| optim::blend(average, new, keep));

        let norm_keep = self.config.norm_decay.min((1.0 + step) / (3.0 + step));
        let ghosts = self.workspaces.len() as f32;
        for layer in self.config.lowest_layer()..self.net.layers.len() {
            let channels = self.net.layers[layer].outputs;
            let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
            for ws in &self.workspaces {
                let inverse = ws.inverse_deviation(layer);
                for c in 0..channels {
                    mean[c] += ws.mean(layer)[c] / ghosts;
                    variance[c] += (1.0 / (inverse[c] * inverse[c]) - EPSILON) / ghosts;
                }
            }
            for (moments, keep) in [
                (&mut self.weights.moments[layer], norm_keep),
                (&mut self.average.moments[layer], keep),
            ] {
                optim::blend(&mut moments.mean, &mean, keep);
                optim::blend(&mut moments.variance, &variance, keep);
            }
        }

        if self.config.center.lambda > 0.0 {
            let features = self.net.features();
            let batch = self
                .workspaces
                .iter()
                .flat_map(|ws| ws.features.chunks_exact(features))
                .zip(samples)
                .map(|(feature, sample)| (feature, sample.label));
            self.centers.follow(batch, &self.config.center);
        }
    }
}
