//! Which model a command asks.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fer::Model;
use fer::model::Bundled;
use fer_trainer::artifact::Network;
use fer_trainer::export::{Calibration, Description, Storage, export};

use super::foreign::Foreign;

/// A network that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Builtin {
    /// The default: between the others.
    #[default]
    Standard,
    /// A quarter of the work, less accurate.
    Small,
    /// Four times the work, more accurate.
    Accurate,
}

impl Builtin {
    /// Reads the network.
    ///
    /// # Errors
    /// As [`Model::built_in`].
    pub fn open(self) -> fer::Result<Model> {
        Model::built_in(match self {
            Self::Standard => Bundled::Standard,
            Self::Small => Bundled::Small,
            Self::Accurate => Bundled::Accurate,
        })
    }
}

/// A model that exists: a file or one that is built in.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// ONNX file, or a run folder or weights file; a model that is built in without it
    #[arg(long)]
    model: Option<PathBuf>,
    /// Which of the models that are built in
    #[arg(long, value_enum, default_value = "standard", conflicts_with = "model")]
    builtin_model: Builtin,
    #[command(flatten)]
    foreign: Foreign,
}

impl Chosen {
    /// Whether it is a network in training.
    pub fn is_run(&self) -> bool {
        self.path().is_some_and(is_run)
    }

    /// The model's file, where it is none that is built in.
    pub fn path(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// Reads the model. A network in training is exported first, its scores as trained.
    ///
    /// # Errors
    /// As [`Model::load`] and [`Network::load`].
    pub fn open(&self) -> Result<Model> {
        let overrides = self.foreign.overrides();
        Ok(match &self.model {
            Some(path) if is_run(path) => {
                let network = Network::load(path)?;
                let about = Description::default();
                let (_, model) = export(&network, Storage::Single, &Calibration::NONE, &about)?;
                let name = network.path.display().to_string();
                Model::from_bytes(&name, model.bytes().to_vec(), &overrides)?
            }
            Some(path) => Model::load(path, &overrides)?,
            None => self.builtin_model.open()?.with(&overrides)?,
        })
    }
}

/// Whether `path` is a run folder or a weights file.
pub fn is_run(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|e| e == "safetensors")
}
