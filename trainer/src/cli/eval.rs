//! `fer-trainer eval`

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use fer::engine::{EngineKind, EngineOptions};
use fer::{Classifier, Model};
use fer_trainer::artifact::{is_builtin, load, weights_file};
use fer_trainer::data::{Dataset, Sample, Split};
use fer_trainer::eval::corruptions::{self, Row};
use fer_trainer::eval::{Evaluation, Metrics, agreement, bootstrap, evaluate, robustness};
use fer_trainer::report::baselines::{self, Benchmark};
use fer_trainer::report::{self, DamageReport, Summary, Undetected};
use fer_trainer::train::is_right;
use serde_json::json;

use super::model::Chosen;
use super::source::Source;
use super::{measures, outputs, seen, within};

/// What measures count.
const COUNTED: &str = "pictures";

/// Options of `eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Part of the data set: train, validation or test; else all of it
    #[arg(long)]
    split: Option<Split>,
    /// Averages the probabilities with those of the mirrored picture
    #[arg(long)]
    mirror: bool,
    /// Share of the detector's box that is added on every side of faces that must be found,
    /// as `ferclassify margin=` does: -0.4 to 2
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true, value_parser = within(-0.4..=2.0))]
    margin: f32,
    /// Measures what cameras cost: thirteen kinds of damage at three strengths each
    #[arg(long)]
    corruptions: bool,
    /// Start of the random numbers of --corruptions
    #[arg(long, default_value_t = 1, requires = "corruptions")]
    seed: u64,
    /// Writes the measures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes report.html, with its plots in it, and CSV files into this folder
    #[arg(long)]
    report: Option<PathBuf>,
    /// Engine: auto, builtin or onnxruntime
    #[arg(long, default_value_t = EngineKind::Auto)]
    engine: EngineKind,
    #[command(flatten)]
    model: Chosen,
}

impl Args {
    /// What must be known before the numbers.
    fn warning(&self, model: &Model, data: &Dataset) -> Result<Option<&'static str>> {
        if !matches!(self.split, None | Some(Split::Train)) {
            return Ok(None);
        }
        if data.is_fer2013() && is_builtin(model) {
            return Ok(Some(
                "The models that are built in learned from the training part of these pictures: \
                 these numbers are too good. --split validation or test has pictures that they \
                 never saw.",
            ));
        }
        if self.model.is_run()
            && let Some(path) = self.model.path()
            && seen::is_trained_on(&load(&weights_file(path))?, data)
        {
            return Ok(Some(
                "The network was trained on most of these pictures: these numbers are too good. \
                 `cross-validate` tells of people who were never seen.",
            ));
        }
        Ok(None)
    }
}

/// Whose face each picture shows and whether it was classified rightly; `None` where a subject is
/// not known.
fn subjects_and_answers<'a>(
    samples: &[&'a Sample],
    evaluation: &Evaluation,
) -> Option<Vec<(&'a str, bool)>> {
    let answers = samples.iter().zip(&evaluation.probabilities);
    answers
        .map(|(sample, row)| Some((sample.subject.as_deref()?, is_right(row, sample))))
        .collect()
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let model = args.model.path().map(weights_file);
    let inputs = args.source.inputs().into_iter().chain(model);
    outputs::file(args.json.as_deref(), inputs)?;
    outputs::folder(args.report.as_deref())?;
    let model = args.model.open()?;
    let data = args.source.open_to_judge(args.margin)?;
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

    let warning = args.warning(&model, &data)?;
    println!("model {} in {}", model.name(), classifier.engine());
    if let Some(warning) = warning {
        println!("{warning}");
    }
    measures::print(&metrics, COUNTED);
    let by_subject = subjects_and_answers(&samples, &evaluation)
        .and_then(|answers| bootstrap(answers, metrics.interval));
    measures::print_by_subject(by_subject);
    let missed = data
        .missed
        .iter()
        .filter(|m| args.split.is_none_or(|s| m.split == Some(s)));
    let missed = Undetected::new(missed.count(), &metrics);
    measures::print_missed(&missed);
    let voted = samples.iter().map(|s| s.votes.as_deref());
    let answers = evaluation.probabilities.iter().map(Vec::as_slice);
    let agreement = agreement(answers.zip(voted));
    if let Some(agreement) = &agreement {
        measures::print_agreement(agreement);
    }
    println!("{:.2} ms a picture", evaluation.milliseconds);
    let benchmark = Benchmark::of(&data);
    let part = args.split.map_or("all".to_owned(), |s| format!("{s} part"));
    let looks = if args.mirror { "two looks" } else { "one look" };
    let how = format!("{part}, {looks}");
    if let Some(table) = baselines::table(metrics.accuracy, &how, benchmark) {
        print!("{}", table.to_text());
    }
    let robustness = args
        .corruptions
        .then(|| {
            let of = corruptions::ALL.len() * 3;
            let mut progress = |done: usize, row: &Row| {
                eprintln!("{done} of {of}: {} {}", row.corruption, row.strength);
            };
            let (classes, seed) = (&data.classes, args.seed);
            let classifier = &mut classifier;
            robustness(
                classifier,
                classes,
                &samples,
                args.mirror,
                seed,
                &mut progress,
            )
        })
        .transpose()?;
    let damage = robustness.as_ref().map(report::damage);
    if let (Some(robustness), Some(table)) = (&robustness, &damage) {
        print!("{}", table.to_text());
        measures::print_robustness(robustness);
    }
    if let Some(folder) = &args.report {
        let about = [
            format!(
                "Model {} (SHA-256 {}{}) in {}, on {} as {}{}. {} files were not used.",
                model.name(),
                if args.model.is_run() {
                    "of its export "
                } else {
                    ""
                },
                model.sha256(),
                classifier.engine(),
                args.source.data.display(),
                data.format,
                args.split.map_or(String::new(), |s| format!(", {s} part")),
                data.not_used()
            ),
            "The time is that of preparation and inference, one picture at a time.".to_owned(),
        ];
        let summary = Summary {
            title: "Evaluation",
            about: &about,
            warning,
            how: &how,
            benchmark,
            metrics: &metrics,
            by_subject,
            counted: COUNTED,
            missed,
            milliseconds: Some(evaluation.milliseconds),
            agreement,
        };
        let shown = robustness.as_ref().map(|robustness| DamageReport {
            robustness,
            face: &samples[0].pixels,
        });
        report::evaluation(folder, &summary, &[], shown)?;
        println!("{}", folder.join("report.html").display());
    }
    if let Some(path) = &args.json {
        let document = json!({
            "model": model.name(),
            // That of a run is one of what it is exported as.
            "sha256": model.sha256(),
            "exported_from": args.model.is_run().then(|| model.name()),
            "engine": classifier.engine().name(),
            "warning": warning,
            "data": data.format,
            "split": args.split,
            "mirrored": args.mirror,
            "not_used": data.not_used(),
            "missed": missed.n,
            "accuracy_with_missed": missed.accuracy_with,
            "milliseconds": evaluation.milliseconds,
            "metrics": metrics,
            "interval_by_subject": by_subject,
            "votes": agreement,
            "corruptions": robustness,
        });
        std::fs::write(path, serde_json::to_string_pretty(&document)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
