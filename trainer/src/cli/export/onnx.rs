//! `fer-trainer export --onnx`

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fer::Model;
use fer::classify::softmax;
use fer::engine::{EngineKind, ExecutionProvider, OnnxRuntime};
use fer_trainer::SIDE;
use fer_trainer::artifact::{Network, load};
use fer_trainer::data::{Dataset, Sample};
use fer_trainer::eval::Metrics;
use fer_trainer::export::{self, Calibration, Description, Storage, temperature, verify};
use fer_trainer::nn::{Weights, Workspace};
use fer_trainer::rng::Rng;
use fer_trainer::train::predict;
use serde_json::{Value, json};

use super::parts::{self, Parts};
use super::{Args, accuracy};
use crate::cli::within;

/// Pictures with which engines are compared.
const CHECKED: usize = 64;
/// Pictures below which a temperature is known to no better than a fifth, by simulation with seven
/// classes (standard deviation of its logarithm at 50: 0.14 to 0.19).
const ENOUGH: usize = 50;
/// Most pictures by which activations are quantised.
const CALIBRATED: usize = 1024;

/// Options for the ONNX file.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of --onnx")]
pub struct OnnxOptions {
    /// Stores weights as 16-bit floats, which halves the file
    #[arg(long, conflicts_with = "tensorrt")]
    half: bool,
    /// Quantises convolutions to eight bits by training pictures of --data, and tells what
    /// that costs on validation pictures
    #[arg(long, requires = "data", conflicts_with_all = ["tensorrt", "half"])]
    int8: bool,
    /// Adds -S ln(share of the training pictures) to each class's score, so that rare classes
    /// are said more often; 0 to 2
    #[arg(long, value_name = "S", default_value_t = 0.0, requires = "data", value_parser = within(0.0..=2.0))]
    pub favour_rare: f32,
    /// A name for the model's description; else the output's file name
    #[arg(long)]
    name: Option<String>,
    /// A sentence on data and terms for the model's description
    #[arg(long)]
    note: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let path = args.model.as_deref().context("--model is missing")?;
    let network = Network::load(path)?;
    let output = match &args.output {
        Some(output) => output.clone(),
        None => network.path.with_extension("onnx"),
    };
    let dataset = open(args)?;
    let name = stem(&output);
    let model = match &dataset {
        Some(dataset) if args.onnx_options.int8 => quantised(&network, &name, args, dataset)?,
        dataset => model(&network, &name, args, dataset.as_ref())?,
    };
    std::fs::write(&output, model.bytes())
        .with_context(|| format!("writing {}", output.display()))?;
    println!(
        "{}: {} bytes, SHA-256 {}",
        output.display(),
        model.bytes().len(),
        model.sha256()
    );
    Ok(())
}

/// Reads the data set of the options, where there is one.
pub fn open(args: &Args) -> Result<Option<Dataset>> {
    let path = args.data.as_deref();
    ensure!(
        path.is_some() || args.reading.is_plain(),
        "options on how data is read need --data"
    );
    path.map(|path| args.reading.open(path)).transpose()
}

/// The network as an ONNX model, checked in every engine that is here.
pub fn model(
    network: &Network,
    name: &str,
    args: &Args,
    dataset: Option<&Dataset>,
) -> Result<Model> {
    let options = &args.onnx_options;
    let storage = if options.half {
        Storage::Half
    } else {
        Storage::Single
    };
    let mut about = describe(network, name, options)?;
    let drawn;
    let (samples, calibration) = match dataset {
        Some(dataset) => {
            let parts = parts::of_network(network, dataset, args.split)?;
            let offsets = offsets(dataset, &parts, options.favour_rare)?;
            let (calibration, metrics) = calibrate(network, &parts, offsets);
            about.metrics = metrics;
            (parts.judged, calibration)
        }
        None => {
            drawn = noise();
            (drawn.iter().collect(), Calibration::NONE)
        }
    };

    let (folded, model) = export::export(network, storage, &calibration, &about)?;
    let checked = &samples[..samples.len().min(CHECKED)];
    report_folding(network, &folded.weights, &calibration, checked, storage)?;
    let (net, weights) = (&folded.net, &folded.weights);
    let difference = verify::check(net, weights, &model, EngineKind::Builtin, checked)?;
    println!(
        "builtin differs by at most {difference:.1e} over {} pictures",
        checked.len()
    );
    match OnnxRuntime::open(&model, 1, ExecutionProvider::Cpu, 0) {
        Ok(_) => {
            let kind = EngineKind::OnnxRuntime;
            let difference = verify::check(net, weights, &model, kind, checked)?;
            println!("onnxruntime differs by at most {difference:.1e}");
        }
        Err(fer::Error::Engine { reason, .. }) => {
            println!("onnxruntime was not checked: {reason}");
        }
        Err(refused) => return Err(refused).context("checking the exported file"),
    }
    Ok(model)
}

/// The network as a quantised ONNX model, compared to the one that is not.
fn quantised(network: &Network, name: &str, args: &Args, dataset: &Dataset) -> Result<Model> {
    let options = &args.onnx_options;
    let mut about = describe(network, name, options)?;
    let parts = parts::of_network(network, dataset, args.split)?;
    let training = &parts.train;
    ensure!(!training.is_empty(), "the data has no training part");
    let step = training.len().div_ceil(CALIBRATED);
    let chosen: Vec<&Sample> = training.iter().copied().step_by(step).collect();
    let offsets = offsets(dataset, &parts, options.favour_rare)?;
    let (calibration, metrics) = calibrate(network, &parts, offsets);
    // They are those of the network before it is quantised.
    about.metrics = json!({ "single_precision": metrics });
    let (_, single) = export::export(network, Storage::Single, &calibration, &about)?;
    let model = export::export_quantised(network, &calibration, &about, &chosen)?;
    println!("quantised by {} training pictures", chosen.len());
    let models = [("fp32", Ok(single)), ("int8", Ok(model.clone()))];
    for kind in [EngineKind::OnnxRuntime, EngineKind::Builtin] {
        accuracy::print(&models, kind, &dataset.classes, &parts)?;
    }
    Ok(model)
}

fn describe(network: &Network, name: &str, options: &OnnxOptions) -> Result<Description> {
    Ok(Description {
        name: options.name.clone().unwrap_or_else(|| name.to_owned()),
        training: training(&network.path, options.note.as_deref())?,
        metrics: Value::Null,
    })
}

/// A file's name without folder and ending.
pub fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What the weights file says of its training.
fn training(path: &Path, note: Option<&str>) -> Result<Value> {
    let metadata = load(path)?.metadata;
    let mut about = serde_json::Map::new();
    if let Some(config) = metadata.get("config") {
        let recipe: toml::Table = toml::from_str(config).context("recipe in the weights file")?;
        about.insert("recipe".into(), serde_json::to_value(recipe)?);
    }
    if let Some(metrics) = metadata.get("metrics") {
        about.insert("epoch".into(), serde_json::from_str(metrics)?);
    }
    // By which those who go on from the exported file can tell what it was trained on.
    if let Some(validation) = metadata.get("validation") {
        about.insert("validation".into(), validation.as_str().into());
    }
    if let Some(note) = note {
        about.insert("note".into(), note.into());
    }
    Ok(if about.is_empty() {
        Value::Null
    } else {
        about.into()
    })
}

/// Offsets of the scores; none where no class is favoured.
fn offsets(dataset: &Dataset, parts: &Parts, strength: f32) -> Result<Vec<f32>> {
    if strength == 0.0 {
        return Ok(Vec::new());
    }
    let training = &parts.train;
    ensure!(
        !training.is_empty(),
        "the data has no training part, whose classes --favour-rare counts"
    );
    let counts = dataset.counts(training.iter().copied());
    Ok(export::favour_rare(&counts, strength))
}

/// Temperature by the validation pictures, and what they say before and after.
fn calibrate(network: &Network, parts: &Parts, offsets: Vec<f32>) -> (Calibration, Value) {
    let samples = &parts.judged;
    let mut workspaces = [Workspace::new(&network.net, 64)];
    let scores = predict(
        &network.net,
        &network.weights,
        &mut workspaces,
        samples,
        false,
    );
    let labels: Vec<usize> = samples.iter().map(|s| s.label).collect();
    let enough = samples.len() >= ENOUGH;
    let temperature = if enough {
        temperature::fit(&scores, &labels)
    } else {
        eprintln!(
            "warning: {} pictures are too few to calibrate by: probabilities stay as trained",
            samples.len()
        );
        1.0
    };
    let [low, high] = temperature::RANGE;
    // The search comes as near to them as its own tolerance.
    if (temperature / low).ln() < 1e-3 || (high / temperature).ln() < 1e-3 {
        eprintln!(
            "warning: the temperature is at its limit: {} pictures do not tell how sure the network \
             may be",
            samples.len()
        );
    }
    let calibration = Calibration {
        temperature,
        offsets,
    };
    let metrics = |calibration: &Calibration| {
        let probabilities: Vec<Vec<f32>> = scores
            .iter()
            .map(|row| softmax(&calibration.apply(row)))
            .collect();
        Metrics::new(&network.classes, &probabilities, &labels)
    };
    let (before, after) = (metrics(&Calibration::NONE), metrics(&calibration));
    println!(
        "{}: {:.2} % of {}, balanced {:.2} %; as trained {:.2} and {:.2} %; calibration error \
         {:.4} as trained, {:.4} at temperature {temperature:.3}",
        parts.name,
        100.0 * after.accuracy,
        after.n,
        100.0 * after.balanced_accuracy,
        100.0 * before.accuracy,
        100.0 * before.balanced_accuracy,
        before.ece,
        after.ece
    );
    let metrics = json!({"validation": {
        "pictures": parts.name,
        "n": after.n,
        "accuracy": after.accuracy,
        "balanced_accuracy": after.balanced_accuracy,
        "macro_f1": after.macro_f1,
        "ece": after.ece,
        "nll": after.nll,
        "temperature": temperature,
        "offsets": calibration.offsets,
    }});
    (calibration, metrics)
}

/// Compares the folded network to the trained one, both in the trainer.
fn report_folding(
    network: &Network,
    folded: &Weights,
    calibration: &Calibration,
    samples: &[&Sample],
    storage: Storage,
) -> Result<()> {
    let mut workspaces = [Workspace::new(&network.net, 64)];
    let mut run = |weights| predict(&network.net, weights, &mut workspaces, samples, false);
    let (trained, folded) = (run(&network.weights), run(folded));
    let trained: Vec<f32> = trained
        .iter()
        .flat_map(|row| calibration.apply(row))
        .collect();
    let pairs = trained.iter().zip(folded.iter().flatten());
    let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let what = match storage {
        Storage::Half => "rounding to half precision",
        Storage::Single => "folding",
    };
    ensure!(
        storage == Storage::Half || largest <= verify::TOLERANCE,
        "folding changes a score by {largest:.2e}"
    );
    println!("{what} changes a score by at most {largest:.1e}");
    Ok(())
}

/// Pictures of smoothed noise, for want of faces.
fn noise() -> Vec<Sample> {
    let mut rng = Rng::new(1);
    (0..CHECKED)
        .map(|_| {
            let mut grey = 128.0;
            let pixels = (0..SIDE * SIDE)
                .map(|_| {
                    grey = 0.9 * grey + 0.1 * 255.0 * (0.5 + 2.0 * rng.symmetric());
                    grey.clamp(0.0, 255.0) as u8
                })
                .collect();
            Sample {
                pixels,
                name: "noise".into(),
                ..Sample::default()
            }
        })
        .collect()
}
