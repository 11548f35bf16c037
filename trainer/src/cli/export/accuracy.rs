//! What a precision costs in accuracy, told before a file is written.

use anyhow::Result;
use fer::engine::{EngineKind, EngineOptions};
use fer::{Classifier, Model};
use fer_trainer::data::Sample;
use fer_trainer::eval::{Metrics, evaluate};

use super::parts::Parts;

/// How good a model is in one precision.
struct Measured {
    accuracy: f64,
    probabilities: Vec<Vec<f32>>,
}

/// Prints the accuracy of `models` in `kind`, and how far the probabilities of each are from
/// those of the first. An engine that is not here is named.
pub fn print(
    models: &[(&str, Result<Model, String>)],
    kind: EngineKind,
    classes: &[String],
    parts: &Parts,
) -> Result<()> {
    let samples = &parts.judged;
    println!("accuracy over {} {} in {kind}:", samples.len(), parts.name);
    let mut first: Option<Measured> = None;
    for (name, model) in models {
        let measured = match model {
            Ok(model) => measure(model, kind, classes, samples)?,
            Err(reason) => Err(reason.clone()),
        };
        let measured = match measured {
            Ok(measured) => measured,
            Err(reason) => {
                println!("  {name}: not measured ({reason})");
                continue;
            }
        };
        print!("  {name}: {:.2} %", 100.0 * measured.accuracy);
        match &first {
            Some(first) => {
                let (mean, most) = difference(&first.probabilities, &measured.probabilities);
                println!(
                    ", probabilities differ from those of {} by {mean:.1e} on average and at \
                     most {most:.1e}",
                    models[0].0
                );
            }
            None => {
                println!();
                first = Some(measured);
            }
        }
    }
    Ok(())
}

/// Mean and largest difference.
fn difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> (f64, f32) {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    let (mut sum, mut most, mut n) = (0.0, 0.0, 0usize);
    for difference in pairs.map(|(a, b)| (a - b).abs()) {
        sum += f64::from(difference);
        most = f32::max(most, difference);
        n += 1;
    }
    (sum / n.max(1) as f64, most)
}

/// The inner error says why the engine can't be had.
fn measure(
    model: &Model,
    kind: EngineKind,
    classes: &[String],
    samples: &[&Sample],
) -> Result<Result<Measured, String>> {
    let options = EngineOptions {
        kind,
        ..EngineOptions::default()
    };
    let mut classifier = match Classifier::new(model, &options) {
        Ok(classifier) => classifier,
        Err(missing @ fer::Error::Engine { .. }) => return Ok(Err(missing.to_string())),
        Err(refused) => return Err(refused.into()),
    };
    let found = evaluate(&mut classifier, classes, samples, false)?;
    let metrics = Metrics::new(classes, &found.probabilities, &found.labels);
    Ok(Ok(Measured {
        accuracy: metrics.accuracy,
        probabilities: found.probabilities,
    }))
}
