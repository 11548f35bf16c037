//! What a model file says of itself: how to prepare its input and how to read its output.
//!
//! It is stored as one JSON document under the key [`METADATA_KEY`] in the ONNX file's
//! `metadata_props`, so any tool shows it and the file stays plain ONNX.

use serde::{Deserialize, Serialize};

use super::Output;
use crate::{Error, Result};

/// Key of the JSON document in the ONNX file's metadata.
pub const METADATA_KEY: &str = "fer";

/// Colour of the pixels that a network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// One channel: full-range luma.
    #[default]
    Gray,
    /// Three channels, red first.
    Rgb,
    /// Three channels, blue first.
    Bgr,
}

impl Color {
    /// 1 or 3.
    pub fn channels(self) -> usize {
        match self {
            Color::Gray => 1,
            Color::Rgb | Color::Bgr => 3,
        }
    }
}

/// Order of the input tensor's axes after the batch axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Channels, height, width.
    #[default]
    Nchw,
    /// Height, width, channels.
    Nhwc,
}

/// What is done to a face's pixel values before `mean` and `std`, to make up for light and
/// exposure. Values of all channels are counted together, over the face alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// Nothing.
    #[default]
    AsIs,
    /// The face's mean becomes 128 and its standard deviation 60; what then lies beyond 0 to
    /// 255 is cut off.
    Standardize,
    /// The face's histogram becomes flat (global histogram equalisation, as OpenCV's
    /// `equalizeHist`).
    Equalize,
}

/// How a face is turned into the network's input: crop the box grown by `margin`,
/// resize to `width` x `height`, change the `tone`, then per channel `(value - mean) / std`
/// with values from 0 to 255.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Channels and their order.
    #[serde(default)]
    pub color: Color,
    /// Axes of the tensor.
    #[serde(default)]
    pub layout: Layout,
    /// Subtracted, one value a channel (or one for all), in units of 0..255.
    pub mean: Vec<f32>,
    /// Divided by, one value a channel (or one for all), in units of 0..255.
    pub std: Vec<f32>,
    /// Share of the detector's box added on every side before the crop.
    #[serde(default)]
    pub margin: f32,
    /// Correction of light and exposure.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tone: Tone,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl InputSpec {
    /// Number of values in one prepared face.
    pub fn len(&self) -> usize {
        self.width * self.height * self.color.channels()
    }

    /// Whether one prepared face holds no value, which [`InputSpec::check`] refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is subtracted from values of channel `c`, and what they are divided by then.
    ///
    /// # Panics
    /// When there is no such channel, or [`InputSpec::check`] would refuse the spec.
    pub fn mean_and_std(&self, c: usize) -> (f32, f32) {
        let of = |values: &[f32]| values[if values.len() == 1 { 0 } else { c }];
        (of(&self.mean), of(&self.std))
    }

    /// The tensor's shape for `batch` faces.
    pub fn shape(&self, batch: usize) -> [usize; 4] {
        let channels = self.color.channels();
        match self.layout {
            Layout::Nchw => [batch, channels, self.height, self.width],
            Layout::Nhwc => [batch, self.height, self.width, channels],
        }
    }

    /// Checks sizes, the number of means and deviations, and that none is absurd.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the value.
    pub fn check(&self) -> Result<()> {
        let channels = self.color.channels();
        let fault = if !(1..=4096).contains(&self.width) || !(1..=4096).contains(&self.height) {
            format!("input size {}x{} is not 1 to 4096", self.width, self.height)
        } else if ![1, channels].contains(&self.mean.len())
            || ![1, channels].contains(&self.std.len())
        {
            format!(
                "{} means and {} deviations for {channels} channels",
                self.mean.len(),
                self.std.len()
            )
        } else if self.mean.iter().any(|m| !m.is_finite())
            || self.std.iter().any(|s| !s.is_finite() || *s == 0.0)
        {
            "mean or deviation is zero or not a number".to_owned()
        } else if !(-0.4..=2.0).contains(&self.margin) {
            format!("margin {} is not -0.4 to 2", self.margin)
        } else {
            return Ok(());
        };
        Err(Error::Setting(fault))
    }
}

/// The JSON document in a model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Version of this document's form; 1.
    #[serde(default = "first_version")]
    pub version: u32,
    /// A name for people, such as `mobilenet-v1-1.0-fer2013`.
    #[serde(default)]
    pub name: String,
    /// Class names, in the order of the output.
    pub labels: Vec<String>,
    /// How to prepare a face.
    pub input: InputSpec,
    /// What comes out.
    #[serde(default)]
    pub output: Output,
    /// Free form: data, recipe, seed, date, licence.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub training: serde_json::Value,
    /// Free form: data set and split to accuracy, calibration and so on.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub metrics: serde_json::Value,
}

fn first_version() -> u32 {
    1
}

impl ModelInfo {
    /// Reads the JSON document and checks it.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is wrong in it.
    pub fn from_json(json: &str) -> Result<Self> {
        let info: Self = serde_json::from_str(json)
            .map_err(|e| Error::Setting(format!("metadata {METADATA_KEY:?}: {e}")))?;
        info.check()?;
        Ok(info)
    }

    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data always serialises")
    }

    /// Checks version, labels and input.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is wrong.
    pub fn check(&self) -> Result<()> {
        if self.version != 1 {
            return Err(Error::Setting(format!(
                "metadata version {} is newer than this program (1)",
                self.version
            )));
        }
        if self.labels.len() < 2 {
            return Err(Error::Setting(format!(
                "{} labels, at least 2 are needed",
                self.labels.len()
            )));
        }
        for (i, label) in self.labels.iter().enumerate() {
            if label.trim().is_empty() || self.labels[..i].contains(label) {
                return Err(Error::Setting(format!("label {label:?} is empty or twice")));
            }
        }
        self.input.check()
    }
}
