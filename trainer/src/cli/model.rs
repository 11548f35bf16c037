//! Which model a command asks.

use std::path::{Path, PathBuf};

use fer::Model;
use fer::model::Bundled;

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
    /// ONNX file; a model that is built in without it
    #[arg(long)]
    model: Option<PathBuf>,
    /// Which of the models that are built in
    #[arg(long, value_enum, default_value = "standard", conflicts_with = "model")]
    builtin_model: Builtin,
    #[command(flatten)]
    foreign: Foreign,
}

impl Chosen {
    /// The model's file, where it is none that is built in.
    pub fn path(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// Reads the model.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn open(&self) -> fer::Result<Model> {
        let overrides = self.foreign.overrides();
        match &self.model {
            Some(path) => Model::load(path, &overrides),
            None => self.builtin_model.open()?.with(&overrides),
        }
    }
}
