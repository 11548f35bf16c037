//! What runs the network.

use std::time::Duration;

use fer::engine::{EngineKind, EngineOptions, ExecutionProvider, RemoteOptions};
use fer::model::Precision;
use gst::glib;
use gst::prelude::*;

use crate::element::get;
use crate::property;

/// A property of this part.
type Property = property::Property<EngineSettings>;

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

/// What runs the network.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineSettings {
    pub engine: EngineChoice,
    pub threads: u32,
    pub device_id: u32,
    pub precision: PrecisionChoice,
    pub execution_provider: ProviderChoice,
    pub shared_engine: bool,
    /// Nanoseconds.
    pub batch_timeout: u64,
    pub batch_size: u32,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            engine: EngineChoice::default(),
            threads: 1,
            device_id: 0,
            precision: PrecisionChoice::default(),
            execution_provider: ProviderChoice::default(),
            shared_engine: true,
            batch_timeout: 0,
            batch_size: EngineOptions::default().max_batch as u32,
        }
    }
}

impl EngineSettings {
    /// The properties.
    pub fn properties() -> Vec<Property> {
        let default = Self::default();
        vec![
            Property::new(
                glib::ParamSpecEnum::builder_with_default("engine", default.engine)
                    .nick("Engine")
                    .blurb("What runs the network")
                    .mutable_ready()
                    .build(),
                |s| s.engine.to_value(),
                |s, value| s.engine = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("threads")
                    .nick("Threads")
                    .blurb("Threads for one inference")
                    .minimum(1)
                    .maximum(64)
                    .default_value(default.threads)
                    .mutable_ready()
                    .build(),
                |s| s.threads.to_value(),
                |s, value| s.threads = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("device-id")
                    .nick("Device")
                    .blurb("Number of the NVIDIA card for TensorRT and CUDA")
                    .maximum(255)
                    .default_value(default.device_id)
                    .mutable_ready()
                    .build(),
                |s| s.device_id.to_value(),
                |s, value| s.device_id = get(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("precision", default.precision)
                    .nick("Precision")
                    .blurb("Arithmetic of an engine that TensorRT builds from an ONNX model")
                    .mutable_ready()
                    .build(),
                |s| s.precision.to_value(),
                |s, value| s.precision = get(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default(
                    "execution-provider",
                    default.execution_provider,
                )
                .nick("Execution provider")
                .blurb("Where ONNX Runtime computes")
                .mutable_ready()
                .build(),
                |s| s.execution_provider.to_value(),
                |s, value| s.execution_provider = get(value),
            ),
            Property::new(
                glib::ParamSpecBoolean::builder("shared-engine")
                    .nick("Shared engine")
                    .blurb("Use one engine for all elements of this process with the same model")
                    .default_value(default.shared_engine)
                    .mutable_ready()
                    .build(),
                |s| s.shared_engine.to_value(),
                |s, value| s.shared_engine = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt64::builder("batch-timeout")
                    .nick("Batch timeout")
                    .blurb(
                        "How long a shared engine on a card or at a server waits for faces of \
                         other streams to classify them together, in ns (on a processor nobody \
                         waits)",
                    )
                    .maximum(60_000_000_000)
                    .default_value(default.batch_timeout)
                    .mutable_playing()
                    .build(),
                |s| s.batch_timeout.to_value(),
                |s, value| s.batch_timeout = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("batch-size")
                    .nick("Batch size")
                    .blurb(
                        "Most faces given to the engine at once, also of several streams together",
                    )
                    .minimum(1)
                    .maximum(256)
                    .default_value(default.batch_size)
                    .mutable_ready()
                    .build(),
                |s| s.batch_size.to_value(),
                |s, value| s.batch_size = get(value),
            ),
        ]
    }

    /// The same for the library.
    pub fn options(&self, remote: RemoteOptions) -> EngineOptions {
        EngineOptions {
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
            remote,
        }
    }
}
