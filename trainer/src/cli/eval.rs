//! `fer-trainer eval`

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use fer::Classifier;
use fer::engine::{EngineKind, EngineOptions};
use fer::model::Overrides;
use fer_trainer::data::{Sample, Split};
use fer_trainer::eval::{Metrics, evaluate};
use serde_json::json;

use super::source::Source;

/// Options of `eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// ONNX file; the bundled model without it
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Part of the data set: train, validation or test; else all of it
    #[arg(long)]
    split: Option<Split>,
    /// Averages the probabilities with those of the mirrored picture
    #[arg(long)]
    mirror: bool,
    /// Writes the measures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Engine: auto, builtin or onnxruntime
    #[arg(long, default_value_t = EngineKind::Auto)]
    engine: EngineKind,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let model = match &args.model {
        Some(path) => fer::Model::load(path, &Overrides::default())?,
        None => fer::Model::bundled()?,
    };
    let data = args.source.open()?;
    let samples: Vec<&Sample> = match args.split {
        Some(split) => data.part(split),
        None => data.samples.iter().collect(),
    };
    ensure!(
        !samples.is_empty(),
        "the data has no {} part",
        args.split.map_or(String::new(), |s| s.to_string())
    );
    let options = EngineOptions {
        kind: args.engine,
        ..EngineOptions::default()
    };
    let mut classifier = Classifier::new(&model, &options)?;
    let evaluation = evaluate(&mut classifier, &data.classes, &samples, args.mirror)?;
    let metrics = Metrics::new(&data.classes, &evaluation.probabilities, &evaluation.labels);

    println!("model {} in {}", model.name(), classifier.engine());
    print(&metrics);
    let missed = data
        .missed
        .iter()
        .filter(|m| args.split.is_none_or(|s| m.split == Some(s)));
    let missed = missed.count();
    let hits = (metrics.accuracy * metrics.n as f64).round();
    let with_missed = hits / (metrics.n + missed) as f64;
    if missed > 0 {
        println!(
            "{missed} pictures without a face that the detector sees: {:.2} % with them as wrong",
            100.0 * with_missed
        );
    }
    println!("{:.2} ms a picture", evaluation.milliseconds);
    if let Some(path) = &args.json {
        let document = json!({
            "model": model.name(),
            "sha256": model.sha256(),
            "engine": classifier.engine().name(),
            "data": data.format,
            "split": args.split,
            "mirrored": args.mirror,
            "not_used": data.faults.len(),
            "missed": missed,
            "accuracy_with_missed": with_missed,
            "milliseconds": evaluation.milliseconds,
            "metrics": metrics,
        });
        std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

fn print(m: &Metrics) {
    println!(
        "accuracy {:.2} % of {} (95 % interval {:.2} to {:.2}), balanced {:.2} %, macro F1 {:.4}, \
         calibration error {:.4}",
        100.0 * m.accuracy,
        m.n,
        100.0 * m.interval.low,
        100.0 * m.interval.high,
        100.0 * m.balanced_accuracy,
        m.macro_f1,
        m.ece
    );
    let percent = |share: Option<f64>| share.map_or("-".into(), |s| format!("{:.1}", 100.0 * s));
    println!(
        "{:10} {:>6} {:>9} {:>6} {:>6}  called",
        "class", "n", "precision", "recall", "F1"
    );
    for (class, row) in m.classes.iter().zip(&m.confusion) {
        let called: Vec<String> = row.iter().map(|n| format!("{n:5}")).collect();
        println!(
            "{:10} {:6} {:>9} {:>6} {:>6}  {}",
            class.class,
            class.n,
            percent(class.precision),
            percent(class.recall),
            percent(class.f1),
            called.join(" ")
        );
    }
}
