//! A trained network as a weights file holds it.

use std::path::{Path, PathBuf};

use super::{WeightsFile, load};
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
        let read = || Self::of(&load(&path)?, &path);
        read().with_context(|| format!("weights {}", path.display()))
    }

    /// The network in `file`, which was read from `path`.
    ///
    /// # Errors
    /// Says what is missing in it.
    pub fn of(file: &WeightsFile, path: &Path) -> Result<Self> {
        let classes = file
            .classes
            .clone()
            .ok_or_else(|| Error::Artifact("the file does not name its classes".into()))?;
        let net = match file.shape {
            Some(shape) => shape.network(classes.len())?,
            None => Architecture::new(width(&file.tensors)?, classes.len())?,
        };
        Ok(Self {
            weights: Weights::from_tensors(&net, &file.tensors)?,
            net,
            classes,
            path: path.to_owned(),
        })
    }
}

/// The width multiplier of a file without a recipe, of two decimals, or 0.125: that whose layers
/// have as many channels as the file's. Several may, and are the same network.
pub(super) fn width(tensors: &Tensors) -> Result<f32> {
    let channels = |layer: &Layer| {
        let gamma = tensors.get(&format!("{}_bn.gamma", layer.name));
        let gamma = gamma
            .ok_or_else(|| Error::Artifact(format!("no batch norm of {:?} in it", layer.name)))?;
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
        Artifact,
        "its layers have the channels of no width from 0.125 to 2"
    )
}
