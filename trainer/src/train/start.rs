//! A new run from a recipe and weights.

use super::Trainer;
use crate::artifact::{Config, WeightsFile};
use crate::augment::write_input;
use crate::data::Sample;
use crate::nn::weights::{Fit, Tensors};
use crate::nn::{Weights, narrow, unfold};
use crate::rng::Rng;
use crate::{Error, Result, SIDE};

/// Most pictures from which the statistics of a folded network are taken: a channel's mean and
/// deviation over the positions of so many no longer change in the second digit.
const UNFOLDED_BY: usize = 512;

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
    let unfolded = init.folded.then(|| unfolded(init, train)).transpose()?;
    let tensors = narrow(&net, unfolded.as_ref().unwrap_or(&init.tensors));
    let (weights, fit) = Weights::init(&net, &tensors, &rows, &mut rng);
    if fit.convolutions == 0 && !init.tensors.is_empty() {
        let own = init.recipe()?.map(|recipe| recipe.width);
        bail!(
            Weights,
            "none of the weights fits width {}{}",
            config.width,
            own.map_or(String::new(), |own| format!(": they are of width {own}"))
        );
    }
    Ok((Trainer::new(config, classes, net, weights, &rng)?, fit))
}

/// The weights of a folded network with batch norm for the pictures in `train`.
fn unfolded(init: &WeightsFile, train: &[&Sample]) -> Result<Tensors> {
    let recipe = init.recipe()?.zip(init.classes.as_ref());
    let (recipe, classes) =
        recipe.ok_or_else(|| Error::Weights("a folded network without its recipe".into()))?;
    let net = recipe.network(classes.len())?;
    let mut weights = Weights::from_tensors(&net, &init.tensors)?;
    let step = train.len().div_ceil(UNFOLDED_BY).max(1);
    let mut pictures = Vec::new();
    for sample in train.iter().step_by(step) {
        let at = pictures.len();
        pictures.resize(at + SIDE * SIDE, 0.0);
        write_input(&sample.pixels, net.tone, &mut pictures[at..]);
    }
    ensure!(
        !pictures.is_empty(),
        Training,
        "there is no picture to train on"
    );
    unfold(&net, &mut weights, &pictures);
    Ok(weights.to_tensors(&net))
}
