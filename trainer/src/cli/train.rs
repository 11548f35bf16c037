//! `fer-trainer train`

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail, ensure};
use fer_trainer::artifact::{Config, RunFolder, Stage, WeightsFile};
use fer_trainer::data::split::{self, Training};
use fer_trainer::data::{Dataset, Sample, digest, warnings};
use fer_trainer::rng::Rng;
use fer_trainer::train::{self, Device, Outcome, SoftLabels, Trainer};

use super::console::Console;
use super::init::Init;
use super::recipe::{DeviceOption, Recipe};
use super::source::Source;
use super::{gain, outputs, stop};

/// As many as the largest machines have processors.
const MOST_THREADS: i64 = 512;

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Folder of the run: weights, checkpoint, recipe and metrics
    #[arg(long)]
    out: PathBuf,
    /// Weights to start from: a run folder, a safetensors file, an ONNX file that was exported here,
    /// or builtin:small, builtin:standard, builtin:accurate; random without it
    #[arg(long)]
    init: Option<Init>,
    /// A teacher's answers, from `teach`; the views in them take the place of the recipe's
    /// rotation, scale, aspect and shift
    #[arg(long)]
    soft_labels: Option<PathBuf>,
    /// Goes on with the run in --out, whose recipe holds
    #[arg(long, conflicts_with_all = ["init", "soft_labels", "config", "preset", "stage", "epochs", "width", "seed"])]
    resume: bool,
    #[command(flatten)]
    recipe: Recipe,
    #[command(flatten)]
    device: DeviceOption,
    /// Second stage: trains on no folds first to tell what it is worth for people who were never
    /// seen, which takes five times as long as the run; done for up to 1000 pictures without parts
    #[arg(long)]
    no_folds: bool,
    /// Seed, in place of the recipe's
    #[arg(long)]
    seed: Option<u64>,
    /// Threads; as many as there are processors without it
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=MOST_THREADS))]
    threads: u16,
}

impl Args {
    fn config(&self, init: &WeightsFile) -> Result<Config> {
        let mut config = self.recipe.config(None, init)?;
        config.seed = self.seed.unwrap_or(config.seed);
        Ok(config)
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.into())
        .build_global()
        .context("threads")?;
    let folder = RunFolder::open(&args.out);
    if !args.resume {
        folder.check_new()?;
        outputs::folder(Some(&args.out))?;
        ensure!(
            !fer_cli::are_one(&args.out, &args.source.data),
            "--out is the folder of the data, whose pictures a run would lie among"
        );
    }
    let init = Init::read(args.init.as_ref())?;
    let resumed = args.resume.then(|| train::resume(&folder)).transpose()?;
    let config = match &resumed {
        Some(trainer) => trainer.config.clone(),
        None => args.config(&init)?,
    };
    let device = args.device.check()?;
    let labels = soft_labels(args, &folder)?;
    let data = args.source.open()?;
    ensure!(
        data.classes.len() > 1,
        "the data has one class alone, {}",
        data.classes.join(", ")
    );
    if let (Some(subjects), false) = (data.subjects(), data.has_parts())
        && subjects.len() == 1
    {
        bail!(
            "all pictures are of one subject, {}, so nobody is left to validate by; is that what \
             --subject was to tell?",
            subjects.into_iter().next().unwrap_or_default()
        );
    }
    let mut rng = Rng::new(config.seed);
    let Training {
        train,
        validation,
        copies,
    } = split::for_training(&data, config.hold_out, &mut rng)?;
    describe(&data, &train, &validation, copies);
    if config.stage == Stage::Second && args.init.is_none() && !args.resume {
        eprintln!(
            "warning: a second stage from random weights; --init names a first stage to go on from, \
             such as builtin:standard"
        );
    }

    let mut trainer = match resumed {
        Some(trainer) => {
            ensure!(
                trainer.classes == data.classes,
                "the run in {} has the classes {}, the data {}",
                args.out.display(),
                trainer.classes.join(", "),
                data.classes.join(", ")
            );
            // Runs from before it was kept have 0.
            let held_out = [0, digest(validation.iter().copied())];
            ensure!(
                held_out.contains(&trainer.progress.validation),
                "the run in {} was begun with other pictures, or with the same read in another way",
                args.out.display()
            );
            trainer
        }
        None => start(args, config, &data, &init, &train)?,
    };
    trainer.teacher = labels.map(Arc::new);
    // Before there is a folder of the run.
    trainer.check(&train, &validation)?;
    trainer.move_to(device)?;
    let stop = stop::on_signal()?;
    if trainer.config.stage == Stage::Second && !args.resume && !init.tensors.is_empty() {
        expect(args, &trainer.config, device, &data, &init, &stop)?;
    }
    let folder = if args.resume {
        folder.write_recipe(&trainer.config)?;
        folder
    } else {
        let folder = RunFolder::create(&args.out, &trainer.config)?;
        if let Some(labels) = &trainer.teacher {
            labels.save(&folder.soft_labels())?;
        }
        folder
    };

    let mut console = Console::new(folder.clone(), trainer.config.epochs);
    let outcome = trainer.run(&train, &validation, &mut console, &stop)?;
    let progress = &trainer.progress;
    match outcome {
        Outcome::Stopped => {
            train::save_state(&trainer, &folder.last())?;
            bail!(
                "stopped in epoch {}; go on with --resume",
                progress.epoch + 1
            );
        }
        Outcome::NoLongerBetter => println!("stopped early: validation is no longer better"),
        Outcome::Finished => {}
    }
    println!(
        "best: {:.2} % on validation in epoch {}, {}",
        100.0 * progress.best,
        progress.best_epoch,
        folder.best().display()
    );
    Ok(())
}

/// Prints what the second stage is worth, or how to learn that.
fn expect(
    args: &Args,
    config: &Config,
    device: Device,
    data: &Dataset,
    init: &WeightsFile,
    stop: &AtomicBool,
) -> Result<()> {
    if args.no_folds || data.has_parts() || data.samples.len() > gain::MOST {
        println!(
            "expected gain: not told here; `fer-trainer cross-validate` with the same options \
             trains on folds of the pictures and tells it"
        );
        return Ok(());
    }
    gain::print(config, device, data, init, stop)
}

/// The teacher's answers that a new run is given, or that a resumed one began with.
fn soft_labels(args: &Args, folder: &RunFolder) -> Result<Option<SoftLabels>> {
    let own = folder.soft_labels();
    let path = match &args.soft_labels {
        Some(path) => path,
        None if args.resume && own.exists() => &own,
        None => return Ok(None),
    };
    Ok(Some(SoftLabels::load(path)?))
}

fn describe(data: &Dataset, train: &[&Sample], validation: &[&Sample], copies: usize) {
    println!(
        "{}: {} pictures to train on, {} to validate, {} without a face, {} not used",
        data.format,
        train.len(),
        validation.len(),
        data.missed.len(),
        data.not_used()
    );
    let counts = data
        .counts(train.iter().copied())
        .into_iter()
        .zip(data.counts(validation.iter().copied()));
    for (class, (train, validation)) in data.classes.iter().zip(counts) {
        println!("  {class:10} {train:6} {validation:6}");
    }
    if copies > 0 {
        println!("{copies} more are not trained on, since the validation pictures show the same");
    }
    for warning in warnings(data, train, validation) {
        eprintln!("warning: {warning}");
    }
}

/// A new run.
fn start(
    args: &Args,
    config: Config,
    data: &Dataset,
    init: &WeightsFile,
    train: &[&Sample],
) -> Result<Trainer> {
    let started = train::start(config, data.classes.clone(), init, train);
    let Some(name) = &args.init else {
        return Ok(started?.0);
    };
    let (trainer, fit) = started.with_context(|| format!("weights {name}"))?;
    let own = trainer.config.width;
    if let Some(wider) = init
        .shape
        .map(|shape| shape.width)
        .filter(|width| *width > own)
    {
        eprintln!(
            "warning: of {name}, of width {wider}, the strongest channels make a network of width \
             {own}, which has to learn again; without that width it goes on as it is"
        );
    }
    println!(
        "{name}: {} of {} convolutions, {} of {} classes",
        fit.convolutions,
        trainer.net.layers.len(),
        fit.classes,
        data.classes.len()
    );
    Ok(trainer)
}
