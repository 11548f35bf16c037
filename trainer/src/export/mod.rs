//! From a trained network to an ONNX file that the plugin takes as it is.

pub mod fold;
mod graph;
pub mod quantise;
pub mod temperature;
pub mod verify;

use anyhow::Result;
use fer::Model;
use fer::model::{ModelInfo, Output, Overrides};
use prost::Message;

use crate::checkpoint::Network;
use crate::data::{Sample, input_spec};
use fold::Folded;
use quantise::Scales;

/// How numbers are stored in the file. Engines compute in 32 bits either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// 32-bit floats.
    #[default]
    Single,
    /// Weights as 16-bit floats, each behind a `Cast`: half the size. Biases keep 32 bits.
    Half,
}

/// What the file says of itself beside labels and preparation.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// A name for people.
    pub name: String,
    /// Data, recipe, seed.
    pub training: serde_json::Value,
    /// Data set and part to accuracy and calibration.
    pub metrics: serde_json::Value,
}

/// The file's bytes: opset 17, input `input` of shape `[N, 1, 48, 48]`, output `logits` of
/// shape `[N, classes]`.
pub fn onnx(
    network: &Folded,
    classes: &[String],
    storage: Storage,
    about: &Description,
) -> Vec<u8> {
    graph::model(network, storage, None, &info(classes, about)).encode_to_vec()
}

fn info(classes: &[String], about: &Description) -> ModelInfo {
    ModelInfo {
        version: 1,
        name: about.name.clone(),
        labels: classes.to_vec(),
        input: input_spec(),
        output: Output::Logits,
        training: about.training.clone(),
        metrics: about.metrics.clone(),
    }
}

/// Folds, divides scores by `temperature`, and writes; with half storage the folded network
/// is rounded first, so that it is what engines will compute.
///
/// # Errors
/// When the library can't read its own kind of file, which would be a defect.
pub fn export(
    network: &Network,
    storage: Storage,
    temperature: f32,
    about: &Description,
) -> Result<(Folded, Model)> {
    let mut folded = Folded::new(&network.net, &network.weights);
    folded.cool(temperature);
    if storage == Storage::Half {
        folded.round_to_half();
    }
    let bytes = onnx(&folded, &network.classes, storage, about);
    let model = Model::from_bytes("export", bytes, &Overrides::default())?;
    Ok((folded, model))
}

/// As [`export`], with convolutions quantised to eight bits by what `samples` make of every
/// layer.
///
/// # Errors
/// As [`export`].
pub fn export_quantised(
    network: &Network,
    temperature: f32,
    about: &Description,
    samples: &[&Sample],
) -> Result<Model> {
    let mut folded = Folded::new(&network.net, &network.weights);
    folded.cool(temperature);
    let scales = Scales::calibrate(&folded, samples);
    let info = info(&network.classes, about);
    let proto = graph::model(&folded, Storage::Single, Some(&scales), &info);
    Ok(Model::from_bytes(
        "export",
        proto.encode_to_vec(),
        &Overrides::default(),
    )?)
}
