//! `fer-trainer eval`

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use fer::Classifier;
use fer::engine::{EngineKind, EngineOptions};
use fer::model::Overrides;
use fer_trainer::data::{Sample, Split};
use fer_trainer::eval::{Metrics, evaluate};
use fer_trainer::report::baselines::{self, On};
use fer_trainer::report::{self, Missed, Summary};
use serde_json::json;

use super::measures;
use super::source::Source;

/// What measures count.
const COUNTED: &str = "pictures";

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
    /// Writes report.html, with its plots in it, and CSV files into this folder
    #[arg(long)]
    report: Option<PathBuf>,
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
    measures::print(&metrics, COUNTED);
    let missed = data
        .missed
        .iter()
        .filter(|m| args.split.is_none_or(|s| m.split == Some(s)));
    let missed = Missed::new(missed.count(), &metrics);
    measures::print_missed(&missed);
    println!("{:.2} ms a picture", evaluation.milliseconds);
    let on = On::of(data.format, &data.classes);
    let part = args.split.map_or("all".to_owned(), |s| format!("{s} part"));
    let looks = if args.mirror { "two looks" } else { "one look" };
    let how = format!("{part}, {looks}");
    if let Some(table) = baselines::table(metrics.accuracy, &how, on, false) {
        print!("{}", table.to_text());
    }
    if let Some(folder) = &args.report {
        let about = [
            format!(
                "Model {} (SHA-256 {}) in {}, on {} as {}{}. {} files were not used.",
                model.name(),
                model.sha256(),
                classifier.engine(),
                args.source.data.display(),
                data.format,
                args.split.map_or(String::new(), |s| format!(", {s} part")),
                data.faults.len()
            ),
            "The time is that of preparation and inference, one picture at a time.".to_owned(),
        ];
        let summary = Summary {
            title: "Evaluation",
            about: &about,
            warning: None,
            how: &how,
            on,
            metrics: &metrics,
            counted: COUNTED,
            missed,
            milliseconds: Some(evaluation.milliseconds),
        };
        report::evaluation(folder, &summary, &[])?;
        println!("{}", folder.join("report.html").display());
    }
    if let Some(path) = &args.json {
        let document = json!({
            "model": model.name(),
            "sha256": model.sha256(),
            "engine": classifier.engine().name(),
            "data": data.format,
            "split": args.split,
            "mirrored": args.mirror,
            "not_used": data.faults.len(),
            "missed": missed.n,
            "accuracy_with_missed": missed.accuracy_with,
            "milliseconds": evaluation.milliseconds,
            "metrics": metrics,
        });
        std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
