//! A trained network as a weights file holds it.

use std::path::{Path, PathBuf};

use super::{Config, WeightsFile, load};
use crate::error::Context;
use crate::nn::weights::Tensors;
use crate::nn::{Architecture, Layer, Weights};
use crate::{Error, Result};

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
                .ok_or_else(|| Error::Weights("the file does not name its classes".into()))?;
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

impl WeightsFile {
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

/// The width multiplier of a file without a recipe, of two decimals, or 0.125: that whose layers
/// have as many channels as the file's. Several may, and are the same network.
pub(super) fn width(tensors: &Tensors) -> Result<f32> {
    let channels = |layer: &Layer| {
        let gamma = tensors.get(&format!("{}_bn.gamma", layer.name));
        let gamma = gamma
            .ok_or_else(|| Error::Weights(format!("no batch norm of {:?} in it", layer.name)))?;
        Ok(gamma.data.len())
    };
    let layers = Architecture::new(1.0, 2)?.layers;
    let have: Vec<usize> = layers.iter().map(channels).collect::<Result<_>>()?;
    let widths = (13..=200).map(|hundredths| hundredths as f32 / 100.0);
    for width in [1.0, 0.125].into_iter().chain(widths) {
        let layers = Architecture::new(width, 2)?.layers;
        if layers
            .iter()
            .map(|layer| layer.outputs)
            .eq(have.iter().copied())
        {
            return Ok(width);
        }
    }
    bail!(
        Weights,
        "its layers have the channels of no width from 0.125 to 2"
    )
}
