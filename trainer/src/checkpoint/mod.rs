//! Files of a run: weights, the state to resume from, the recipe and the metrics.

mod run_folder;
mod state;
mod tensors;

pub use run_folder::RunFolder;
pub use state::{load_state, save_state};
pub use tensors::{Loaded, load, save};

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::nn::weights::Tensors;
use crate::nn::{Architecture, Weights};
use crate::train::Config;

/// A trained network as a file holds it.
#[derive(Debug, Clone)]
pub struct Network {
    /// Layers.
    pub net: Architecture,
    /// Weights.
    pub weights: Weights,
    /// Class names in the order of labels.
    pub classes: Vec<String>,
    /// The file that it was read from.
    pub path: PathBuf,
}

/// The weights file that a user means by `path`: the file itself, or the best of a run.
pub fn weights_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("best.safetensors")
    } else {
        path.to_owned()
    }
}

impl Network {
    /// Reads a network from a run folder or a weights file.
    ///
    /// # Errors
    /// Names the file and what is missing in it.
    pub fn load(path: &Path) -> Result<Self> {
        let path = weights_file(path);
        let read = || -> Result<Self> {
            let loaded = load(&path)?;
            let classes = loaded
                .classes
                .clone()
                .context("the file does not name its classes")?;
            let net = match loaded.recipe()? {
                Some(recipe) => recipe.network(classes.len())?,
                None => Architecture::new(width(&loaded.tensors)?, classes.len())?,
            };
            Ok(Self {
                weights: Weights::from_tensors(&net, &loaded.tensors)?,
                net,
                classes,
                path: path.clone(),
            })
        };
        read().with_context(|| format!("weights {}", path.display()))
    }
}

impl Loaded {
    /// The recipe of the run that the file is from, where it has one.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn recipe(&self) -> Result<Option<Config>> {
        let text = self.metadata.get("config");
        text.map(|text| Config::from_toml(text, None, None).context("the recipe in the file"))
            .transpose()
    }
}

/// The width multiplier of a file without a recipe, from the number of pooled features: that
/// of the published network is told exactly, others as far as rounding to eights allows.
fn width(tensors: &Tensors) -> Result<f32> {
    let head = tensors
        .get("head.weight")
        .context("tensor \"head.weight\" is missing")?;
    ensure!(head.shape.len() == 2, "tensor \"head.weight\" is no matrix");
    Ok(head.shape[1] as f32 / 1024.0)
}
