//! Runs a model file over samples.

use std::time::Instant;

use anyhow::{Context, Result};
use fer::{Classifier, Frame, Rect};

use crate::SIDE;
use crate::data::Sample;

/// What a model said of each sample.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Probabilities in the order of the data set's classes, one row a sample. What the
    /// model gives to classes that the data set lacks is shared out among the others.
    pub probabilities: Vec<Vec<f32>>,
    /// Label in the data set, one a sample.
    pub labels: Vec<usize>,
    /// Milliseconds for one picture, preparation and inference, of both looks where there are
    /// two.
    pub milliseconds: f64,
}

/// Classifies `samples`; with `mirror` the probabilities are averaged with those of the
/// mirrored picture.
///
/// # Errors
/// When the model lacks a class of the data, or inference fails.
pub fn evaluate(
    classifier: &mut Classifier,
    classes: &[String],
    samples: &[&Sample],
    mirror: bool,
) -> Result<Evaluation> {
    let labels = &classifier.model().info().labels;
    let columns: Vec<usize> = classes
        .iter()
        .map(|class| {
            labels.iter().position(|l| l == class).with_context(|| {
                format!(
                    "the model has no class {class:?}, only {}",
                    labels.join(", ")
                )
            })
        })
        .collect::<Result<_>>()?;
    classifier.set_mirror(mirror);
    let start = Instant::now();
    let probabilities = run(classifier, &columns, samples)?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3 / samples.len().max(1) as f64;
    Ok(Evaluation {
        probabilities,
        labels: samples.iter().map(|s| s.label).collect(),
        milliseconds,
    })
}

fn run(
    classifier: &mut Classifier,
    columns: &[usize],
    samples: &[&Sample],
) -> Result<Vec<Vec<f32>>> {
    let face = Rect::new(0.0, 0.0, SIDE as f32, SIDE as f32);
    let mut rows = Vec::with_capacity(samples.len());
    for sample in samples {
        let frame = Frame::gray(&sample.pixels, SIDE, SIDE)?;
        let prediction = classifier.classify(&frame, &[face])?.remove(0);
        let own: Vec<f32> = columns
            .iter()
            .map(|c| prediction.probabilities[*c])
            .collect();
        let sum: f32 = own.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        rows.push(own.iter().map(|p| p / sum).collect());
    }
    Ok(rows)
}
