//! The model file: plain ONNX that carries its labels and its preparation.

mod ends;
mod engine_file;
mod external;
mod head;
mod info;
mod onnx;
mod output;
mod precision;
mod tone;

use std::path::Path;
use std::sync::Arc;

use engine_file::sha256;
pub use engine_file::{EngineFile, EngineHeader, Flavour};
pub use info::{Color, InputSpec, Layout, METADATA_KEY, ModelInfo, Tone};
pub use onnx::GraphSummary;
pub use output::Output;
pub(crate) use output::Unreadable;
pub use precision::Precision;

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
    /// Width and height in pixels, for a network that takes any.
    pub size: Option<(usize, usize)>,
    /// What the output's values are.
    pub output: Option<Output>,
    /// Name of the output with the classes; without it the only one, or of several the only
    /// one with one value a label.
    pub output_name: Option<String>,
}

/// A model file in memory, checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    /// The file, with all its weights.
    file: Bytes,
    /// The file as engines are to have it, where that is not as it is.
    rewritten: Option<Arc<[u8]>>,
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

    /// Reads an ONNX file, with the files beside it that hold its weights, or an engine of
    /// TensorRT that was exported from one. A file without metadata needs `overrides` to say
    /// what it lacks.
    ///
    /// # Errors
    /// [`Error::Model`] with the path and what is wrong: not there, not ONNX, weights that are
    /// not beside it, no labels, labels that do not fit the output, an output that may be scores
    /// or probabilities, an input that is not one picture a face, a damaged engine.
    pub fn load(path: impl AsRef<Path>, overrides: &Overrides) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| Error::Model {
            name: name.clone(),
            reason: e.to_string(),
        })?;
        // A bare file name lies in the current folder, whose path is empty.
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::owned(name, bytes, Some(folder), overrides)
    }

    /// As [`Model::load`], from bytes in memory; `name` is used in messages.
    ///
    /// # Errors
    /// As [`Model::load`], and where the model's weights lie in other files.
    pub fn from_bytes(name: &str, bytes: Vec<u8>, overrides: &Overrides) -> Result<Self> {
        Self::owned(name.to_owned(), bytes, None, overrides)
    }

    /// The same model with other settings for its preparation or its labels.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn with(&self, overrides: &Overrides) -> Result<Self> {
        Self::new(self.name.clone(), self.file.clone(), overrides)
    }

    fn owned(
        name: String,
        bytes: Vec<u8>,
        folder: Option<&Path>,
        overrides: &Overrides,
    ) -> Result<Self> {
        let file = if EngineFile::recognise(&bytes) {
            let file = EngineFile::from_bytes(bytes).map_err(|reason| Error::Model {
                name: name.clone(),
                reason,
            })?;
            Bytes::Engine(Arc::new(file))
        } else {
            let whole = external::inline(bytes, folder).map_err(|reason| Error::Model {
                name: name.clone(),
                reason,
            })?;
            Bytes::Owned(whole.into())
        };
        Self::new(name, file, overrides)
    }

    fn new(name: String, file: Bytes, overrides: &Overrides) -> Result<Self> {
        let described = match &file {
            Bytes::Bundled(b) => onnx::read(b, overrides),
            Bytes::Owned(b) => onnx::read(b, overrides),
            Bytes::Engine(file) => onnx::describe_engine(file.header(), overrides),
        };
        let described = described.map_err(|reason| Error::Model {
            name: name.clone(),
            reason,
        })?;
        Ok(Self {
            name,
            file,
            rewritten: described.rewritten.map(Into::into),
            info: Arc::new(described.info),
            graph: Arc::new(described.graph),
        })
    }

    /// The file's path, or `bundled`, `bundled-small` or `bundled-accurate`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The model's bytes, as engines get them: the file's. Where the file has weights beside
    /// it, several outputs, ends of other types than 32-bit floats or open sizes, it is one
    /// file that has none of these.
    pub fn bytes(&self) -> &[u8] {
        if let Some(bytes) = &self.rewritten {
            return bytes;
        }
        match &self.file {
            Bytes::Bundled(b) => b,
            Bytes::Owned(b) => b,
            Bytes::Engine(file) => file.bytes(),
        }
    }

    /// The file where it is an engine of TensorRT, `None` where it is ONNX.
    pub fn engine_file(&self) -> Option<&EngineFile> {
        match &self.file {
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

    /// SHA-256 of [`Model::bytes`], in hexadecimal.
    pub fn sha256(&self) -> String {
        sha256(self.bytes())
    }

    /// An error about this model.
    pub(crate) fn error(&self, reason: impl ToString) -> Error {
        Error::Model {
            name: self.name.clone(),
            reason: reason.to_string(),
        }
    }
}
