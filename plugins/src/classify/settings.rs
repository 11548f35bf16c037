//! The properties of `ferclassify`, and the classifier that they ask for.

use std::path::PathBuf;
use std::time::Duration;

use fer::engine::{EngineKind, EngineOptions, ExecutionProvider, Fallback, RemoteOptions};
use fer::model::{Bundled, Color, Output, Overrides, Precision, Tone};
use fer::{Classifier, Model, Secret};
use gst::glib;
use gst::prelude::*;

use crate::element::{get, list, text};
use crate::secret::without_password;

/// Which inference engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerEngine")]
#[repr(i32)]
pub enum EngineChoice {
    /// The fastest that works.
    #[default]
    #[enum_value(name = "Auto: the fastest that works here", nick = "auto")]
    Auto,
    /// Compiled in.
    #[enum_value(name = "Built in: needs nothing installed", nick = "builtin")]
    Builtin,
    /// ONNX Runtime.
    #[enum_value(
        name = "ONNX Runtime: libonnxruntime.so 1.17 or newer",
        nick = "onnxruntime"
    )]
    OnnxRuntime,
    /// TensorRT.
    #[enum_value(name = "TensorRT: an NVIDIA card and its libraries", nick = "tensorrt")]
    TensorRt,
    /// Servers.
    #[enum_value(
        name = "Remote: servers of the Open Inference Protocol at endpoint",
        nick = "remote"
    )]
    Remote,
}

/// What becomes of faces that no server reads in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerFallback")]
#[repr(i32)]
pub enum FallbackChoice {
    /// This machine reads them.
    #[default]
    #[enum_value(
        name = "Local: this machine reads them until a server does again",
        nick = "local"
    )]
    Local,
    /// They are uncertain.
    #[enum_value(name = "Drop: they are uncertain in that frame", nick = "drop")]
    Drop,
    /// The stream ends.
    #[enum_value(name = "Error: the stream ends", nick = "error")]
    Error,
}

/// Where the token is looked for that no property gives.
const TOKEN: &str = "FER_REMOTE_TOKEN";

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

/// Where ONNX Runtime computes; named as GStreamer's own `onnxinference` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerExecutionProvider")]
#[repr(i32)]
pub enum ProviderChoice {
    /// On the processor.
    #[default]
    #[enum_value(name = "Processor", nick = "cpu")]
    Cpu,
    /// On an NVIDIA card.
    #[enum_value(
        name = "CUDA: an NVIDIA card and ONNX Runtime's build for GPUs",
        nick = "cuda"
    )]
    Cuda,
}

/// Arithmetic of an engine that TensorRT builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerPrecision")]
#[repr(i32)]
pub enum PrecisionChoice {
    /// 32-bit floats.
    #[enum_value(name = "32-bit floats", nick = "fp32")]
    Fp32,
    /// 16-bit floats.
    #[default]
    #[enum_value(name = "16-bit floats", nick = "fp16")]
    Fp16,
    /// 8-bit integers.
    #[enum_value(name = "8-bit integers, of a quantised model", nick = "int8")]
    Int8,
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

/// The values of the properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub model: Option<PathBuf>,
    pub builtin_model: BuiltinModel,
    pub engine: EngineChoice,
    pub threads: u32,
    pub device_id: u32,
    pub precision: PrecisionChoice,
    pub execution_provider: ProviderChoice,
    pub endpoint: Option<String>,
    pub model_name: String,
    pub model_version: Option<String>,
    /// Milliseconds.
    pub deadline: u32,
    pub retries: u32,
    pub fallback: FallbackChoice,
    pub token: Option<Secret>,
    pub ca_file: Option<PathBuf>,
    pub labels: Option<String>,
    pub input_color: InputColor,
    pub input_mean: Option<String>,
    pub input_std: Option<String>,
    pub margin: f64,
    pub input_tone: InputTone,
    pub input_size: Option<String>,
    pub output: OutputKind,
    pub output_name: Option<String>,
    pub shared_engine: bool,
    pub batch_timeout: u64,
    pub batch_size: u32,
    pub mirror: bool,
    pub threshold: f64,
    pub smoothing: f64,
    pub reclassify_interval: u32,
    pub min_size: f64,
    pub max_size: f64,
    pub roi_types: String,
    pub post_messages: bool,
}

/// Value of `margin` that stands for the model file's own.
pub const MODEL_MARGIN: f64 = -1.0;

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            builtin_model: BuiltinModel::default(),
            engine: EngineChoice::default(),
            threads: 1,
            device_id: 0,
            precision: PrecisionChoice::default(),
            execution_provider: ProviderChoice::default(),
            endpoint: None,
            model_name: RemoteOptions::default().model,
            model_version: None,
            deadline: RemoteOptions::default().deadline.as_millis() as u32,
            retries: RemoteOptions::default().retries,
            fallback: FallbackChoice::default(),
            token: None,
            ca_file: None,
            labels: None,
            input_color: InputColor::default(),
            input_mean: None,
            input_std: None,
            margin: MODEL_MARGIN,
            input_tone: InputTone::default(),
            input_size: None,
            output: OutputKind::default(),
            output_name: None,
            shared_engine: true,
            batch_timeout: 0,
            batch_size: EngineOptions::default().max_batch as u32,
            mirror: false,
            threshold: 0.0,
            smoothing: 0.7,
            reclassify_interval: 1,
            min_size: 0.0,
            max_size: 0.0,
            roi_types: crate::meta::FACE.to_owned(),
            post_messages: true,
        }
    }
}

impl Settings {
    /// The properties.
    pub fn specs() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        vec![
                glib::ParamSpecString::builder("model")
                    .nick("Model")
                    .blurb("ONNX file of the network, or an engine exported for TensorRT (unset: the one that is built in)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("builtin-model", default.builtin_model)
                    .nick("Built-in model")
                    .blurb("Which of the networks that are built in, where model is unset")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("engine", default.engine)
                    .nick("Engine")
                    .blurb("What runs the network")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("threads")
                    .nick("Threads")
                    .blurb("Threads for one inference")
                    .minimum(1)
                    .maximum(64)
                    .default_value(default.threads)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("device-id")
                    .nick("Device")
                    .blurb("Number of the NVIDIA card for TensorRT and CUDA")
                    .maximum(255)
                    .default_value(default.device_id)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("precision", default.precision)
                    .nick("Precision")
                    .blurb("Arithmetic of an engine that TensorRT builds from an ONNX model")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("execution-provider", default.execution_provider)
                    .nick("Execution provider")
                    .blurb("Where ONNX Runtime computes")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("endpoint")
                    .nick("Endpoint")
                    .blurb("Servers for engine=remote, grpc://host:port, or grpcs:// where it is built in; several with commas between, the preferred one first")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("model-name")
                    .nick("Name of the model")
                    .blurb("What the servers call the network")
                    .default_value(Some(default.model_name.as_str()))
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("model-version")
                    .nick("Version of the model")
                    .blurb("Its version at the servers (unset: they choose)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("deadline")
                    .nick("Deadline")
                    .blurb("Longest time that a frame waits for servers, in ms, all tries together, after batch-timeout; what becomes of its faces then is fallback")
                    .minimum(1)
                    .maximum(600_000)
                    .default_value(default.deadline)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("retries")
                    .nick("Retries")
                    .blurb("Further tries of a request that fails before the deadline, at the next endpoint where there is one; none while many fail")
                    .maximum(16)
                    .default_value(default.retries)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("fallback", default.fallback)
                    .nick("Fallback")
                    .blurb("What becomes of faces that no server reads in time")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("token")
                    .nick("Token")
                    .blurb("Sent to the servers with each request (authorization: Bearer); can't be read again (unset: that in the environment's FER_REMOTE_TOKEN)")
                    .write_only()
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("ca-file")
                    .nick("Certificates")
                    .blurb("PEM file of the certificates that are trusted with grpcs:// (unset: those of the system)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("labels")
                    .nick("Labels")
                    .blurb("Class names in the order of the output, with commas between (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("input-color", default.input_color)
                    .nick("Input colour")
                    .blurb("Channels that the network takes")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input-mean")
                    .nick("Input mean")
                    .blurb("Subtracted from pixel values of 0 to 255, one number or one a channel with commas between (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input-std")
                    .nick("Input deviation")
                    .blurb("Pixel values are divided by it after the mean, one number or one a channel (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("input-tone", default.input_tone)
                    .nick("Input tone")
                    .blurb("Correction of each face's light and exposure before input-mean and input-std")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input-size")
                    .nick("Input size")
                    .blurb("WIDTHxHEIGHT in pixels that a network was trained with which takes any (unset: the model file's)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("output", default.output)
                    .nick("Output")
                    .blurb("What the network's output is")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("output-name")
                    .nick("Output name")
                    .blurb("Which of several outputs has the classes (unset: the only one with one value a label)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("margin")
                    .nick("Margin")
                    .blurb("Share of the face's box added on every side before the crop; -1 for the model file's")
                    .minimum(MODEL_MARGIN)
                    .maximum(2.0)
                    .default_value(default.margin)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("shared-engine")
                    .nick("Shared engine")
                    .blurb("Use one engine for all elements of this process with the same model")
                    .default_value(default.shared_engine)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt64::builder("batch-timeout")
                    .nick("Batch timeout")
                    .blurb("How long a shared engine on a card or at a server waits for faces of other streams to classify them together, in ns (on a processor nobody waits)")
                    .maximum(60_000_000_000)
                    .default_value(default.batch_timeout)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("batch-size")
                    .nick("Batch size")
                    .blurb("Most faces given to the engine at once, also of several streams together")
                    .minimum(1)
                    .maximum(256)
                    .default_value(default.batch_size)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("mirror")
                    .nick("Mirror")
                    .blurb("Looks at every face mirrored too and averages: a little more accurate for twice the work")
                    .default_value(default.mirror)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("threshold")
                    .nick("Threshold")
                    .blurb("Confidence below which the label is `uncertain`")
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(default.threshold)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("smoothing")
                    .nick("Smoothing")
                    .blurb("Weight of earlier readings in the smoothed label of a face; 0 for none")
                    .minimum(0.0)
                    .maximum(0.99)
                    .default_value(default.smoothing)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("reclassify-interval")
                    .nick("Reclassify interval")
                    .blurb("Frames after which a face with an id is classified again; one that has become larger by a fifth is at once")
                    .minimum(1)
                    .maximum(10_000)
                    .default_value(default.reclassify_interval)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("min-size")
                    .nick("Minimum size")
                    .blurb("Height of the smallest face that is classified: up to 1 a share of the frame's height, above 1 pixels")
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.min_size)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("max-size")
                    .nick("Maximum size")
                    .blurb("Height of the largest face that is classified: up to 1 a share of the frame's height, above 1 pixels; 0 for no limit")
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.max_size)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("roi-types")
                    .nick("Region types")
                    .blurb("Types of regions of interest and object detections that are faces, with commas between")
                    .default_value(Some(default.roi_types.as_str()))
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("post-messages")
                    .nick("Post messages")
                    .blurb("Post an element message fer-expressions for every frame with faces and when the last one has left")
                    .default_value(default.post_messages)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since start: engine, frames, faces, classified, unread (those for which the network gave no probabilities), batches; engine-batches, engine-faces and engine-largest-batch of all elements that share the engine; prepare-time and classify-time, which contains it, in ns; with engine=remote of all that share it remote-endpoint, remote-requests, remote-retries, remote-late, remote-failed, remote-outages and local-faces")
                    .read_only()
                    .build(),
            ]
    }

    /// Takes the value of a property.
    pub fn set(&mut self, property: &str, value: &glib::Value) {
        match property {
            "model" => self.model = text(value).map(PathBuf::from),
            "builtin-model" => self.builtin_model = get(value),
            "engine" => self.engine = get(value),
            "threads" => self.threads = get(value),
            "device-id" => self.device_id = get(value),
            "precision" => self.precision = get(value),
            "execution-provider" => self.execution_provider = get(value),
            "endpoint" => self.endpoint = text(value),
            "model-name" => {
                self.model_name = text(value).unwrap_or_else(|| Self::default().model_name);
            }
            "model-version" => self.model_version = text(value),
            "deadline" => self.deadline = get(value),
            "retries" => self.retries = get(value),
            "fallback" => self.fallback = get(value),
            "token" => self.token = text(value).map(Secret::new),
            "ca-file" => self.ca_file = text(value).map(PathBuf::from),
            "labels" => self.labels = text(value),
            "input-color" => self.input_color = get(value),
            "input-mean" => self.input_mean = text(value),
            "input-std" => self.input_std = text(value),
            "margin" => self.margin = get(value),
            "input-tone" => self.input_tone = get(value),
            "input-size" => self.input_size = text(value),
            "output" => self.output = get(value),
            "output-name" => self.output_name = text(value),
            "shared-engine" => self.shared_engine = get(value),
            "batch-timeout" => self.batch_timeout = get(value),
            "batch-size" => self.batch_size = get(value),
            "mirror" => self.mirror = get(value),
            "threshold" => self.threshold = get(value),
            "smoothing" => self.smoothing = get(value),
            "reclassify-interval" => self.reclassify_interval = get(value),
            "min-size" => self.min_size = get(value),
            "max-size" => self.max_size = get(value),
            "roi-types" => {
                self.roi_types = text(value).unwrap_or_else(|| crate::meta::FACE.to_owned());
            }
            "post-messages" => self.post_messages = get(value),
            _ => unimplemented!(),
        }
    }

    /// The value of a property.
    pub fn get(&self, property: &str) -> glib::Value {
        match property {
            "model" => path(self.model.as_ref()),
            "builtin-model" => self.builtin_model.to_value(),
            "engine" => self.engine.to_value(),
            "threads" => self.threads.to_value(),
            "device-id" => self.device_id.to_value(),
            "precision" => self.precision.to_value(),
            "execution-provider" => self.execution_provider.to_value(),
            "endpoint" => self.endpoint.as_deref().map(without_password).to_value(),
            "model-name" => self.model_name.to_value(),
            "model-version" => self.model_version.to_value(),
            "deadline" => self.deadline.to_value(),
            "retries" => self.retries.to_value(),
            "fallback" => self.fallback.to_value(),
            "ca-file" => path(self.ca_file.as_ref()),
            "labels" => self.labels.to_value(),
            "input-color" => self.input_color.to_value(),
            "input-mean" => self.input_mean.to_value(),
            "input-std" => self.input_std.to_value(),
            "margin" => self.margin.to_value(),
            "input-tone" => self.input_tone.to_value(),
            "input-size" => self.input_size.to_value(),
            "output" => self.output.to_value(),
            "output-name" => self.output_name.to_value(),
            "shared-engine" => self.shared_engine.to_value(),
            "batch-timeout" => self.batch_timeout.to_value(),
            "batch-size" => self.batch_size.to_value(),
            "mirror" => self.mirror.to_value(),
            "threshold" => self.threshold.to_value(),
            "smoothing" => self.smoothing.to_value(),
            "reclassify-interval" => self.reclassify_interval.to_value(),
            "min-size" => self.min_size.to_value(),
            "max-size" => self.max_size.to_value(),
            "roi-types" => self.roi_types.to_value(),
            "post-messages" => self.post_messages.to_value(),
            _ => unimplemented!(),
        }
    }

    /// Whether a face of this size is to be classified, in a frame of this height.
    pub fn is_in_range(&self, face: &fer::Rect, frame_height: u32) -> bool {
        let limit = |limit: f64| match limit {
            share if share <= 1.0 => share * f64::from(frame_height),
            pixels => pixels,
        };
        let size = f64::from(face.height);
        size >= limit(self.min_size) && (self.max_size <= 0.0 || size <= limit(self.max_size))
    }

    /// Opens the model and an engine.
    ///
    /// # Errors
    /// When the model can't be used or the engine not be had.
    pub fn open(&self) -> fer::Result<Classifier> {
        self.check_servers()?;
        let overrides = self.overrides()?;
        let model = match &self.model {
            Some(path) => Model::load(path, &overrides)?,
            None => Model::built_in(match self.builtin_model {
                BuiltinModel::Standard => Bundled::Standard,
                BuiltinModel::Small => Bundled::Small,
                BuiltinModel::Accurate => Bundled::Accurate,
            })?
            .with(&overrides)?,
        };
        let options = EngineOptions {
            kind: match self.engine {
                EngineChoice::Auto => EngineKind::Auto,
                EngineChoice::Builtin => EngineKind::Builtin,
                EngineChoice::OnnxRuntime => EngineKind::OnnxRuntime,
                EngineChoice::TensorRt => EngineKind::TensorRt,
                EngineChoice::Remote => EngineKind::Remote,
            },
            threads: self.threads as usize,
            shared: self.shared_engine,
            batch_timeout: Duration::from_nanos(self.batch_timeout),
            max_batch: self.batch_size as usize,
            device: self.device_id as usize,
            precision: match self.precision {
                PrecisionChoice::Fp32 => Precision::Fp32,
                PrecisionChoice::Fp16 => Precision::Fp16,
                PrecisionChoice::Int8 => Precision::Int8,
            },
            execution_provider: match self.execution_provider {
                ProviderChoice::Cpu => ExecutionProvider::Cpu,
                ProviderChoice::Cuda => ExecutionProvider::Cuda,
            },
            remote: self.remote(),
        };
        let mut classifier = Classifier::new(&model, &options)?;
        classifier.set_mirror(self.mirror);
        Ok(classifier)
    }

    /// Whether servers are named where none is asked.
    fn check_servers(&self) -> fer::Result<()> {
        let fail = |text: &str| Err(fer::Error::Setting(text.to_owned()));
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        if self.engine != EngineChoice::Remote {
            return fail("endpoint names servers, which only engine=remote asks");
        }
        if self.ca_file.is_some() && !endpoint.contains("grpcs://") {
            return fail("ca-file is for grpcs://, and endpoint names none");
        }
        Ok(())
    }

    fn remote(&self) -> RemoteOptions {
        let token = || std::env::var(TOKEN).ok().map(Secret::new);
        RemoteOptions {
            endpoints: self.endpoint.as_deref().map(list).unwrap_or_default(),
            model: self.model_name.clone(),
            version: self.model_version.clone(),
            deadline: Duration::from_millis(self.deadline.into()),
            retries: self.retries,
            fallback: match self.fallback {
                FallbackChoice::Local => Fallback::Local,
                FallbackChoice::Drop => Fallback::Drop,
                FallbackChoice::Error => Fallback::Error,
            },
            token: self.token.clone().or_else(token).unwrap_or_default(),
            ca_file: self.ca_file.clone(),
        }
    }

    /// Longest time that a frame may wait for others: for faces of other streams where they are
    /// run together, and for servers.
    pub fn longest_wait(&self, joint: bool) -> gst::ClockTime {
        let patience = gst::ClockTime::from_nseconds(self.batch_timeout);
        let deadline = gst::ClockTime::from_mseconds(self.deadline.into());
        match self.engine {
            EngineChoice::Remote => patience + deadline,
            _ if joint => patience,
            _ => gst::ClockTime::ZERO,
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

    /// The accepted types of regions of interest.
    pub fn types(&self) -> Vec<String> {
        list(&self.roi_types)
    }
}

fn path(path: Option<&PathBuf>) -> glib::Value {
    path.map(|path| path.display().to_string()).to_value()
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
