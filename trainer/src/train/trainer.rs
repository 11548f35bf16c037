//! The state of a run and the loop that moves it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fer::classify::softmax;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::loader::{GhostBatch, Loader};
use super::observer::{BatchReport, Observer, Outcome};
use super::plan::Planned;
use super::predict::predict_on;
use super::prefetch::{in_turn, prefetch};
use super::step::{Step, StepSums};
use super::{Device, SoftLabels, accuracy, balanced_accuracy, plan};
use crate::Result;
use crate::artifact::{Config, EpochReport};
use crate::data::{Sample, digest};
use crate::loss::Centers;
use crate::nn::{Architecture, Backend, Weights};
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
    /// Epoch of the best, counted from 1; of several that are as good the last, since few
    /// validation pictures leave many ties, and the first epochs have learnt little.
    pub best_epoch: u64,
    /// The first that was as good.
    #[serde(default)]
    pub better_epoch: u64,
    /// [`digest`] of the validation pictures; 0 in runs from before it was kept.
    #[serde(default)]
    pub validation: u64,
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
    /// What a teacher says of the pictures to train on, where there is one; its views take the
    /// place of the recipe's.
    pub teacher: Option<Arc<SoftLabels>>,
    device: Device,
    /// One a ghost batch; made when they are first needed.
    backends: Vec<Box<dyn Backend>>,
}

/// Where the time of an epoch went.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// In drawing pictures, or waiting for them where they are drawn ahead.
    drawing: Duration,
    /// In all ghost batches, one after another.
    ghosts: Duration,
}

/// What stays the same over the steps of an epoch.
struct Epoch<'a> {
    loader: Loader<'a>,
    /// Factor of each class's loss.
    class_weights: Vec<f32>,
    /// Steps of the epoch.
    batches: u64,
}

/// One of the two sets of weights that a run has.
enum WeightSet {
    Trained,
    Average,
}

/// The pictures of a step.
enum StepInput {
    /// Drawn ahead, one a ghost batch.
    Prefetched(Vec<GhostBatch>),
    /// To be drawn by the thread that goes on with them.
    OnDemand,
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
        Ok(Self {
            optimizer: Optimizer::new(&net, &weights.params, &config.optimizer),
            centers: Centers::new(net.classes, net.features()),
            progress: Progress {
                rng: rng.state(),
                epoch_rng: rng.state(),
                ..Progress::default()
            },
            average: weights.clone(),
            teacher: None,
            device: Device::default(),
            backends: Vec::new(),
            weights,
            config,
            classes,
            net,
        })
    }

    /// Trains on `device` from here on.
    ///
    /// # Errors
    /// When this build lacks it, or it is not there.
    pub fn move_to(&mut self, device: Device) -> Result<()> {
        let ghosts = self.config.batch / self.config.ghost_batch;
        self.backends = device.backends(&self.net, ghosts, self.config.ghost_batch)?;
        self.device = device;
        Ok(())
    }

    /// Whether the recipe can be run on these pictures.
    ///
    /// # Errors
    /// When there are fewer training pictures than a batch, or no validation pictures, or the
    /// teacher was asked about others.
    pub fn check(&self, train: &[&Sample], validation: &[&Sample]) -> Result<()> {
        let batch = self.config.batch;
        ensure!(
            train.len() >= batch,
            Training,
            "{} training pictures are fewer than a batch of {batch}; batch and ghost_batch in a \
             recipe (--config) make it smaller",
            train.len()
        );
        ensure!(
            !validation.is_empty(),
            Training,
            "there is no validation picture"
        );
        let teacher = self.teacher.as_ref();
        teacher.map_or(Ok(()), |teacher| teacher.check(&self.classes, train))
    }

    /// Trains until the recipe's end, or until `stop` is set.
    ///
    /// # Errors
    /// As [`Trainer::check`]; when the loss is no longer a number, or the device or the observer
    /// fails.
    pub fn run(
        &mut self,
        train: &[&Sample],
        validation: &[&Sample],
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome> {
        self.check(train, validation)?;
        self.progress.validation = digest(validation.iter().copied());
        if self.backends.is_empty() {
            self.move_to(self.device)?;
        }
        while self.progress.epoch < self.config.epochs {
            let Some(report) = self.epoch(train, validation, observer, stop)? else {
                return Ok(Outcome::Stopped);
            };
            let best = report.accuracy >= self.progress.best;
            if report.accuracy > self.progress.best {
                self.progress.better_epoch = report.epoch;
            }
            if best {
                self.progress.best = report.accuracy;
                self.progress.best_epoch = report.epoch;
            }
            observer.epoch(self, &report, best)?;
            let stale = self.progress.epoch - self.progress.better_epoch;
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
        let batches = (train.len() / self.config.batch) as u64;
        let first = self.progress.batch;
        let (config, teacher) = (self.config.clone(), self.teacher.clone());
        let epoch = Epoch {
            loader: Loader {
                config: &config,
                teacher: teacher.as_deref(),
                classes,
            },
            class_weights: plan::class_weights(train, classes, balance),
            batches,
        };
        let rng = Rng::new(self.progress.rng);
        let plan = plan::steps(train, &order, config.batch, first as usize, rng);
        let Some(clock) = self.steps(&epoch, plan, observer, stop)? else {
            return Ok(None);
        };
        let trained = start.elapsed();
        let report = self.finish_epoch(validation, batches, batches - first, trained, start)?;
        let of = if self.device.prefetches() {
            trained
        } else {
            clock.ghosts
        };
        let drawing = clock.drawing.as_secs_f64() / of.as_secs_f64();
        Ok(Some(EpochReport {
            drawing: drawing.is_finite().then_some(drawing),
            ..report
        }))
    }

    /// Takes the steps of `plan`, and tells where the time went; `None` when asked to stop.
    fn steps<'a>(
        &mut self,
        epoch: &Epoch,
        plan: impl Iterator<Item = Planned<'a>> + Send,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Option<Clock>> {
        let prefetches = self.device.prefetches();
        let mut clock = Clock::default();
        let mut take = |planned: Planned, input: StepInput, waited: Duration| {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            clock.drawing += waited;
            self.step(epoch, planned, input, &mut clock)?;
            let report = self.batch_report(epoch.batches);
            ensure!(
                (report.softmax + report.center).is_finite(),
                Training,
                "the loss is no longer a number after step {}; a lower learning rate may help",
                self.progress.step
            );
            observer.batch(&report);
            Ok(true)
        };
        let whole = if prefetches {
            let loader = epoch.loader;
            prefetch(
                plan,
                |planned| (loader.draw_step(&planned), planned),
                |(batches, planned), waited| take(planned, StepInput::Prefetched(batches), waited),
            )?
        } else {
            in_turn(plan, |planned| {
                take(planned, StepInput::OnDemand, Duration::ZERO)
            })?
        };
        Ok(whole.then_some(clock))
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
    ) -> Result<EpochReport> {
        let last = self.batch_report(batches);
        let plain = self.predict(validation, WeightSet::Average, false)?;
        let mirrored = self.predict(validation, WeightSet::Average, true)?;
        let raw = self.predict(validation, WeightSet::Trained, false)?;
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
        Ok(EpochReport {
            epoch: progress.epoch,
            step: progress.step,
            lr: self.lr(batches),
            softmax: last.softmax,
            center: last.center,
            train_accuracy: last.accuracy,
            accuracy: accuracy(&plain, validation),
            accuracy_balanced: Some(balanced_accuracy(&plain, validation)),
            accuracy_mirrored: accuracy(&both, validation),
            accuracy_raw: accuracy(&raw, validation),
            rate: (batches_now * self.config.batch as u64) as f64 / trained.as_secs_f64(),
            seconds: start.elapsed().as_secs_f64(),
            drawing: None,
        })
    }

    fn predict(
        &mut self,
        samples: &[&Sample],
        which: WeightSet,
        mirrored: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let weights = match which {
            WeightSet::Trained => &self.weights,
            WeightSet::Average => &self.average,
        };
        // Several backends on one device would only wait for each other.
        let used = if self.device == Device::Cpu {
            self.backends.len()
        } else {
            1
        };
        let backends = self.backends[..used]
            .iter_mut()
            .map(|e| &mut **e as &mut dyn Backend)
            .collect();
        predict_on(&self.net, weights, backends, samples, mirrored)
    }

    /// Rate of the last step.
    fn lr(&self, batches: u64) -> f32 {
        let config = &self.config;
        let step = self.progress.step;
        config
            .schedule
            .lr(config.optimizer.lr, step, batches, config.epochs)
    }

    fn step(
        &mut self,
        epoch: &Epoch,
        planned: Planned,
        input: StepInput,
        clock: &mut Clock,
    ) -> Result<()> {
        let Planned { samples, seed, rng } = planned;
        let step = Step {
            net: &self.net,
            weights: &self.weights,
            centers: &self.centers,
            config: &self.config,
            class_weights: &epoch.class_weights,
            batch: samples.len(),
        };
        let ghost = self.config.ghost_batch;
        let sums: Result<Vec<(StepSums, Clock)>> = match input {
            StepInput::Prefetched(batches) => self
                .backends
                .iter_mut()
                .zip(samples.chunks(ghost))
                .zip(batches)
                .map(|((backend, samples), batch)| {
                    let sums = step.run(&mut **backend, samples, batch)?;
                    Ok((sums, Clock::default()))
                })
                .collect(),
            StepInput::OnDemand => self
                .backends
                .par_iter_mut()
                .zip(samples.par_chunks(ghost))
                .enumerate()
                .map(|(k, (backend, samples))| {
                    let began = Instant::now();
                    let batch = epoch.loader.draw(samples, seed, k);
                    let drawing = began.elapsed();
                    let sums = step.run(&mut **backend, samples, batch)?;
                    let ghosts = began.elapsed();
                    Ok((sums, Clock { drawing, ghosts }))
                })
                .collect(),
        };
        let sums = sums?;
        let progress = &mut self.progress;
        progress.rng = rng;
        progress.batch += 1;
        progress.step += 1;
        for (sums, took) in &sums {
            progress.softmax += sums.softmax;
            progress.center += sums.center * samples.len() as f64;
            progress.correct += sums.correct as u64;
            clock.drawing += took.drawing;
            clock.ghosts += took.ghosts;
        }

        let (first, others) = self
            .backends
            .split_first_mut()
            .expect("a batch has pictures");
        for other in others {
            let sums = first.exchange_mut().gradients.par_iter_mut();
            let pairs = sums.zip(&other.exchange().gradients);
            pairs.for_each(|(sum, gradient)| optim::add(sum, gradient));
        }
        let lr = self.lr(epoch.batches);
        let from = 3 * self.config.lowest_layer();
        let gradients = &self.backends[0].exchange().gradients;
        let params = &mut self.weights.params;
        self.optimizer
            .step(params, gradients, lr, self.progress.step, from);
        self.follow(&samples);
        Ok(())
    }

    /// Moves what follows the weights and the batch: averages, statistics, centers.
    fn follow(&mut self, samples: &[(usize, &Sample)]) {
        let step = self.progress.step as f32;
        // Early on an average over fewer steps, so that it does not hold on to the start.
        let keep = self.config.ema.min((1.0 + step) / (10.0 + step));
        let pairs = self.average.params.par_iter_mut().zip(&self.weights.params);
        pairs.for_each(|(average, new)| optim::blend(average, new, keep));

        let norm_keep = self.config.norm_decay.min((1.0 + step) / (3.0 + step));
        // Without an average the evaluated network is the trained one, statistics and all.
        let average_keep = if self.config.ema > 0.0 {
            keep
        } else {
            norm_keep
        };
        let ghosts = self.backends.len() as f32;
        for layer in self.config.lowest_layer()..self.net.layers.len() {
            let channels = self.net.layers[layer].outputs;
            let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
            for backend in &self.backends {
                let own = backend.moments(layer);
                for c in 0..channels {
                    mean[c] += own.mean[c] / ghosts;
                    variance[c] += own.variance[c] / ghosts;
                }
            }
            for (moments, keep) in [
                (&mut self.weights.moments[layer], norm_keep),
                (&mut self.average.moments[layer], average_keep),
            ] {
                optim::blend(&mut moments.mean, &mean, keep);
                optim::blend(&mut moments.variance, &variance, keep);
            }
        }

        if self.config.center.lambda > 0.0 {
            let ghost = self.config.ghost_batch;
            let features = self.net.features();
            let found = self.backends.iter().map(|e| &e.exchange().features);
            let batch = found
                .zip(samples.chunks(ghost))
                .flat_map(|(found, samples)| found.chunks_exact(features).zip(samples))
                .map(|(feature, (_, sample))| (feature, sample.label));
            self.centers.follow(batch, &self.config.center);
        }
    }
}
