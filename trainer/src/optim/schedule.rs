//! The learning rate over a run.

use std::f32::consts::PI;

use serde::{Deserialize, Serialize};

use crate::Result;

/// Form of the curve after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// Half a cosine down to `final_lr` at the last step.
    #[default]
    Cosine,
    /// Times `factor` after every `decay_epochs`.
    Staircase,
    /// No change.
    Constant,
}

/// Settings of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Form of the curve.
    pub kind: ScheduleKind,
    /// Epochs over which the rate rises from zero.
    pub warmup_epochs: f32,
    /// Rate at the end of `cosine`.
    pub final_lr: f32,
    /// Factor of `staircase`.
    pub factor: f32,
    /// Epochs of one stair.
    pub decay_epochs: f32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine,
            warmup_epochs: 1.0,
            final_lr: 1e-6,
            factor: 0.94,
            decay_epochs: 20.0,
        }
    }
}

impl Schedule {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("warmup_epochs", self.warmup_epochs, 0.0, 1e4),
            ("final_lr", self.final_lr, 0.0, 10.0),
            ("factor", self.factor, 1e-6, 1.0),
            ("decay_epochs", self.decay_epochs, 1e-3, 1e6),
        ];
        for (name, value, low, high) in ranges {
            ensure!(
                (low..=high).contains(&value),
                Setting,
                "schedule.{name} {value} is not {low} to {high}"
            );
        }
        Ok(())
    }

    /// Rate of step `step`, counted from 1, where `lr` is the highest.
    pub fn lr(&self, lr: f32, step: u64, steps_per_epoch: u64, epochs: u64) -> f32 {
        let warm = self.warmup_epochs * steps_per_epoch as f32;
        let (at, total) = (step as f32, (steps_per_epoch * epochs) as f32);
        if at <= warm {
            return lr * at / warm;
        }
        match self.kind {
            ScheduleKind::Cosine => {
                let share = (at - warm) / (total - warm).max(1.0);
                let left = 0.5 * (1.0 + (PI * share.min(1.0)).cos());
                self.final_lr + (lr - self.final_lr) * left
            }
            ScheduleKind::Staircase => {
                let stairs = (at - 1.0) / (self.decay_epochs * steps_per_epoch as f32);
                lr * self.factor.powf(stairs.floor())
            }
            ScheduleKind::Constant => lr,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_then_cosine() {
        let schedule = Schedule::default();
        let lr = |step| schedule.lr(1.0, step, 10, 3);
        assert!((lr(5) - 0.5).abs() < 1e-6 && (lr(10) - 1.0).abs() < 1e-6);
        assert!((lr(20) - 0.5).abs() < 1e-5 && lr(30) < 1e-5);
    }

    #[test]
    fn the_rate_is_never_above_the_highest_nor_below_the_final_one() {
        let schedule = Schedule {
            warmup_epochs: 0.0,
            final_lr: 0.25,
            ..Schedule::default()
        };
        let rates: Vec<f32> = (1..=30).map(|step| schedule.lr(1.0, step, 10, 3)).collect();
        assert!(
            rates.iter().all(|rate| (0.25..=1.0).contains(rate)),
            "{rates:?}"
        );
        assert_eq!(rates[29], 0.25);
        // A constant one ends where it began.
        assert_eq!(schedule.lr(0.25, 7, 10, 3), 0.25);
    }

    #[test]
    fn stairs_go_down_after_their_epochs() {
        let schedule = Schedule {
            kind: ScheduleKind::Staircase,
            warmup_epochs: 0.0,
            decay_epochs: 2.0,
            factor: 0.5,
            ..Schedule::default()
        };
        let lr = |step| schedule.lr(1.0, step, 10, 6);
        assert_eq!([lr(1), lr(20), lr(21), lr(41)], [1.0, 1.0, 0.5, 0.25]);
    }
}
