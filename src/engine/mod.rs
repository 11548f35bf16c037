//! Inference engines behind one narrow trait.

mod builtin;
pub mod onnxruntime;
mod shared;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Error, Model, Result};

pub use builtin::Builtin;
pub use onnxruntime::OnnxRuntime;

/// A network that is ready to run.
pub trait Engine: Send {
    /// Runs `batch` prepared faces.
    ///
    /// `input` holds `batch` x [`InputSpec::len`](crate::model::InputSpec::len) values in the
    /// axis order of the model; `output` takes `batch` x classes values, logits or
    /// probabilities as the model says.
    ///
    /// # Errors
    /// [`Error::Engine`] when inference fails or gives another number of values.
    fn run(&mut self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()>;
}

/// Which engine to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum EngineKind {
    /// The fastest that works.
    #[default]
    Auto,
    /// Compiled in (tract): nothing to install.
    Builtin,
    /// ONNX Runtime, where its library is found.
    OnnxRuntime,
}

impl EngineKind {
    /// Every kind, in the order of documentation.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Builtin, Self::OnnxRuntime];

    /// The name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Builtin => "builtin",
            Self::OnnxRuntime => "onnxruntime",
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
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
                Error::Setting(format!(
                    "engine {name:?} is not one of {}",
                    known.join(", ")
                ))
            })
    }
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
    /// How long a shared engine waits for faces of other streams to run them together.
    /// Even with zero, faces that arrive while it is busy are run as one batch.
    pub batch_timeout: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            kind: EngineKind::Auto,
            threads: 1,
            shared: false,
            batch_timeout: Duration::ZERO,
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

/// Opens an engine for `model`. [`EngineKind::Auto`] tries them from the fastest on.
///
/// # Errors
/// [`Error::Engine`] when the wanted engine can't be had, [`Error::Model`] when it refuses
/// the model.
pub fn open(model: &Model, options: &EngineOptions) -> Result<Selection> {
    if options.shared {
        shared::open(model, options)
    } else {
        open_own(model, options)
    }
}

fn open_own(model: &Model, options: &EngineOptions) -> Result<Selection> {
    match options.kind {
        EngineKind::Auto => match OnnxRuntime::open(model, options.threads) {
            Ok(engine) => {
                let reason = format!("{}: the fastest engine here", engine.description());
                Ok(Selection {
                    engine: Box::new(engine),
                    kind: EngineKind::OnnxRuntime,
                    reason,
                })
            }
            Err(why) => Ok(Selection {
                engine: Box::new(Builtin::open(model)?),
                kind: EngineKind::Builtin,
                reason: format!("builtin, because {why}"),
            }),
        },
        EngineKind::Builtin => Ok(Selection {
            engine: Box::new(Builtin::open(model)?),
            kind: EngineKind::Builtin,
            reason: "builtin, as asked for".to_owned(),
        }),
        EngineKind::OnnxRuntime => {
            let engine = OnnxRuntime::open(model, options.threads)?;
            Ok(Selection {
                reason: format!("{}, as asked for", engine.description()),
                engine: Box::new(engine),
                kind: EngineKind::OnnxRuntime,
            })
        }
    }
}
