//! How well a model reads faces as cameras show them: each of [`ALL`] at three strengths, on
//! the same faces, beside the faces as they are.
//!
//! After Hendrycks and Dietterich 2019, "Benchmarking neural network robustness to common
//! corruptions and perturbations"; the mean is over all kinds and strengths, and its share of
//! the accuracy on clean faces is what is left of the model outside the studio.

use std::f32::consts::TAU;

use fer::Classifier;
use serde::Serialize;

use super::{Metrics, evaluate};
use crate::augment::View;
use crate::data::Sample;
use crate::rng::Rng;
use crate::{Result, SIDE, degrade};

/// A kind of damage.
#[derive(Debug, Clone, Copy)]
pub struct Corruption {
    /// Name, as in the table.
    pub name: &'static str,
    /// What its strength is measured in.
    pub unit: &'static str,
    /// Three strengths, from light to heavy.
    pub strengths: [f32; 3],
    apply: fn(&mut [f32], f32, &mut Rng),
}

/// All kinds.
pub const ALL: [Corruption; 13] = [
    Corruption {
        name: "small face",
        unit: "pixels wide",
        strengths: [32.0, 24.0, 16.0],
        apply: |face, side, _| degrade::at_resolution(face, side as usize, |_| ()),
    },
    Corruption {
        name: "out of focus",
        unit: "sigma, pixels",
        strengths: [1.0, 1.5, 2.0],
        apply: |face, sigma, _| degrade::blur(face, sigma),
    },
    Corruption {
        name: "motion",
        unit: "pixels",
        strengths: [4.0, 7.0, 10.0],
        apply: |face, length, rng| degrade::motion(face, length, TAU * rng.unit()),
    },
    Corruption {
        name: "noise",
        unit: "sigma of 255",
        strengths: [8.0, 15.0, 25.0],
        apply: |face, sigma, rng| degrade::noise(face, sigma, rng),
    },
    Corruption {
        name: "JPEG",
        unit: "quality",
        strengths: [30.0, 15.0, 8.0],
        apply: |face, quality, _| degrade::jpeg(face, quality as u8),
    },
    Corruption {
        name: "low contrast",
        unit: "factor",
        strengths: [0.6, 0.4, 0.25],
        apply: |face, factor, _| degrade::contrast(face, factor),
    },
    Corruption {
        name: "dark",
        unit: "gamma",
        strengths: [1.5, 2.0, 3.0],
        apply: |face, gamma, _| degrade::gamma(face, gamma),
    },
    Corruption {
        name: "bright",
        unit: "gamma",
        strengths: [0.67, 0.5, 0.33],
        apply: |face, gamma, _| degrade::gamma(face, gamma),
    },
    Corruption {
        name: "light from a side",
        unit: "share",
        strengths: [0.3, 0.5, 0.7],
        apply: |face, strength, rng| degrade::side_light(face, strength, TAU * rng.unit()),
    },
    Corruption {
        name: "tilted",
        unit: "degrees",
        strengths: [10.0, 20.0, 30.0],
        apply: |face, degrees, rng| {
            let angle = either(rng) * degrees.to_radians();
            look(face, &View::new(angle, 1.0, (0.0, 0.0)));
        },
    },
    Corruption {
        name: "box off its face",
        unit: "pixels",
        strengths: [2.0, 4.0, 6.0],
        apply: |face, by, rng| {
            let (sin, cos) = (TAU * rng.unit()).sin_cos();
            look(face, &View::new(0.0, 1.0, (by * cos, by * sin)));
        },
    },
    Corruption {
        name: "box of another size",
        unit: "share",
        strengths: [0.1, 0.2, 0.3],
        apply: |face, by, rng| {
            look(face, &View::new(0.0, 1.0 + either(rng) * by, (0.0, 0.0)));
        },
    },
    Corruption {
        name: "eyes or mouth covered",
        unit: "rows of 48",
        strengths: [6.0, 10.0, 14.0],
        apply: |face, rows, rng| {
            let (width, height) = (36, rows as usize);
            let middle = if rng.unit() < 0.5 { 18 } else { 36 };
            degrade::cover(face, 6, middle - height / 2, width, height, 128.0);
        },
    },
];

/// -1 or 1.
fn either(rng: &mut Rng) -> f32 {
    if rng.unit() < 0.5 { -1.0 } else { 1.0 }
}

fn look(face: &mut [f32], view: &View) {
    let grey = rounded(face);
    view.look_up(&grey, false, face);
}

/// As a camera gives values: 0 to 255, whole.
fn rounded(face: &[f32]) -> Vec<u8> {
    face.iter().map(|v| v.round() as u8).collect()
}

impl Corruption {
    /// The face, damaged.
    pub fn apply(&self, face: &[u8], strength: f32, rng: &mut Rng) -> Vec<u8> {
        let mut damaged: Vec<f32> = face.iter().map(|v| f32::from(*v)).collect();
        (self.apply)(&mut damaged, strength, rng);
        rounded(&damaged)
    }
}

/// One kind at one strength.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the kind.
    pub corruption: &'static str,
    /// Unit of the strength.
    pub unit: &'static str,
    /// Strength.
    pub strength: f32,
    /// Share of the faces that was right.
    pub accuracy: f64,
    /// Mean over the classes of the same.
    pub balanced_accuracy: f64,
    /// What is lost beside clean faces.
    pub loss: f64,
}

/// All kinds at all strengths.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Robustness {
    /// Accuracy on the faces as they are.
    pub clean: f64,
    /// Mean accuracy of all rows.
    pub mean: f64,
    /// `mean` as a share of `clean`.
    pub share_of_clean: f64,
    /// Mean balanced accuracy of all rows.
    pub balanced_mean: f64,
    /// Start of the random numbers.
    pub seed: u64,
    /// One a kind and strength.
    pub rows: Vec<Row>,
}

/// Evaluates `classifier` on damaged copies of `samples`. The same seed damages them in the
/// same way. `progress` is told of every row.
///
/// # Errors
/// As [`evaluate`].
pub fn robustness(
    classifier: &mut Classifier,
    classes: &[String],
    samples: &[&Sample],
    mirror: bool,
    seed: u64,
    progress: &mut dyn FnMut(usize, &Row),
) -> Result<Robustness> {
    let mut measure = |samples: &[&Sample]| -> Result<Metrics> {
        let evaluation = evaluate(classifier, classes, samples, mirror)?;
        let (probabilities, labels) = (&evaluation.probabilities, &evaluation.labels);
        Ok(Metrics::new(classes, probabilities, labels))
    };
    let clean = measure(samples)?.accuracy;
    let mut rows = Vec::new();
    for corruption in &ALL {
        for strength in corruption.strengths {
            // Every kind has its own numbers, so that one more changes no other.
            let key = corruption.name.bytes().fold(seed, |key, byte| {
                (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
            let mut rng = Rng::new(key);
            let damaged: Vec<Sample> = samples
                .iter()
                .map(|sample| Sample {
                    pixels: corruption.apply(&sample.pixels, strength, &mut rng),
                    ..(*sample).clone()
                })
                .collect();
            let metrics = measure(&damaged.iter().collect::<Vec<_>>())?;
            let row = Row {
                corruption: corruption.name,
                unit: corruption.unit,
                strength,
                accuracy: metrics.accuracy,
                balanced_accuracy: metrics.balanced_accuracy,
                loss: clean - metrics.accuracy,
            };
            progress(rows.len() + 1, &row);
            rows.push(row);
        }
    }
    let mean = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>() / rows.len() as f64;
    let accuracy = mean(|row| row.accuracy);
    Ok(Robustness {
        clean,
        mean: accuracy,
        share_of_clean: accuracy / clean.max(f64::MIN_POSITIVE),
        balanced_mean: mean(|row| row.balanced_accuracy),
        seed,
        rows,
    })
}

/// A face and what each kind makes of it at each strength, side by side: grey values in rows
/// of `.0` pixels, kinds from top to bottom, strengths from left to right after the face.
pub fn sheet(face: &[u8], seed: u64) -> (usize, Vec<u8>) {
    let width = 4 * SIDE;
    let mut sheet = vec![0; width * SIDE * ALL.len()];
    for (corruption, band) in ALL.iter().zip(sheet.chunks_exact_mut(width * SIDE)) {
        let mut rng = Rng::new(seed);
        let damaged = corruption
            .strengths
            .map(|s| corruption.apply(face, s, &mut rng));
        let pictures = std::iter::once(face).chain(damaged.iter().map(Vec::as_slice));
        for (column, picture) in pictures.enumerate() {
            let rows = band.chunks_exact_mut(width).zip(picture.chunks_exact(SIDE));
            rows.for_each(|(band, row)| band[column * SIDE..][..SIDE].copy_from_slice(row));
        }
    }
    (width, sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Vec<u8> {
        let shade = |x: usize, y: usize| 60 + 3 * x as u8 + (y as u8 / 6 % 2) * 40;
        (0..SIDE * SIDE)
            .map(|i| shade(i % SIDE, i / SIDE))
            .collect()
    }

    #[test]
    fn each_kind_damages_more_at_every_strength() {
        for corruption in &ALL {
            let loss = corruption.strengths.map(|strength| {
                let damaged = corruption.apply(&face(), strength, &mut Rng::new(4));
                let pairs = damaged.iter().zip(face());
                pairs
                    .map(|(a, b)| (f64::from(*a) - f64::from(b)).powi(2))
                    .sum::<f64>()
            });
            assert!(
                0.0 < loss[0] && loss[0] < loss[1] && loss[1] < loss[2],
                "{}: {loss:?}",
                corruption.name
            );
        }
    }

    #[test]
    fn names_are_unique_and_the_sheet_shows_all() {
        for (i, corruption) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != corruption.name));
        }
        let (width, pixels) = sheet(&face(), 1);
        assert_eq!(
            (width, pixels.len()),
            (4 * SIDE, 4 * SIDE * SIDE * ALL.len())
        );
        assert_eq!(pixels[..SIDE], face()[..SIDE]);
    }
}
