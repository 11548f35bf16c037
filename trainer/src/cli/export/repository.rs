//! `fer-trainer export --model-repository`

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fer::Model;
use fer::model::Overrides;
use fer::onnx::proto::ModelProto;
use fer_trainer::artifact::Network;
use fer_trainer::export::pixels;
use prost::Message;

use super::{Args, onnx};
use crate::cli::model::is_run;
use crate::cli::outputs;

/// Options for the folder.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of --model-repository")]
pub struct RepositoryOptions {
    /// What the servers call the network
    #[arg(long, value_name = "NAME", default_value = "fer", conflicts_with_all = ["onnx", "tensorrt"])]
    served_as: String,
    /// Has the network take the pixels of faces as bytes, a quarter of what 32-bit floats are
    #[arg(long, conflicts_with_all = ["onnx", "tensorrt"])]
    pixels: bool,
    /// Most faces that a server joins to a batch
    #[arg(long, value_name = "FACES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096), conflicts_with_all = ["onnx", "tensorrt"])]
    server_batch: u32,
    /// How long a server waits for faces to join, in microseconds
    #[arg(long, value_name = "US", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=1_000_000), conflicts_with_all = ["onnx", "tensorrt"])]
    server_delay: u32,
}

/// Runs the command.
pub fn run(args: &Args, folder: &Path) -> Result<()> {
    let options = &args.repository_options;
    let name = &options.served_as;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!(
        !name.is_empty() && name.chars().all(is_plain) && !name.starts_with('.'),
        "--served-as {name:?} is not of letters, digits, -, _ and ."
    );
    let place = folder.join(name);
    // What a server may be serving from is not written over; a new version has a number of its own.
    ensure!(
        !place.exists(),
        "{} is there already; versions beside 1 can be put there by hand",
        place.display()
    );
    outputs::folder(Some(folder))?;
    let model = model(args)?;
    let (bytes, datatype, input) = if options.pixels {
        (pixels::takes_bytes(&model)?, "TYPE_UINT8", pixels::INPUT)
    } else {
        let input = model.graph().input.as_str();
        (model.bytes().to_vec(), "TYPE_FP32", input)
    };
    let config = config(&model, options, datatype, input)?;
    // It appears in one step, so that no server reads half of it.
    let part = folder.join(format!(".{name}.part"));
    let _ = fs::remove_dir_all(&part);
    fs::create_dir_all(part.join("1")).with_context(|| format!("making {}", part.display()))?;
    let labels = model.info().labels.join("\n") + "\n";
    for (file, content) in [
        ("1/model.onnx", &bytes[..]),
        ("labels.txt", labels.as_bytes()),
        ("config.pbtxt", config.as_bytes()),
    ] {
        let path = part.join(file);
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    fs::rename(&part, &place).with_context(|| format!("writing {}", place.display()))?;
    println!(
        "{}: {} bytes a face, {} labels",
        place.display(),
        model.info().input.len() * if options.pixels { 1 } else { 4 },
        model.info().labels.len()
    );
    Ok(())
}

/// The model of the options.
fn model(args: &Args) -> Result<Model> {
    let dataset = onnx::open(args)?;
    let Some(path) = &args.model else {
        ensure!(dataset.is_none(), "--data is for a trained network");
        return Ok(args.builtin_model.open()?);
    };
    if is_run(path) {
        let network = Network::load(path)?;
        return onnx::model(&network, &onnx::stem(&network.path), args, dataset.as_ref());
    }
    ensure!(dataset.is_none(), "--data is for a trained network");
    let model = Model::load(path, &Overrides::default())?;
    if model.engine_file().is_some() {
        bail!(
            "{}: an engine of TensorRT, not an ONNX file",
            path.display()
        );
    }
    Ok(model)
}

/// The folder's description, in the text form of Triton's `ModelConfig`. OpenVINO Model Server
/// needs none and reads none.
fn config(
    model: &Model,
    options: &RepositoryOptions,
    datatype: &str,
    input: &str,
) -> Result<String> {
    let output = &model.graph().output;
    let file = ModelProto::decode(model.bytes())?;
    let mut outputs = file.graph.iter().flat_map(|graph| &graph.output);
    let described = outputs.find(|o| o.name == *output).and_then(|o| o.dims());
    // Without the batch.
    let classes: Option<Vec<usize>> = described.and_then(|dims| dims.into_iter().skip(1).collect());
    let classes = classes.unwrap_or_else(|| vec![model.info().labels.len()]);
    let [_, face @ ..] = model.info().input.shape(1);
    let batch = model.graph().batch;
    let list = |sizes: &[usize]| {
        let fixed = batch.iter().chain(sizes);
        let sizes: Vec<String> = fixed.map(|size| size.to_string()).collect();
        sizes.join(", ")
    };
    let mut config = String::new();
    writeln!(config, "name: \"{}\"", options.served_as)?;
    writeln!(config, "backend: \"onnxruntime\"")?;
    // A network that takes one number of faces has that number in its sizes, and no batches.
    let most = if batch.is_some() {
        0
    } else {
        options.server_batch
    };
    writeln!(config, "max_batch_size: {most}")?;
    for (end, name, kind, sizes, more) in [
        ("input", input, datatype, list(&face), ""),
        (
            "output",
            output,
            "TYPE_FP32",
            list(&classes),
            "\n    label_filename: \"labels.txt\"",
        ),
    ] {
        writeln!(
            config,
            "{end} [\n  {{\n    name: {name:?}\n    data_type: {kind}\n    dims: [ {sizes} ]{more}\n  }}\n]"
        )?;
    }
    if most > 0 {
        writeln!(
            config,
            "dynamic_batching {{\n  max_queue_delay_microseconds: {}\n}}",
            options.server_delay
        )?;
    }
    Ok(config)
}
