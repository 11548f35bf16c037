//! `fer-trainer train`

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fer_trainer::checkpoint::{self, RunFolder};
use fer_trainer::data::{Dataset, Sample, Split, split};
use fer_trainer::nn::{Architecture, Weights};
use fer_trainer::rng::Rng;
use fer_trainer::train::{Config, Outcome, Stage, Trainer};

use super::console::Console;
use super::source::Source;

/// Options of `train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Folder of the run: weights, checkpoint, recipe and metrics
    #[arg(long)]
    out: PathBuf,
    /// Stage, which decides the defaults of the recipe
    #[arg(long, value_enum)]
    stage: Option<Stage>,
    /// Weights to start from: a run folder or a safetensors file; random without it
    #[arg(long)]
    init: Option<PathBuf>,
    /// Recipe as a TOML file, over the stage's defaults
    #[arg(long)]
    config: Option<PathBuf>,
    /// Goes on with the run in --out, whose recipe holds
    #[arg(long, conflicts_with_all = ["init", "config", "stage", "epochs", "width", "seed"])]
    resume: bool,
    /// Epochs, in place of the recipe's
    #[arg(long)]
    epochs: Option<u64>,
    /// Width multiplier, in place of the recipe's
    #[arg(long)]
    width: Option<f32>,
    /// Seed, in place of the recipe's
    #[arg(long)]
    seed: Option<u64>,
    /// Threads; as many as there are processors without it
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

impl Args {
    fn config(&self) -> Result<Config> {
        let mut config = match &self.config {
            Some(path) => Config::load(path, self.stage)?,
            None => Config::for_stage(self.stage.unwrap_or_default()),
        };
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.width = self.width.unwrap_or(config.width);
        config.seed = self.seed.unwrap_or(config.seed);
        config.check()?;
        Ok(config)
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads)
        .build_global()
        .context("threads")?;
    let folder = RunFolder::open(&args.out);
    let resumed = args.resume.then(|| folder.resume()).transpose()?;
    let config = match &resumed {
        Some(trainer) => trainer.config.clone(),
        None => args.config()?,
    };
    let data = args.source.open()?;
    let (train, validation) = parts(&data, &config)?;
    describe(&data, &train, &validation);

    let mut trainer = match resumed {
        Some(trainer) => {
            ensure!(
                trainer.classes == data.classes,
                "the run in {} has the classes {}, the data {}",
                args.out.display(),
                trainer.classes.join(", "),
                data.classes.join(", ")
            );
            trainer
        }
        None => start(args, config, &data)?,
    };
    let folder = if args.resume {
        folder
    } else {
        RunFolder::create(&args.out, &trainer)?
    };

    let stop = Arc::new(AtomicBool::new(false));
    stop_on_signal(stop.clone())?;
    let mut console = Console::new(folder.clone(), trainer.config.epochs);
    let outcome = trainer.run(&train, &validation, &mut console, &stop)?;
    let progress = &trainer.progress;
    match outcome {
        Outcome::Stopped => {
            folder.save_state(&trainer)?;
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

/// Sets `stop` at Ctrl-C, so that the step is finished and the state saved. Whoever asks
/// again later does not want to wait for that; some senders signal twice at once.
fn stop_on_signal(stop: Arc<AtomicBool>) -> Result<()> {
    let mut asked: Option<Instant> = None;
    ctrlc::set_handler(move || {
        stop.store(true, Ordering::Relaxed);
        if asked.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(1) {
            std::process::exit(130);
        }
    })
    .context("Ctrl-C")
}

/// The parts to train on and to choose by; what is held out has no share in either.
fn parts<'a>(data: &'a Dataset, config: &Config) -> Result<(Vec<&'a Sample>, Vec<&'a Sample>)> {
    let train = if data.has_parts() {
        data.part(Split::Train)
    } else {
        data.samples.iter().collect()
    };
    ensure!(!train.is_empty(), "the data has no training part");
    let validation = data.part(Split::Validation);
    if !validation.is_empty() {
        return Ok((train, validation));
    }
    ensure!(
        config.hold_out > 0.0,
        "the data has no validation part and hold_out is 0"
    );
    Ok(split::hold_out(
        &train,
        config.hold_out,
        &mut Rng::new(config.seed),
    ))
}

fn describe(data: &Dataset, train: &[&Sample], validation: &[&Sample]) {
    println!(
        "{}: {} pictures to train on, {} to validate, {} without a face, {} not used",
        data.format,
        train.len(),
        validation.len(),
        data.missed.len(),
        data.faults.len()
    );
    let counts = data
        .counts(train.iter().copied())
        .into_iter()
        .zip(data.counts(validation.iter().copied()));
    for (class, (train, validation)) in data.classes.iter().zip(counts) {
        println!("  {class:10} {train:6} {validation:6}");
        if train == 0 {
            eprintln!("warning: nothing to train {class} on");
        }
    }
}

/// A new run.
fn start(args: &Args, config: Config, data: &Dataset) -> Result<Trainer> {
    let net = Architecture::new(config.width, data.classes.len())?;
    let mut rng = Rng::new(config.seed);
    let source = match &args.init {
        Some(path) => {
            let file = checkpoint::weights_file(path);
            checkpoint::load(&file).with_context(|| format!("weights {}", file.display()))?
        }
        None => checkpoint::Loaded::default(),
    };
    let old = source.classes.unwrap_or_default();
    let rows: Vec<Option<usize>> = data
        .classes
        .iter()
        .map(|class| old.iter().position(|o| o == class))
        .collect();
    let (weights, loaded) = Weights::init(&net, &source.tensors, &rows, &mut rng);
    if let Some(path) = &args.init {
        ensure!(
            loaded.convolutions > 0,
            "weights {}: none fits width {}",
            path.display(),
            config.width
        );
        println!(
            "{}: {} of {} convolutions, {} of {} classes",
            path.display(),
            loaded.convolutions,
            net.layers.len(),
            loaded.classes,
            net.classes
        );
    }
    Trainer::new(config, data.classes.clone(), net, weights, &rng)
}
