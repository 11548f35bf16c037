//! Which network, and what it takes and gives.

use std::path::PathBuf;

use fer::Model;
use fer::model::{Bundled, Color, Output, Overrides, Tone};
use gst::glib;
use gst::prelude::*;

use crate::element::{get, list, text};
use crate::property::{self, path};

/// A property of this part.
type Property = property::Property<ModelSettings>;

/// Which of the networks that come with the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerBuiltinModel")]
#[repr(i32)]
pub enum BuiltinModel {
    /// Width 0.5 at twice the resolution.
    #[default]
    #[enum_value(name = "Standard", nick = "standard")]
    Standard,
    /// Width 0.5.
    #[enum_value(name = "Small: a quarter of the work", nick = "small")]
    Small,
    /// Width 1.0 at twice the resolution.
    #[enum_value(name = "Accurate: four times the work", nick = "accurate")]
    Accurate,
}

/// Channels of a model without metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerInputColor")]
#[repr(i32)]
pub enum InputColor {
    /// As the model file says.
    #[default]
    #[enum_value(name = "As the model file says", nick = "model")]
    Model,
    /// One channel of luma.
    #[enum_value(name = "Grey", nick = "gray")]
    Gray,
    /// Red first.
    #[enum_value(name = "Red, green, blue", nick = "rgb")]
    Rgb,
    /// Blue first.
    #[enum_value(name = "Blue, green, red", nick = "bgr")]
    Bgr,
}

/// Correction of each face's light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerInputTone")]
#[repr(i32)]
pub enum InputTone {
    /// As the model file says.
    #[default]
    #[enum_value(name = "As the model file says", nick = "model")]
    Model,
    /// None.
    #[enum_value(name = "Pixels as they are", nick = "as-is")]
    AsIs,
    /// Mean and deviation.
    #[enum_value(name = "Mean 128 and standard deviation 60", nick = "standardize")]
    Standardize,
    /// Histogram.
    #[enum_value(name = "A flat histogram", nick = "equalize")]
    Equalize,
}

/// What the network's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerOutput")]
#[repr(i32)]
pub enum OutputKind {
    /// As the model file says, or its operators.
    #[default]
    #[enum_value(name = "As the model file says, or its last operators", nick = "auto")]
    Auto,
    /// Scores.
    #[enum_value(name = "Scores, or logarithms of probabilities", nick = "logits")]
    Logits,
    /// Softmax is in the network.
    #[enum_value(name = "Probabilities that sum to 1", nick = "probabilities")]
    Probabilities,
    /// Sigmoids are in the network.
    #[enum_value(
        name = "One probability a class, each for itself: divided by their sum",
        nick = "independent"
    )]
    Independent,
}

/// Value of `margin` that stands for the model file's own.
const MODEL_MARGIN: f64 = -1.0;

/// Which network, and what it takes and gives.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    pub model: Option<PathBuf>,
    pub builtin_model: BuiltinModel,
    pub labels: Option<String>,
    pub input_color: InputColor,
    pub input_mean: Option<String>,
    pub input_std: Option<String>,
    pub input_tone: InputTone,
    pub input_size: Option<String>,
    pub output: OutputKind,
    pub output_name: Option<String>,
    pub margin: f64,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            model: None,
            builtin_model: BuiltinModel::default(),
            labels: None,
            input_color: InputColor::default(),
            input_mean: None,
            input_std: None,
            input_tone: InputTone::default(),
            input_size: None,
            output: OutputKind::default(),
            output_name: None,
            margin: MODEL_MARGIN,
        }
    }
}

impl ModelSettings {
    /// The properties.
    pub fn properties() -> Vec<Property> {
        let default = Self::default();
        vec![
            Property::new(
                glib::ParamSpecString::builder("model")
                    .nick("Model")
                    .blurb(
                        "ONNX file of the network, or an engine exported for TensorRT (unset: \
                         the one that is built in)",
                    )
                    .mutable_ready()
                    .build(),
                |s| path(s.model.as_ref()),
                |s, value| s.model = text(value).map(PathBuf::from),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("builtin-model", default.builtin_model)
                    .nick("Built-in model")
                    .blurb("Which of the networks that are built in, where model is unset")
                    .mutable_ready()
                    .build(),
                |s| s.builtin_model.to_value(),
                |s, value| s.builtin_model = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("labels")
                    .nick("Labels")
                    .blurb(
                        "Class names in the order of the output, with commas between (unset: the \
                         model file's)",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.labels.to_value(),
                |s, value| s.labels = text(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("input-color", default.input_color)
                    .nick("Input colour")
                    .blurb("Channels that the network takes")
                    .mutable_ready()
                    .build(),
                |s| s.input_color.to_value(),
                |s, value| s.input_color = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("input-mean")
                    .nick("Input mean")
                    .blurb(
                        "Subtracted from pixel values of 0 to 255, one number or one a channel \
                         with commas between (unset: the model file's)",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.input_mean.to_value(),
                |s, value| s.input_mean = text(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("input-std")
                    .nick("Input deviation")
                    .blurb(
                        "Pixel values are divided by it after the mean, one number or one a \
                         channel (unset: the model file's)",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.input_std.to_value(),
                |s, value| s.input_std = text(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("input-tone", default.input_tone)
                    .nick("Input tone")
                    .blurb(
                        "Correction of each face's light and exposure before input-mean and \
                         input-std",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.input_tone.to_value(),
                |s, value| s.input_tone = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("input-size")
                    .nick("Input size")
                    .blurb(
                        "WIDTHxHEIGHT in pixels that a network was trained with which takes any \
                         (unset: the model file's)",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.input_size.to_value(),
                |s, value| s.input_size = text(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("output", default.output)
                    .nick("Output")
                    .blurb("What the network's output is")
                    .mutable_ready()
                    .build(),
                |s| s.output.to_value(),
                |s, value| s.output = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("output-name")
                    .nick("Output name")
                    .blurb(
                        "Which of several outputs has the classes (unset: the only one with one \
                         value a label)",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.output_name.to_value(),
                |s, value| s.output_name = text(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("margin")
                    .nick("Margin")
                    .blurb(
                        "Share of the face's box added on every side before the crop; -1 for the \
                         model file's",
                    )
                    .minimum(MODEL_MARGIN)
                    .maximum(2.0)
                    .default_value(default.margin)
                    .mutable_ready()
                    .build(),
                |s| s.margin.to_value(),
                |s, value| s.margin = get(value),
            ),
        ]
    }

    /// Opens the model.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn open(&self) -> fer::Result<Model> {
        let overrides = self.overrides()?;
        match &self.model {
            Some(path) => Model::load(path, &overrides),
            None => Model::built_in(match self.builtin_model {
                BuiltinModel::Standard => Bundled::Standard,
                BuiltinModel::Small => Bundled::Small,
                BuiltinModel::Accurate => Bundled::Accurate,
            })?
            .with(&overrides),
        }
    }

    fn overrides(&self) -> fer::Result<Overrides> {
        Ok(Overrides {
            labels: self.labels.as_deref().map(list),
            color: match self.input_color {
                InputColor::Model => None,
                InputColor::Gray => Some(Color::Gray),
                InputColor::Rgb => Some(Color::Rgb),
                InputColor::Bgr => Some(Color::Bgr),
            },
            mean: self.input_mean.as_deref().map(numbers).transpose()?,
            std: self.input_std.as_deref().map(numbers).transpose()?,
            margin: (self.margin != MODEL_MARGIN).then_some(self.margin as f32),
            tone: match self.input_tone {
                InputTone::Model => None,
                InputTone::AsIs => Some(Tone::AsIs),
                InputTone::Standardize => Some(Tone::Standardize),
                InputTone::Equalize => Some(Tone::Equalize),
            },
            size: self.input_size.as_deref().map(size).transpose()?,
            output: match self.output {
                OutputKind::Auto => None,
                OutputKind::Logits => Some(Output::Logits),
                OutputKind::Probabilities => Some(Output::Probabilities),
                OutputKind::Independent => Some(Output::Independent),
            },
            output_name: self.output_name.clone(),
        })
    }
}

fn size(text: &str) -> fer::Result<(usize, usize)> {
    let (width, height) = text.split_once('x').unwrap_or_default();
    let sides = (width.trim().parse(), height.trim().parse());
    let (Ok(width), Ok(height)) = sides else {
        let reason = format!("input-size {text:?} is not like 48x48");
        return Err(fer::Error::Setting(reason));
    };
    Ok((width, height))
}

fn numbers(text: &str) -> fer::Result<Vec<f32>> {
    list(text)
        .iter()
        .map(|part| {
            part.parse().map_err(|_| {
                fer::Error::Setting(format!("{text:?} is not one number or one a channel"))
            })
        })
        .collect()
}
