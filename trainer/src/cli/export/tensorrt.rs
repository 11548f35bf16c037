//! `fer-trainer export --tensorrt`

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fer::Model;
use fer::engine::EngineKind;
use fer::engine::tensorrt::{self, BuildOptions, Card, FLAVOUR, Target, Validity};
use fer::model::Overrides;
use fer::model::{EngineFile, Flavour, Precision};
use fer_trainer::artifact::Network;
use fer_trainer::data::Dataset;

use super::parts::{self, Parts};
use super::{Args, accuracy, onnx};

/// Options for the engine.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of --tensorrt")]
pub struct TensorRtOptions {
    /// Arithmetic: fp32, fp16, or int8 for an ONNX file that was exported with --int8
    #[arg(long, default_value_t, conflicts_with = "onnx")]
    precision: Precision,
    /// Most faces in one run
    #[arg(long, default_value_t = BuildOptions::default().max_batch, conflicts_with = "onnx")]
    max_batch: usize,
    /// Compute capabilities to build for, such as sm_86,sm_89, or current; else the card in
    /// this machine, or all that TensorRT for RTX knows where there is none
    #[arg(long, value_delimiter = ',', conflicts_with = "onnx")]
    target: Vec<Target>,
    /// Folder of TensorRT's libraries
    #[arg(long, value_name = "DIR", conflicts_with = "onnx")]
    tensorrt_lib: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let options = &args.tensorrt_options;
    let folder = options.tensorrt_lib.as_deref();
    // First, since nothing can be done without.
    let library = tensorrt::library(folder)?;
    println!("{FLAVOUR} {} ({})", library.version, library.path.display());
    let card = tensorrt::card(0);
    let build = BuildOptions {
        precision: options.precision,
        max_batch: options.max_batch,
        targets: targets(options, card.as_ref().ok()),
        device: 0,
    };
    match &card {
        Ok(card) => println!("{} ({})", card.name, card.capability),
        Err(reason) => println!("no card here: {reason}"),
    }

    let dataset = onnx::open(args)?;
    let (model, default) = source(args, dataset.as_ref())?;
    let output = args.output.clone().unwrap_or(default);
    // Before anything that takes long.
    let network = tensorrt::network(&model, options.precision, folder)?;
    if let Some(dataset) = &dataset {
        let parts = parts::of_model(dataset, args.split)?;
        graphs(&model, options.precision, dataset, &parts)?;
    }
    let start = Instant::now();
    let file = tensorrt::build(&model, &build, folder)?;
    println!(
        "built from {} layers for {} in {} and batches of 1 to {}, in {:.1} s",
        network.layers.len(),
        file.header().targets.join(", "),
        options.precision,
        options.max_batch,
        start.elapsed().as_secs_f64()
    );
    check(&file, folder)?;
    if let (Some(dataset), Ok(_)) = (&dataset, &card) {
        let model = Model::from_bytes("engine", file.bytes().to_vec(), &Overrides::default())?;
        let parts = parts::of_model(dataset, args.split)?;
        let models = [("on the card", Ok(model))];
        accuracy::print(&models, EngineKind::TensorRt, &dataset.classes, &parts)?;
    }
    file.write(&output)
        .with_context(|| format!("writing {}", output.display()))?;
    println!("{}: {} bytes", output.display(), file.bytes().len());
    Ok(())
}

/// What to build for: what was asked for, else the card, else everything.
fn targets(options: &TensorRtOptions, card: Option<&Card>) -> Vec<Target> {
    if !options.target.is_empty() {
        options.target.clone()
    } else if card.is_some() || FLAVOUR == Flavour::Classic {
        vec![Target::Current]
    } else {
        Target::supported(options.precision)
    }
}

/// The model, and the file to write where the options name none.
fn source(args: &Args, dataset: Option<&Dataset>) -> Result<(Model, PathBuf)> {
    let trained =
        |path: &&PathBuf| path.is_dir() || path.extension().is_some_and(|e| e == "safetensors");
    ensure!(
        args.onnx_options.favour_rare == 0.0 || args.model.as_ref().is_some_and(|p| trained(&p)),
        "--favour-rare is for a trained network, not for a model that is finished"
    );
    let Some(path) = &args.model else {
        return Ok((args.builtin_model.open()?, "fer.engine".into()));
    };
    if trained(&path) {
        let network = Network::load(path)?;
        let output = network.path.with_extension("engine");
        let model = onnx::model(&network, &onnx::stem(&output), args, dataset)?;
        Ok((model, output))
    } else {
        let model = Model::load(path, &Overrides::default())?;
        Ok((model, path.with_extension("engine")))
    }
}

/// Asks TensorRT whether it would take the file.
fn check(file: &EngineFile, folder: Option<&Path>) -> Result<()> {
    match tensorrt::validity(file, folder)? {
        Validity::Fits => println!("TensorRT says that it runs here"),
        Validity::Slow => println!("TensorRT says that it runs here, but not at full speed"),
        // It may be for other cards than the one here.
        Validity::Refused(reason) => println!("TensorRT says of this machine: {reason}"),
        Validity::Unknown => println!("not run: TensorRT needs a card for that"),
    }
    Ok(())
}

/// Accuracy of the graphs that an engine may be built from, on the processor: TensorRT rounds
/// in the same places, but sums in another order. Only ONNX Runtime computes in 16 bits.
fn graphs(model: &Model, precision: Precision, dataset: &Dataset, parts: &Parts) -> Result<()> {
    let single = Ok(model.clone());
    let models = if precision == Precision::Int8 {
        vec![("int8", single)]
    } else {
        let half = tensorrt::to_half(model.bytes()).and_then(|bytes| {
            Model::from_bytes("fp16", bytes, &Overrides::default()).map_err(|e| e.to_string())
        });
        vec![("fp32", single), ("fp16", half)]
    };
    accuracy::print(&models, EngineKind::OnnxRuntime, &dataset.classes, parts)
}
