//! From a trained network to an ONNX file that the plugin takes as it is.

pub mod fold;
mod graph;
pub mod pixels;
pub mod quantise;
pub mod temperature;
pub mod verify;

use fer::Model;
use fer::model::{InputSpec, ModelInfo, Output, Overrides, Tone};
use prost::Message;

use crate::Result;
use crate::artifact::Network;
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
    graph::model(
        network,
        storage,
        None,
        &info(classes, network.net.tone, about),
    )
    .encode_to_vec()
}

fn info(classes: &[String], tone: Tone, about: &Description) -> ModelInfo {
    ModelInfo {
        version: 1,
        name: about.name.clone(),
        labels: classes.to_vec(),
        input: InputSpec {
            tone,
            ..input_spec()
        },
        output: Output::Logits,
        training: about.training.clone(),
        metrics: about.metrics.clone(),
    }
}

/// What is done to a trained network's scores so that they mean what they say.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Scores are divided by it first.
    pub temperature: f32,
    /// Added then, one value a class; empty adds nothing.
    pub offsets: Vec<f32>,
}

impl Calibration {
    /// Scores as trained.
    pub const NONE: Self = Self {
        temperature: 1.0,
        offsets: Vec::new(),
    };

    /// Scores of one picture after it.
    pub fn apply(&self, scores: &[f32]) -> Vec<f32> {
        let offsets = self.offsets.iter().copied().chain(std::iter::repeat(0.0));
        let each = scores.iter().zip(offsets);
        each.map(|(score, offset)| score / self.temperature + offset)
            .collect()
    }

    fn fold(&self, network: &Network) -> Folded {
        let mut folded = Folded::new(&network.net, &network.weights);
        folded.apply_temperature(self.temperature);
        folded.shift(&self.offsets);
        folded
    }
}

/// Offsets that favour rare classes: -`strength` ln(share), for the classes' shares of the
/// training pictures `counts` (logit adjustment, Menon et al. 2021, "Long-tail learning via
/// logit adjustment", eq. 9). A strength of 1 would make up for the whole difference in a
/// calibrated network trained on pictures as frequent as these.
pub fn favour_rare(counts: &[usize], strength: f32) -> Vec<f32> {
    let sum = counts.iter().sum::<usize>().max(1) as f32;
    let share = |n: usize| n.max(1) as f32 / sum;
    counts.iter().map(|n| -strength * share(*n).ln()).collect()
}

/// Folds, calibrates scores, and writes; with half storage the folded network
/// is rounded first, so that it is what engines will compute.
///
/// # Errors
/// When the library can't read its own kind of file, which would be a defect.
pub fn export(
    network: &Network,
    storage: Storage,
    calibration: &Calibration,
    about: &Description,
) -> Result<(Folded, Model)> {
    let mut folded = calibration.fold(network);
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
    calibration: &Calibration,
    about: &Description,
    samples: &[&Sample],
) -> Result<Model> {
    let folded = calibration.fold(network);
    let scales = Scales::calibrate(&folded, samples);
    let info = info(&network.classes, network.net.tone, about);
    let proto = graph::model(&folded, Storage::Single, Some(&scales), &info);
    Ok(Model::from_bytes(
        "export",
        proto.encode_to_vec(),
        &Overrides::default(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_gain_and_the_offsets_come_after_the_temperature() {
        let offsets = favour_rare(&[90, 10, 0], 0.5);
        assert!((offsets[1] + 0.5 * 0.1f32.ln()).abs() < 1e-6);
        assert!(offsets[0] < offsets[1] && offsets[1] < offsets[2]);
        let calibration = Calibration {
            temperature: 2.0,
            offsets: vec![1.0, 0.0],
        };
        assert_eq!(calibration.apply(&[3.0, 5.0]), [2.5, 2.5]);
        assert_eq!(Calibration::NONE.apply(&[3.0, 5.0]), [3.0, 5.0]);
    }
}
