//! From gradients to new weights.

pub mod schedule;
mod step;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use schedule::{Schedule, ScheduleKind};
pub use step::{add, blend};

use crate::Result;
use crate::nn::{Architecture, Kind};

/// Rule by which weights follow their gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019); decay rates 0.9 and
    /// 0.999, epsilon 1e-8.
    #[default]
    AdamW,
    /// Stochastic gradient descent with momentum; weight decay is part of the gradient.
    Sgd,
}

/// Settings of the optimiser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// Rule.
    pub kind: OptimizerKind,
    /// Highest learning rate; the schedule scales it.
    pub lr: f32,
    /// Weight decay. Depthwise weights, batch norm and biases have none.
    pub weight_decay: f32,
    /// Momentum of `sgd`.
    pub momentum: f32,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::AdamW,
            lr: 1e-3,
            weight_decay: 0.05,
            momentum: 0.9,
        }
    }
}

impl OptimizerConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.lr > 0.0 && self.lr <= 10.0,
            Setting,
            "optimizer.lr {} is not above 0 and at most 10",
            self.lr
        );
        ensure!(
            (0.0..=1.0).contains(&self.weight_decay),
            Setting,
            "optimizer.weight_decay {} is not 0 to 1",
            self.weight_decay
        );
        ensure!(
            (0.0..1.0).contains(&self.momentum),
            Setting,
            "optimizer.momentum {} is not 0 to below 1",
            self.momentum
        );
        Ok(())
    }
}

/// An optimiser and what it remembers of past gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// Whether weight decay applies, one a parameter.
    decays: Vec<bool>,
    /// Running mean of the gradients (AdamW), or the velocity (SGD).
    pub first: Vec<Vec<f32>>,
    /// Running mean of their squares (AdamW); empty vectors for SGD.
    pub second: Vec<Vec<f32>>,
}

impl Optimizer {
    /// An optimiser that has seen nothing.
    pub fn new(net: &Architecture, params: &[Vec<f32>], config: &OptimizerConfig) -> Self {
        let decays = net
            .layers
            .iter()
            .flat_map(|layer| [layer.kind != Kind::Depthwise, false, false])
            .chain([true, false])
            .collect();
        let zeros = |keep: bool| -> Vec<Vec<f32>> {
            let len = |p: &Vec<f32>| if keep { p.len() } else { 0 };
            params.iter().map(|p| vec![0.0; len(p)]).collect()
        };
        Self {
            decays,
            first: zeros(true),
            second: zeros(config.kind == OptimizerKind::AdamW),
            config: config.clone(),
        }
    }

    /// Moves the parameters from index `from` on. `step` counts from 1.
    pub fn step(
        &mut self,
        params: &mut [Vec<f32>],
        gradients: &[Vec<f32>],
        lr: f32,
        step: u64,
        from: usize,
    ) {
        let config = &self.config;
        let correction = step::Correction::new(step);
        let state = self.first.par_iter_mut().zip(&mut self.second);
        params
            .par_iter_mut()
            .zip(gradients)
            .zip(state)
            .zip(&self.decays)
            .skip(from)
            .for_each(|(((w, g), (first, second)), decays)| {
                let decay = if *decays { config.weight_decay } else { 0.0 };
                match config.kind {
                    OptimizerKind::AdamW => {
                        step::adamw(w, g, first, second, lr, decay, correction);
                    }
                    OptimizerKind::Sgd => step::sgd(w, g, first, lr, decay, config.momentum),
                }
            });
    }
}
