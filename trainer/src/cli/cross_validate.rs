//! `fer-trainer cross-validate`
//!
//! A command of its own beside `eval`, since it trains: `eval` takes a finished model file
//! and no recipe, this takes a recipe and weights to start from, and few options would
//! mean anything to both.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fer_trainer::data::Dataset;
use fer_trainer::eval::{Pooled, Predictions, SeededFolds, Setting};
use fer_trainer::report::baselines::{self, Benchmark};
use fer_trainer::report::{self, Cell, Summary, Table, Undetected};
use serde_json::json;

use super::folds::CrossValidation;
use super::init::Init;
use super::{measures, outputs};

/// What pooled measures count: every picture once a seed.
const COUNTED: &str = "answers";

/// Options of `cross-validate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    options: CrossValidation,
    /// Weights to start each fold from: a run folder, a safetensors file, an ONNX file that was exported here,
    /// or builtin:small, builtin:standard, builtin:accurate; random without it
    #[arg(long)]
    init: Option<Init>,
    /// Writes the measures of every fold and seed as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes report.html, with its plots in it, and CSV files into this folder
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    outputs::folder(args.report.as_deref())?;
    let weights = args.init.iter().filter_map(Init::file);
    outputs::file(
        args.json.as_deref(),
        args.options.inputs().into_iter().chain(weights),
    )?;
    let init = Init::read(args.init.as_ref())?;
    let config = args.options.config(&init)?;
    let device = args.options.device()?;
    let mut pictures = args.options.open()?;
    pictures.warn_of("--init", &init);
    let by_seed = args.options.by_seed(&pictures, config.hold_out)?;
    let (data, tested) = (&pictures.data, pictures.tested());
    let protocol = args.options.protocol();
    let mut about = pictures.about.clone();
    let warning = (!pictures.warnings.is_empty()).then(|| pictures.warnings.join(" "));
    let warning = warning.as_deref();
    about.push(format!(
        "{} a seed: {protocol}; recipe of {} epochs, {}.",
        count(by_seed[0].folds.len(), "fold"),
        config.epochs,
        match &args.init {
            Some(init) => format!("started from {init}"),
            None => "started from random weights".to_owned(),
        }
    ));
    for line in &about {
        println!("{line}");
    }
    if let Some(warning) = warning {
        println!("{warning}");
    }

    let setting = Setting {
        name: "training".to_owned(),
        config,
        init: &init,
        device,
    };
    let mut runs = args
        .options
        .run(&[setting], &data.classes, &by_seed, false)?;
    let runs = runs.remove(0);
    let pooled = Pooled::new(&data.classes, &runs);
    let missed = Undetected {
        n: tested.missed.len(),
        accuracy_with: pooled.accuracy.mean * share_found(tested),
    };

    let seeds = seeds(&runs);
    print!("{}", seeds.to_text());
    measures::print(&pooled.metrics, COUNTED);
    measures::print_by_subject(pooled.by_subject);
    measures::print_missed(&missed);
    if let Some(deviation) = pooled.accuracy.deviation {
        println!(
            "accuracy {:.2} % with a standard deviation of {:.2} points over {}",
            100.0 * pooled.accuracy.mean,
            100.0 * deviation,
            count(runs.len(), "seed")
        );
    }
    let benchmark = Benchmark::of(tested);
    if let Some(table) = baselines::table(pooled.accuracy.mean, protocol, benchmark) {
        print!("{}", table.to_text());
    }
    if let Some(folder) = &args.report {
        let summary = Summary {
            title: "Cross-validation",
            about: &about,
            warning,
            how: protocol,
            benchmark,
            metrics: &pooled.metrics,
            by_subject: pooled.by_subject,
            counted: COUNTED,
            missed,
            milliseconds: None,
            agreement: None,
        };
        report::evaluation(folder, &summary, &[("Seeds", "seeds", seeds)], None)?;
        predictions(&data.classes, &by_seed, &runs).write_csv(&folder.join("predictions.csv"))?;
        println!("{}", folder.join("report.html").display());
    }
    if let Some(path) = &args.json {
        let document = json!({
            "data": tested.format,
            "protocol": protocol,
            "warning": warning,
            "missed": missed,
            "not_used": tested.not_used(),
            "pooled": pooled,
            "seeds": runs
                .iter()
                .map(|run| json!({"seed": run.seed, "folds": run.folds, "metrics": run.metrics}))
                .collect::<Vec<_>>(),
        });
        write_json(path, &document)?;
    }
    Ok(())
}

fn write_json(path: &Path, document: &serde_json::Value) -> Result<()> {
    std::fs::write(path, serde_json::to_string_pretty(document)? + "\n")
        .with_context(|| format!("writing {}", path.display()))
}

/// `n` of something, with its plural.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Share of the pictures in which the detector saw a face.
fn share_found(data: &Dataset) -> f64 {
    let found = data.samples.len() as f64;
    found / (found + data.missed.len() as f64)
}

fn seeds(runs: &[Predictions]) -> Table {
    let mut table = Table::new([
        "seed",
        "n",
        "accuracy",
        "low (95 %)",
        "high (95 %)",
        "balanced",
        "macro F1",
        "ECE",
    ]);
    for run in runs {
        let m = &run.metrics;
        table.push(vec![
            Cell::Text(run.seed.to_string()),
            Cell::Count(m.n),
            Cell::Share(m.accuracy),
            Cell::Share(m.interval.low),
            Cell::Share(m.interval.high),
            Cell::Share(m.balanced_accuracy),
            Cell::Number(m.macro_f1, 4),
            Cell::Number(m.ece, 4),
        ]);
    }
    table
}

/// Every answer, so that others can pair them with theirs.
fn predictions(classes: &[String], by_seed: &[SeededFolds], runs: &[Predictions]) -> Table {
    let columns = ["seed", "fold", "picture", "true", "called"].map(String::from);
    let mut table = Table::new(columns.into_iter().chain(classes.iter().cloned()));
    for (seeded, run) in by_seed.iter().zip(runs) {
        let folds = seeded.folds.iter().enumerate();
        let tests = folds.flat_map(|(i, f)| f.test.iter().map(move |sample| (i + 1, sample)));
        let answers = run.called().into_iter().zip(&run.probabilities);
        for ((fold, sample), (called, probabilities)) in tests.zip(answers) {
            let mut row = vec![
                Cell::Text(seeded.seed.to_string()),
                Cell::Count(fold),
                Cell::Text(sample.name.clone()),
                Cell::Text(classes[sample.label].clone()),
                Cell::Text(classes[called].clone()),
            ];
            row.extend(probabilities.iter().map(|p| Cell::Number(f64::from(*p), 4)));
            table.push(row);
        }
    }
    table
}
