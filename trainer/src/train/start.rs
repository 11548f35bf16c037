//! A new run from a recipe and weights.

use std::path::Path;

use fer::model::Tone;

use super::Trainer;
use crate::artifact::{Config, Network, WeightsFile};
use crate::augment::write_input;
use crate::data::Sample;
use crate::nn::weights::{Fit, Tensors};
use crate::nn::{Weights, narrow, unfold};
use crate::rng::Rng;
use crate::{Result, SIDE};

/// Most pictures from which the statistics of a folded network are taken. By so many a channel's mean
/// is known to a thirtieth of its deviation, which training soon makes up for.
const UNFOLDED_BY: usize = 1024;

/// A run that has not begun, from the weights in `init`, with random values for what does
/// not fit; of a wider network the strongest channels are taken, a class of the same name keeps its
/// row of the classifier. Where batch norm is folded into them, it is had anew from the pictures
/// in `train`.
///
/// # Errors
/// When the recipe has values out of range, or `init` holds tensors and none fits.
pub fn start(
    config: Config,
    classes: Vec<String>,
    init: &WeightsFile,
    train: &[&Sample],
) -> Result<(Trainer, Fit)> {
    let net = config.network(classes.len())?;
    let mut rng = Rng::new(config.seed);
    let old = init.classes.as_deref().unwrap_or_default();
    let rows: Vec<Option<usize>> = classes
        .iter()
        .map(|class| old.iter().position(|o| o == class))
        .collect();
    let unfolded = init.folded.then(|| unfolded(init, config.tone, train));
    let unfolded = unfolded.transpose()?;
    let tensors = narrow(&net, unfolded.as_ref().unwrap_or(&init.tensors));
    let (weights, fit) = Weights::init(&net, &tensors, &rows, &mut rng);
    if fit.convolutions == 0 && !init.tensors.is_empty() {
        let own = init.shape.map(|shape| shape.width);
        bail!(
            Artifact,
            "none of the weights fits width {}{}",
            config.width,
            own.map_or(String::new(), |own| format!(": they are of width {own}"))
        );
    }
    Ok((Trainer::new(config, classes, net, weights, &rng)?, fit))
}

/// The weights of a folded network with batch norm for the pictures in `train`, as they are before
/// augmentation.
fn unfolded(init: &WeightsFile, tone: Tone, train: &[&Sample]) -> Result<Tensors> {
    ensure!(
        !train.is_empty(),
        Training,
        "there is no picture to train on"
    );
    let mut network = Network::of(init, Path::new(""))?;
    let n = train.len().min(UNFOLDED_BY);
    let mut pictures = vec![0.0; n * SIDE * SIDE];
    for (i, picture) in pictures.chunks_exact_mut(SIDE * SIDE).enumerate() {
        write_input(&train[i * train.len() / n].pixels, tone, picture);
    }
    unfold(&network.net, &mut network.weights, &pictures);
    Ok(network.weights.to_tensors(&network.net))
}
