//! Inference engines behind one narrow trait.

mod builtin;
pub mod onnxruntime;
mod pieces;
pub mod remote;
mod shared;
pub mod tensorrt;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::error::by_name;
use crate::model::Precision;
use crate::{Error, Model, Result};

pub use builtin::Builtin;
pub use onnxruntime::OnnxRuntime;
pub use remote::{Fallback, RemoteOptions, ServiceReport};
pub use shared::Membership;

/// A network that is ready to run, by as many threads at once as like to.
pub trait Engine: Send + Sync {
    /// Runs `batch` prepared faces.
    ///
    /// A network that takes just one number of faces
    /// ([`GraphSummary::batch`](crate::model::GraphSummary::batch)) must be given that number;
    /// what [`open`] opens takes any.
    ///
    /// `input` holds `batch` x [`InputSpec::len`](crate::model::InputSpec::len) values in the
    /// axis order of the model; `output` takes `batch` x classes values, which are
    /// [what the model says](crate::model::ModelInfo::output).
    ///
    /// # Errors
    /// [`Error::Engine`] when inference fails or gives another number of values.
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()>;

    /// The same with a deadline, where there is one, that counts from `since`.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn run_since(
        &self,
        _since: Instant,
        input: &[f32],
        batch: usize,
        output: &mut [f32],
    ) -> Result<()> {
        self.run(input, batch, output)
    }

    /// Runs `faces` prepared faces in batches of at most `most`; what comes of each batch. Where
    /// they go to servers, all are on their way at once, and one deadline counts for all.
    fn run_in_batches(
        &self,
        input: &[f32],
        faces: usize,
        most: usize,
        output: &mut [f32],
    ) -> Vec<Result<()>> {
        batches(input, faces, most, output)
            .map(|(input, faces, output)| self.run(input, faces, output))
            .collect()
    }

    /// This stream's part in an engine that several share; `None` where it has the engine
    /// for itself.
    fn membership(&self) -> Option<Membership> {
        None
    }

    /// How the servers do that run the network; `None` where this machine does.
    fn service(&self) -> Option<ServiceReport> {
        None
    }

    /// Ends runs that wait for others, such as servers: they fail at once, and so do later ones.
    fn close(&self) {}
}

/// The batches of at most `most` faces that `faces` make: what goes in, how many, and where what
/// comes out belongs.
fn batches<'a>(
    input: &'a [f32],
    faces: usize,
    most: usize,
    output: &'a mut [f32],
) -> impl Iterator<Item = (&'a [f32], usize, &'a mut [f32])> {
    let one = |all: usize| (all / faces.max(1)).max(1);
    let (face, classes) = (one(input.len()), one(output.len()));
    let inputs = input.chunks(most * face);
    let outputs = output.chunks_mut(most * classes);
    let both = inputs.zip(outputs);
    both.map(move |(input, output)| (input, input.len() / face, output))
}

/// What an engine has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Runs {
    /// Runs of the network, each with a batch of faces.
    pub batches: u64,
    /// Faces in all of them.
    pub faces: u64,
    /// Faces in the largest batch.
    pub largest: u64,
}

impl Runs {
    /// Counts a run with a batch of `faces`.
    pub(crate) fn add(&mut self, faces: usize) {
        let faces = faces as u64;
        self.batches += 1;
        self.faces += faces;
        self.largest = self.largest.max(faces);
    }
}

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum EngineKind {
    /// The best that works.
    #[default]
    Auto,
    /// Compiled in: nothing to install.
    Builtin,
    /// ONNX Runtime, where its library is found.
    OnnxRuntime,
    /// TensorRT, where its library and an NVIDIA card are found.
    TensorRt,
    /// Servers of the Open Inference Protocol, which [`EngineOptions::remote`] names.
    Remote,
}

impl EngineKind {
    /// Every kind, in the order of documentation.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Builtin,
        Self::OnnxRuntime,
        Self::TensorRt,
        Self::Remote,
    ];

    /// The name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Builtin => "builtin",
            Self::OnnxRuntime => "onnxruntime",
            Self::TensorRt => "tensorrt",
            Self::Remote => "remote",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("engine", &Self::ALL, Self::name, name)
    }
}

/// Where ONNX Runtime computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ExecutionProvider {
    /// On the processor.
    #[default]
    Cpu,
    /// On an NVIDIA card by CUDA and cuDNN, which ONNX Runtime's GPU builds do.
    Cuda,
}

/// How to open an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Which one.
    pub kind: EngineKind,
    /// Threads for one inference; a pipeline's other elements want the remaining cores.
    pub threads: usize,
    /// Whether streams of this process with the same model, kind and threads use one
    /// engine.
    pub shared: bool,
    /// How long an engine on a card or at a server that streams share waits for faces of others
    /// to run them together. Even with zero, faces that arrive while it is busy are run as one batch. On a
    /// processor nobody waits.
    pub batch_timeout: Duration,
    /// Most faces of one run, also of several streams together.
    pub max_batch: usize,
    /// Where ONNX Runtime computes. Anything but the processor makes [`EngineKind::Auto`] take
    /// ONNX Runtime.
    pub execution_provider: ExecutionProvider,
    /// Number of the NVIDIA card for TensorRT and CUDA, counted from zero.
    pub device: usize,
    /// Arithmetic of an engine that TensorRT builds from an ONNX model.
    pub precision: Precision,
    /// Servers, for [`EngineKind::Remote`].
    pub remote: RemoteOptions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            kind: EngineKind::Auto,
            threads: 1,
            shared: false,
            batch_timeout: Duration::ZERO,
            max_batch: 16,
            execution_provider: ExecutionProvider::default(),
            device: 0,
            precision: Precision::default(),
            remote: RemoteOptions::default(),
        }
    }
}

/// An open engine and how it came to be chosen.
pub struct Selection {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Which one it is; never [`EngineKind::Auto`].
    pub kind: EngineKind,
    /// One line for the log: which, and why not a faster one.
    pub reason: String,
}

/// Opens an engine for `model`. [`EngineKind::Auto`] tries TensorRT, the one that is
/// compiled in and ONNX Runtime; ONNX Runtime before the one that is compiled in where more than
/// one thread a run is asked for, or the processor has no vector instructions for it.
///
/// # Errors
/// [`Error::Engine`] when the wanted engine can't be had, [`Error::Model`] when it refuses
/// the model.
pub fn open(model: &Model, options: &EngineOptions) -> Result<Selection> {
    // A stream can leave a wait for a server by its membership alone.
    if options.shared || options.kind == EngineKind::Remote {
        shared::open(model, options)
    } else {
        open_own(model, options)
    }
}

fn open_own(model: &Model, options: &EngineOptions) -> Result<Selection> {
    let kind = match (options.kind, model.engine_file()) {
        // Who names a provider of ONNX Runtime's wants ONNX Runtime.
        (EngineKind::Auto, None) if options.execution_provider != ExecutionProvider::Cpu => {
            EngineKind::OnnxRuntime
        }
        (EngineKind::Builtin | EngineKind::TensorRt, _)
            if options.execution_provider != ExecutionProvider::Cpu =>
        {
            return Err(Error::Setting(format!(
                "an execution provider is for engine onnxruntime, not {}",
                options.kind
            )));
        }
        // Nothing else runs an engine file, so what is wrong with it is the answer.
        (EngineKind::Auto, Some(_)) => EngineKind::TensorRt,
        (EngineKind::Builtin | EngineKind::OnnxRuntime, Some(_)) => {
            return Err(model.error(format!(
                "an engine of TensorRT, which engine {} does not run",
                options.kind
            )));
        }
        (kind, _) => kind,
    };
    if kind != EngineKind::Auto {
        let (engine, description) = open_kind(kind, model, options)?;
        return Ok(Selection {
            engine,
            kind,
            reason: format!("{description}, as asked for"),
        });
    }
    let mut refused: Vec<(EngineKind, Error)> = Vec::new();
    for kind in order(options) {
        match open_kind(kind, model, options) {
            Ok((engine, description)) => {
                let why = refused.iter().map(|(_, why)| why.to_string());
                let reason = [format!("{description}: the first that works here")];
                let reasons: Vec<String> = reason.into_iter().chain(why).collect();
                return Ok(Selection {
                    engine,
                    kind,
                    reason: reasons.join("; "),
                });
            }
            Err(why) => refused.push((kind, why)),
        }
    }
    Err(all_refused(refused))
}

/// The engines that are tried, the best first. The one that is compiled in is as fast as ONNX
/// Runtime where it has instructions made for it, needs nothing and takes less memory; but it
/// has one thread a run.
fn order(options: &EngineOptions) -> [EngineKind; 3] {
    if options.threads <= 1 && crate::nn::is_tuned() {
        [
            EngineKind::TensorRt,
            EngineKind::Builtin,
            EngineKind::OnnxRuntime,
        ]
    } else {
        [
            EngineKind::TensorRt,
            EngineKind::OnnxRuntime,
            EngineKind::Builtin,
        ]
    }
}

/// What is said when no engine runs a model: what is wrong with the model, where one says so.
fn all_refused(refused: Vec<(EngineKind, Error)>) -> Error {
    let mut others = Vec::new();
    let mut of_model = None;
    for (kind, why) in refused {
        match why {
            Error::Model { name, reason } if of_model.is_none() => {
                of_model = Some((kind, name, reason));
            }
            Error::Model { reason, .. } => others.push(reason),
            other => others.push(other.to_string()),
        }
    }
    let Some((kind, name, reason)) = of_model else {
        return Error::Engine {
            engine: EngineKind::Auto.name(),
            reason: others.join("; "),
        };
    };
    // What all say is said once.
    others.retain(|other| *other != reason);
    let rest: String = others.iter().map(|other| format!("; {other}")).collect();
    Error::Model {
        reason: format!("{reason} (engine {kind}){rest}"),
        name,
    }
}

/// An engine of one kind for any number of faces, and what the log says of it.
fn open_kind(
    kind: EngineKind,
    model: &Model,
    options: &EngineOptions,
) -> Result<(Box<dyn Engine>, String)> {
    let (engine, description): (Box<dyn Engine>, String) = match kind {
        EngineKind::OnnxRuntime => {
            let provider = options.execution_provider;
            let engine = OnnxRuntime::open(model, options.threads, provider, options.device)?;
            let description = engine.description();
            (Box::new(engine), description)
        }
        EngineKind::TensorRt => tensorrt::open(model, options.device, options.precision)?,
        // What is tried below, it tries at each server.
        EngineKind::Remote => return remote::open(model, options),
        EngineKind::Auto | EngineKind::Builtin => {
            (Box::new(Builtin::open(model)?), "builtin".to_owned())
        }
    };
    Ok((pieces::any_number(engine, kind, model)?, description))
}
