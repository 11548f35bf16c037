//! Center loss (Wen et al. 2016) and island loss (Cai et al. 2018).
//!
//! Center loss pulls each feature x to the center c of its class:
//! lambda / 2 * sum |x_i - c_yi|^2 (eq. 2 of the former). Centers are not trained by its
//! gradient but follow the batch (eq. 4):
//! c_j <- c_j - alpha * sum_i [y_i = j] (c_j - x_i) / (1 + n_j). Island loss adds the
//! cosine of every pair of centers, and its gradient to that update (eq. 9 of the latter),
//! so that the classes also part from each other.

use serde::{Deserialize, Serialize};

use crate::Result;

/// Over what the squared distances of a batch are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// Mean: lambda weighs as much as it does beside a mean cross-entropy.
    #[default]
    Mean,
    /// Sum: lambda weighs as many times more as there are pictures in a batch.
    Sum,
}

/// Settings of center loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CenterConfig {
    /// Weight; 0 turns it off.
    pub lambda: f32,
    /// Share by which centers follow, 0 to 1.
    pub alpha: f32,
    /// Mean or sum over the batch.
    pub convention: Convention,
    /// Weight of the island term in the update of the centers; 0 turns it off.
    pub island: f32,
}

impl Default for CenterConfig {
    fn default() -> Self {
        Self {
            lambda: 0.0,
            alpha: 0.5,
            convention: Convention::Mean,
            island: 0.0,
        }
    }
}

impl CenterConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.lambda >= 0.0 && self.lambda.is_finite(),
            Setting,
            "center.lambda {} is negative or not a number",
            self.lambda
        );
        ensure!(
            (0.0..=1.0).contains(&self.alpha),
            Setting,
            "center.alpha {} is not 0 to 1",
            self.alpha
        );
        ensure!(
            self.island >= 0.0 && self.island.is_finite(),
            Setting,
            "center.island {} is negative or not a number",
            self.island
        );
        Ok(())
    }

    /// What each picture's difference to its center is multiplied by in a batch of `n`.
    pub fn factor(&self, n: usize) -> f32 {
        match self.convention {
            Convention::Mean => self.lambda / n as f32,
            Convention::Sum => self.lambda,
        }
    }
}

/// One center a class, on the pooled feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Centers {
    features: usize,
    values: Vec<f32>,
}

impl Centers {
    /// All at zero.
    pub fn new(classes: usize, features: usize) -> Self {
        Self {
            features,
            values: vec![0.0; classes * features],
        }
    }

    /// The centers, classes x features.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// As [`Centers::values`], to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The center of class `label`.
    pub fn of(&self, label: usize) -> &[f32] {
        &self.values[label * self.features..][..self.features]
    }

    /// Loss of one picture with [`CenterConfig::factor`] `factor`; adds its gradient.
    pub fn pull(&self, feature: &[f32], label: usize, factor: f32, gradient: &mut [f32]) -> f32 {
        let center = self.of(label);
        let mut squares = 0.0;
        for ((g, x), c) in gradient.iter_mut().zip(feature).zip(center) {
            squares += (x - c) * (x - c);
            *g += factor * (x - c);
        }
        0.5 * factor * squares
    }

    /// Moves the centers after a batch of features (pictures x features) and their labels.
    /// A class without a picture stays where it is, but for the island term.
    pub fn follow<'a>(
        &mut self,
        batch: impl Iterator<Item = (&'a [f32], usize)>,
        config: &CenterConfig,
    ) {
        let mut counts = vec![0.0f32; self.values.len() / self.features];
        let mut step = vec![0.0f32; self.values.len()];
        for (feature, label) in batch {
            counts[label] += 1.0;
            let row = &mut step[label * self.features..][..self.features];
            for ((d, c), x) in row.iter_mut().zip(self.of(label)).zip(feature) {
                *d += c - x;
            }
        }
        let rows = step.chunks_exact_mut(self.features).zip(&counts);
        for (row, count) in rows {
            row.iter_mut().for_each(|d| *d /= 1.0 + count);
        }
        if config.island > 0.0 {
            self.part(config.island, &mut step);
        }
        for (c, d) in self.values.iter_mut().zip(&step) {
            *c -= config.alpha * d;
        }
    }

    /// Adds island loss's gradient by the centers:
    /// weight / (classes - 1) * sum_k (c_k / (|c_k| |c_j|) - cos_jk c_j / |c_j|^2).
    /// A center at zero has no direction and takes no part.
    fn part(&self, weight: f32, step: &mut [f32]) {
        let classes = self.values.len() / self.features;
        let norms: Vec<f32> = (0..classes)
            .map(|j| dot(self.of(j), self.of(j)).sqrt())
            .collect();
        let weight = weight / (classes - 1) as f32;
        for (j, row) in step.chunks_exact_mut(self.features).enumerate() {
            for k in (0..classes).filter(|k| *k != j) {
                let norm = norms[j] * norms[k];
                if norm <= f32::EPSILON {
                    continue;
                }
                let cosine = dot(self.of(j), self.of(k)) / norm;
                let pull = cosine / (norms[j] * norms[j]);
                for ((d, cj), ck) in row.iter_mut().zip(self.of(j)).zip(self.of(k)) {
                    *d += weight * (ck / norm - pull * cj);
                }
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centers(values: &[f32]) -> Centers {
        let mut centers = Centers::new(values.len() / 2, 2);
        centers.values_mut().copy_from_slice(values);
        centers
    }

    #[test]
    fn the_loss_is_half_the_weighted_squared_distance() {
        let centers = centers(&[0.0, 0.0, 1.0, 2.0]);
        let mut gradient = [10.0, 10.0];
        // |(4, 6) - (1, 2)|^2 = 25.
        let loss = centers.pull(&[4.0, 6.0], 1, 0.1, &mut gradient);
        assert!((loss - 1.25).abs() < 1e-6);
        assert!((gradient[0] - 10.3).abs() < 1e-6 && (gradient[1] - 10.4).abs() < 1e-6);
    }

    #[test]
    fn sum_weighs_by_the_batch_more_than_mean() {
        let mean = CenterConfig {
            lambda: 0.064,
            ..CenterConfig::default()
        };
        let sum = CenterConfig {
            lambda: 0.001,
            convention: Convention::Sum,
            ..CenterConfig::default()
        };
        assert!((mean.factor(64) - sum.factor(64)).abs() < 1e-9);
    }

    #[test]
    fn centers_follow_their_class_and_absent_classes_stay() {
        let mut centers = centers(&[0.0, 0.0, 1.0, 2.0, 5.0, 5.0]);
        let config = CenterConfig::default();
        let batch: [(&[f32], usize); 3] = [(&[3.0, 6.0], 1), (&[5.0, 2.0], 1), (&[2.0, 0.0], 0)];
        centers.follow(batch.into_iter(), &config);
        // Class 1: sum of c - x = (-6, -4), / (1 + 2) = (-2, -4/3), times 0.5.
        // Class 0: (-2, 0) / (1 + 1) = (-1, 0), times 0.5.
        let want = [0.5, 0.0, 2.0, 2.0 + 2.0 / 3.0, 5.0, 5.0];
        for (have, want) in centers.values().iter().zip(want) {
            assert!((have - want).abs() < 1e-6, "{:?}", centers.values());
        }
    }

    #[test]
    fn islands_part_centers_that_point_the_same_way() {
        let cosine = |c: &Centers| {
            dot(c.of(0), c.of(1)) / (dot(c.of(0), c.of(0)) * dot(c.of(1), c.of(1))).sqrt()
        };
        let mut centers = centers(&[1.0, 0.1, 1.0, 0.3]);
        let before = cosine(&centers);
        let config = CenterConfig {
            island: 0.5,
            ..CenterConfig::default()
        };
        for _ in 0..20 {
            centers.follow(std::iter::empty(), &config);
        }
        assert!(cosine(&centers) < before - 0.05);
    }

    #[test]
    fn the_island_gradient_is_the_slope_of_the_cosines() {
        let start = centers(&[0.7, 0.2, -0.3, 0.9, 0.5, 0.5]);
        let energy = |c: &Centers| {
            let mut sum = 0.0f64;
            for j in 0..3 {
                for k in 0..j {
                    let norm = (dot(c.of(j), c.of(j)) * dot(c.of(k), c.of(k))).sqrt();
                    sum += f64::from(dot(c.of(j), c.of(k)) / norm);
                }
            }
            sum
        };
        let mut step = vec![0.0; 6];
        start.part(2.0, &mut step);
        for (i, slope) in step.iter().enumerate() {
            let moved = |by: f32| {
                let mut c = start.clone();
                c.values_mut()[i] += by;
                energy(&c)
            };
            let want = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!(
                (f64::from(*slope) - want).abs() < 1e-2,
                "{i}: {slope} {want}"
            );
        }
    }
}
