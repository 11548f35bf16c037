//! What a second stage is worth for people who were never seen, told before it is trained.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Result;
use fer_trainer::artifact::{Config, Network, WeightsFile};
use fer_trainer::data::split::By;
use fer_trainer::data::{Dataset, Sample};
use fer_trainer::eval::{
    BySubject, Pooled, Predictions, SeededFolds, Setting, bootstrap, cross_validate, folds, wilson,
};
use fer_trainer::nn::Workspace;
use fer_trainer::rng::Rng;
use fer_trainer::train::{Device, is_right, predict, start};

use super::seen;

/// Folds: five times the cost of the run, for networks that see four fifths of the pictures.
const FOLDS: usize = 5;

/// Most pictures for which the folds are trained unasked: with so few they take about as long as
/// one epoch or two of a first stage, and with more a validation part tells as much.
pub const MOST: usize = 1000;

/// Answers to all pictures by networks that did not see their people, and by the first stage.
struct Answers {
    run: Predictions,
    /// Whether the first stage is right about each; `None` where it lacks a class.
    before: Option<Vec<bool>>,
}

/// Prints the accuracy that `config` reaches on folds of `data`, and what it gains over the
/// network that it starts from; no figure where that one may have seen these people.
///
/// # Errors
/// When training fails; what can't be dealt into folds is printed.
pub fn print(
    config: &Config,
    device: Device,
    data: &Dataset,
    init: &WeightsFile,
    stop: &AtomicBool,
) -> Result<()> {
    if let Some(why) = seen::why(init, data) {
        println!(
            "expected gain: not told, since the network that --init names may have seen these \
             people: {why}"
        );
        return Ok(());
    }
    let by = match data.subjects() {
        Some(_) => By::Subject,
        None => By::Random,
    };
    let rng = &mut Rng::new(config.seed);
    let people = data.subjects().map_or(FOLDS, |subjects| subjects.len());
    let dealt = folds(data, by, Some(FOLDS.min(people)), config.hold_out, rng).and_then(|folds| {
        let (trainer, _) = start(config.clone(), data.classes.clone(), init, &folds[0].train)?;
        for fold in &folds {
            trainer.check(&fold.train, &fold.validation)?;
        }
        Ok(folds)
    });
    let seeded = match dealt {
        Ok(folds) => SeededFolds {
            seed: config.seed,
            folds,
        },
        Err(e) => {
            println!(
                "expected gain: not told, since the pictures can't be dealt into folds: {e:#}"
            );
            return Ok(());
        }
    };
    let began = Instant::now();
    let answers = ask(config, device, data, init, &seeded, stop)?;
    let seconds = began.elapsed().as_secs_f64();
    report(data, by, &seeded, &answers, seconds);
    Ok(())
}

fn ask(
    config: &Config,
    device: Device,
    data: &Dataset,
    init: &WeightsFile,
    seeded: &SeededFolds,
    stop: &AtomicBool,
) -> Result<Answers> {
    let setting = Setting {
        name: "second stage".to_owned(),
        config: config.clone(),
        init,
        device,
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let by_seed = std::slice::from_ref(seeded);
    let mut runs = cross_validate(
        &[setting],
        &data.classes,
        by_seed,
        threads,
        false,
        stop,
        &|_, _| {},
    )?;
    let run = runs.remove(0).remove(0);
    let tests: Vec<&Sample> = seeded
        .folds
        .iter()
        .flat_map(|fold| &fold.test)
        .copied()
        .collect();
    let before = first_stage(init, &data.classes, &tests)?;
    Ok(Answers { run, before })
}

/// Whether the network of `init`, as it is, is right about each of `samples` among `classes`; `None`
/// where it lacks one of them.
fn first_stage(
    init: &WeightsFile,
    classes: &[String],
    samples: &[&Sample],
) -> Result<Option<Vec<bool>>> {
    // Weights of general features have no classes.
    let Some(known) = &init.classes else {
        return Ok(None);
    };
    let columns = classes
        .iter()
        .map(|class| known.iter().position(|k| k == class));
    let Some(columns) = columns.collect::<Option<Vec<usize>>>() else {
        return Ok(None);
    };
    let network = Network::of(init, Path::new(""))?;
    let mut workspaces = [Workspace::new(&network.net, 64)];
    let scores = predict(
        &network.net,
        &network.weights,
        &mut workspaces,
        samples,
        false,
    );
    let right = scores.iter().zip(samples).map(|(row, sample)| {
        let own: Vec<f32> = columns.iter().map(|column| row[*column]).collect();
        is_right(&own, sample)
    });
    Ok(Some(right.collect()))
}

fn report(data: &Dataset, by: By, seeded: &SeededFolds, answers: &Answers, seconds: f64) {
    let run = &answers.run;
    let pooled = Pooled::new(&data.classes, std::slice::from_ref(run));
    let whom = match by {
        By::Subject => "people who were never seen",
        By::Random => "pictures that were never seen, of the same people",
    };
    let interval = pooled.by_subject.unwrap_or(pooled.metrics.interval);
    println!(
        "expected of {whom}: {:.1} % (95 % interval {:.1} to {:.1}), by {} folds in {seconds:.0} s",
        100.0 * pooled.accuracy.mean,
        100.0 * interval.low,
        100.0 * interval.high,
        seeded.folds.len(),
    );
    if by == By::Random {
        println!(
            "subjects are not known, so that is too good for other people; --subject names them"
        );
    }
    let Some(before) = &answers.before else {
        println!("expected gain: not told, since the first stage does not know all classes");
        return;
    };
    let names: Vec<String> = match &run.subjects {
        Some(subjects) => subjects.clone(),
        None => (0..before.len()).map(|i| i.to_string()).collect(),
    };
    let names = || names.iter().map(String::as_str);
    let right = run.right();
    let test = BySubject::new(
        names()
            .zip(before.iter().zip(&right))
            .map(|(name, (a, b))| (name, *a, *b)),
    );
    let hits = |right: &[bool]| right.iter().filter(|right| **right).count() as f64;
    let share = hits(before) / before.len() as f64;
    let own = bootstrap(
        names().zip(before.iter().copied()),
        wilson(hits(before) as usize, before.len()),
    );
    let own = own.map_or(String::new(), |i| {
        format!(" ({:.1} to {:.1})", 100.0 * i.low, 100.0 * i.high)
    });
    println!(
        "expected gain: {:+.1} points over the first stage's {:.1} %{own}; p {} (exact \
         permutation by {}){}",
        100.0 * (hits(&right) / right.len() as f64 - share),
        100.0 * share,
        if test.p < 1e-4 {
            "< 0.0001".to_owned()
        } else {
            format!("{:.4}", test.p)
        },
        if run.subjects.is_some() {
            "subject"
        } else {
            "picture"
        },
        if test.p < 0.05 {
            ""
        } else {
            ", which chance alone may well do"
        },
    );
}
