//! Runs a model file over samples.

use std::time::Instant;

use fer::{Classifier, Frame, Rect};

use crate::data::Sample;
use crate::{Error, Result, SIDE};

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
            labels.iter().position(|l| l == class).ok_or_else(|| {
                Error::Data(format!(
                    "the model has no class {class:?}, only {}",
                    labels.join(", ")
                ))
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
        // A frame each, so that a model with a margin sees nothing of another face.
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

#[cfg(test)]
mod tests {
    use fer::Model;
    use fer::engine::{EngineKind, EngineOptions};
    use fer::model::Overrides;

    use super::*;

    #[test]
    fn a_model_with_a_margin_sees_nothing_of_another_face() {
        let overrides = Overrides {
            margin: Some(0.3),
            ..Overrides::default()
        };
        let model = Model::bundled().unwrap().with(&overrides).unwrap();
        let options = EngineOptions {
            kind: EngineKind::Builtin,
            ..EngineOptions::default()
        };
        let mut classifier = Classifier::new(&model, &options).unwrap();
        let classes = model.info().labels.clone();
        let sample = |step: usize| Sample {
            pixels: (0..SIDE * SIDE).map(|i| (i * step % 251) as u8).collect(),
            ..Sample::default()
        };
        let (a, b) = (sample(7), sample(11));
        let mut read = |samples: &[&Sample]| {
            let evaluation = evaluate(&mut classifier, &classes, samples, false).unwrap();
            evaluation.probabilities
        };
        assert_eq!(read(&[&a, &b]), [read(&[&a]), read(&[&b])].concat());
    }
}
