//! The model file: plain ONNX that carries its labels and its preparation.

mod info;
mod onnx;
mod tone;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use info::{Color, InputSpec, Layout, METADATA_KEY, ModelInfo, Output, Tone};
pub use onnx::GraphSummary;

use crate::engine::tensorrt::EngineFile;
use crate::{Error, Result};

/// The networks that are compiled in: MobileNet V1, 48x48 grey, seven expressions.
/// `build.rs` names the files, so that a distributor can put in others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bundled {
    /// Width 0.5 whose first layer has stride 1, so that every layer sees twice the resolution.
    #[default]
    Standard,
    /// Width 0.5: a quarter of the work, less accurate.
    Small,
    /// Width 1.0 whose first layer has stride 1: four times the work, more accurate.
    Accurate,
}

impl Bundled {
    /// The name in messages.
    fn name(self) -> &'static str {
        match self {
            Self::Standard => "bundled",
            Self::Small => "bundled-small",
            Self::Accurate => "bundled-accurate",
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Standard => include_bytes!(env!("FER_BUNDLED_MODEL")),
            Self::Small => include_bytes!(env!("FER_BUNDLED_SMALL_MODEL")),
            Self::Accurate => include_bytes!(env!("FER_BUNDLED_ACCURATE_MODEL")),
        }
    }
}

/// What to use in place of, or without, the metadata of a model file. A field that is
/// `None` keeps what the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Class names in the order of the output.
    pub labels: Option<Vec<String>>,
    /// Channels and their order.
    pub color: Option<Color>,
    /// Subtracted, in units of 0..255; one value or one a channel.
    pub mean: Option<Vec<f32>>,
    /// Divided by, in units of 0..255; one value or one a channel.
    pub std: Option<Vec<f32>>,
    /// Share of the box added on every side.
    pub margin: Option<f32>,
    /// Correction of light and exposure.
    pub tone: Option<Tone>,
}

/// A model file in memory, checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    bytes: Bytes,
    info: Arc<ModelInfo>,
    graph: Arc<GraphSummary>,
}

#[derive(Debug, Clone)]
enum Bytes {
    Bundled(&'static [u8]),
    Owned(Arc<[u8]>),
    Engine(Arc<EngineFile>),
}

impl Model {
    /// The standard model that is compiled in.
    ///
    /// # Errors
    /// As [`Model::built_in`].
    pub fn bundled() -> Result<Self> {
        Self::built_in(Bundled::Standard)
    }

    /// A model that is compiled in.
    ///
    /// # Errors
    /// [`Error::Model`] when the file that was compiled in is not a model.
    pub fn built_in(which: Bundled) -> Result<Self> {
        Self::new(
            which.name().to_owned(),
            Bytes::Bundled(which.bytes()),
            &Overrides::default(),
        )
    }

    /// Reads an ONNX file, or an engine of TensorRT that was exported from one. A file
    /// without metadata needs `overrides` to say what it lacks.
    ///
    /// # Errors
    /// [`Error::Model`] with the path and what is wrong: not there, not ONNX, no labels,
    /// labels that do not fit the output, an input that is not one picture a face, a damaged
    /// engine.
    pub fn load(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| Error::Model {
            name: name.clone(),
            reason: e.to_string(),
        })?;
        Self::owned(name, bytes, overrides)
    }

    /// As [`Model::load`], from bytes in memory; `name` is used in messages.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>, overrides: &Overrides) -> Result<Self> {
        Self::owned(name.to_owned(), bytes, overrides)
    }

    /// The same model with other settings for its preparation or its labels.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn with(&self, overrides: &Overrides) -> Result<Self> {
        Self::new(self.name.clone(), self.bytes.clone(), overrides)
    }

    fn owned(name: String, bytes: Vec<u8>, overrides: &Overrides) -> Result<Self> {
        let bytes = if EngineFile::recognise(&bytes) {
            let file = EngineFile::from_bytes(bytes).map_err(|reason| Error::Model {
                name: name.clone(),
                reason,
            })?;
            Bytes::Engine(Arc::new(file))
        } else {
            Bytes::Owned(bytes.into())
        };
        Self::new(name, bytes, overrides)
    }

    fn new(name: String, bytes: Bytes, overrides: &Overrides) -> Result<Self> {
        let described = match &bytes {
            Bytes::Bundled(b) => onnx::read(b, overrides),
            Bytes::Owned(b) => onnx::read(b, overrides),
            Bytes::Engine(file) => onnx::describe_engine(file.header(), overrides),
        };
        let (graph, info) = described.map_err(|reason| Error::Model {
            name: name.clone(),
            reason,
        })?;
        Ok(Self {
            name,
            bytes,
            info: Arc::new(info),
            graph: Arc::new(graph),
        })
    }

    /// The file's path, or `bundled`, `bundled-small` or `bundled-accurate`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Bundled(b) => b,
            Bytes::Owned(b) => b,
            Bytes::Engine(file) => file.bytes(),
        }
    }

    /// The file where it is an engine of TensorRT, `None` where it is ONNX.
    pub fn engine_file(&self) -> Option<&EngineFile> {
        match &self.bytes {
            Bytes::Engine(file) => Some(file),
            Bytes::Bundled(_) | Bytes::Owned(_) => None,
        }
    }

    /// Labels, preparation and what else the file says of itself.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Names of the graph's input and output.
    pub fn graph(&self) -> &GraphSummary {
        &self.graph
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// An error about this model.
    pub(crate) fn error(&self, reason: impl ToString) -> Error {
        Error::Model {
            name: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}
