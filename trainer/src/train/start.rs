//! A new run from a recipe and weights.

use anyhow::{Result, bail};

use super::{Config, Trainer};
use crate::checkpoint::Loaded;
use crate::nn::{Weights, narrow};
use crate::rng::Rng;

/// How much of the weights to start from fits the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Convolutions that were taken over.
    pub convolutions: usize,
    /// Convolutions of the network.
    pub of_convolutions: usize,
    /// Classes whose row of the classifier was taken over.
    pub classes: usize,
}

/// A run that has not begun, from the weights in `init`, with random values for what does
/// not fit; of a wider network the strongest channels are taken, a class of the same name keeps its row of the classifier.
///
/// # Errors
/// When the recipe has values out of range, or `init` holds tensors and none fits.
pub fn start(config: Config, classes: Vec<String>, init: &Loaded) -> Result<(Trainer, Fit)> {
    let net = config.network(classes.len())?;
    let mut rng = Rng::new(config.seed);
    let old = init.classes.as_deref().unwrap_or_default();
    let rows: Vec<Option<usize>> = classes
        .iter()
        .map(|class| old.iter().position(|o| o == class))
        .collect();
    let (weights, loaded) = Weights::init(&net, &narrow(&net, &init.tensors), &rows, &mut rng);
    if loaded.convolutions == 0 && !init.tensors.is_empty() {
        let own = init.recipe()?.map(|recipe| recipe.width);
        bail!(
            "none of the weights fits width {}{}",
            config.width,
            own.map_or(String::new(), |own| format!(": they are of width {own}"))
        );
    }
    let fit = Fit {
        convolutions: loaded.convolutions,
        of_convolutions: net.layers.len(),
        classes: loaded.classes,
    };
    Ok((Trainer::new(config, classes, net, weights, &rng)?, fit))
}
