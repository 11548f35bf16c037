//! `fer-trainer export`

mod accuracy;
mod onnx;
mod parts;
mod repository;
#[cfg(feature = "tensorrt")]
mod tensorrt;

use std::path::PathBuf;

use anyhow::Result;
use fer_trainer::artifact::weights_file;
use fer_trainer::data::Split;

use super::model::Builtin;
use super::outputs;
use super::source::Reading;

/// Options of `export`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("form").required(true)))]
pub struct Args {
    /// Writes an ONNX file
    #[arg(long, group = "form")]
    onnx: bool,
    /// Writes an engine for NVIDIA's TensorRT
    #[arg(long, group = "form")]
    tensorrt: bool,
    /// Writes a folder that Triton and OpenVINO Model Server serve from, for ferclassify
    /// engine=remote
    #[arg(long, group = "form", value_name = "DIR", conflicts_with = "output")]
    model_repository: Option<PathBuf>,
    /// Run folder or weights file; for TensorRT and servers also an ONNX file, or none for a
    /// model that is built in
    #[arg(long, required_unless_present_any = ["tensorrt", "model_repository"])]
    model: Option<PathBuf>,
    /// For TensorRT and servers: which of the models that are built in
    #[arg(long, value_enum, default_value = "standard", conflicts_with_all = ["model", "onnx"])]
    builtin_model: Builtin,
    /// File to write; else the model's name with the ending .onnx or .engine
    #[arg(long)]
    output: Option<PathBuf>,
    /// Data set whose validation part, or where it has none the pictures that the run held out,
    /// calibrates a trained network's probabilities, checks the file and tells the accuracy of
    /// each precision; without it probabilities stay as trained, and drawn pictures check the file
    #[arg(long)]
    data: Option<PathBuf>,
    /// Part of the data to calibrate and judge by: train, validation or test
    #[arg(long, requires = "data")]
    split: Option<Split>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    repository_options: repository::RepositoryOptions,
    #[command(flatten)]
    onnx_options: onnx::OnnxOptions,
    #[cfg(feature = "tensorrt")]
    #[command(flatten)]
    tensorrt_options: tensorrt::TensorRtOptions,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<()> {
    let model = args.model.as_deref().map(weights_file);
    let inputs = model.into_iter().chain(args.data.clone());
    outputs::file(args.output.as_deref(), inputs)?;
    if args.tensorrt {
        #[cfg(feature = "tensorrt")]
        return tensorrt::run(args);
        #[cfg(not(feature = "tensorrt"))]
        anyhow::bail!("this program was built without the feature tensorrt");
    }
    match &args.model_repository {
        Some(folder) => repository::run(args, folder),
        None => onnx::run(args),
    }
}
