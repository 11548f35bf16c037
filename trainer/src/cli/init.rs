//! Weights to start from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::ValueEnum;
use fer::Model;
use fer::model::Overrides;
use fer_trainer::artifact::{WeightsFile, load, weights_file};

use super::model::Builtin;

/// What a user names a network that is built in by.
const BUILTIN: &str = "builtin:";

/// Weights to start from, as a user names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Init {
    /// A run folder, a safetensors file or an ONNX file that was exported here.
    Path(PathBuf),
    /// A network that is built in.
    Builtin(Builtin),
}

impl FromStr for Init {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix(BUILTIN) {
            Some(name) => Builtin::from_str(name, false)
                .map(Self::Builtin)
                .map_err(|_| format!("{BUILTIN} is followed by small, standard or accurate")),
            None if text.is_empty() => Err("no file is named".to_owned()),
            None => Ok(Self::Path(text.into())),
        }
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Builtin(builtin) => {
                let value = builtin.to_possible_value();
                let name = value.as_ref().map_or("", |value| value.get_name());
                write!(f, "{BUILTIN}{name}")
            }
        }
    }
}

impl Init {
    /// Reads the weights that a user means by `init`; nothing without one.
    ///
    /// # Errors
    /// Names the file.
    pub fn read(init: Option<&Self>) -> Result<WeightsFile> {
        let Some(init) = init else {
            return Ok(WeightsFile::default());
        };
        init.open()
    }

    /// The file that is read, where it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Path(path) => Some(weights_file(path)),
            Self::Builtin(_) => None,
        }
    }

    fn open(&self) -> Result<WeightsFile> {
        match self {
            Self::Builtin(builtin) => Ok(WeightsFile::from_model(&builtin.open()?)?),
            Self::Path(path) if is_onnx(path) => {
                let model = Model::load(path, &Overrides::default());
                let foreign =
                    || format!("{} was not written by fer-trainer export", path.display());
                Ok(WeightsFile::from_model(&model.with_context(foreign)?)?)
            }
            Self::Path(path) => {
                let path = weights_file(path);
                load(&path).with_context(|| format!("weights {}", path.display()))
            }
        }
    }
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_what_is_shown() {
        for name in [
            "builtin:standard",
            "builtin:accurate",
            "runs/first",
            "a.onnx",
        ] {
            assert_eq!(name.parse::<Init>().unwrap().to_string(), name);
        }
        assert!("builtin:large".parse::<Init>().is_err());
    }
}
