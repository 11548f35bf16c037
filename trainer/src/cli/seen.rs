//! Whether a network may have been trained on the very people that it is to be judged by.

use fer_trainer::artifact::{Stage, WeightsFile};
use fer_trainer::data::{Dataset, digest, split};
use fer_trainer::rng::Rng;

/// Why the network of `init` may have seen the people in `data`; `None` where nothing speaks for
/// it, which is not to say that it has not.
pub fn why(init: &WeightsFile, data: &Dataset) -> Option<&'static str> {
    if init.builtin && data.is_fer2013() {
        return Some("it is built in and learned from FER-2013's pictures");
    }
    let recipe = init.recipe.as_ref()?;
    if recipe.stage == Stage::Second {
        return Some("it is from a second stage");
    }
    is_trained_on(init, data).then_some("it was trained on this data set")
}

/// Whether the network of `file` was trained on `data`: whether that, dealt as there, holds out the
/// same pictures.
pub fn is_trained_on(file: &WeightsFile, data: &Dataset) -> bool {
    let (Some(recipe), Some(held_out)) = (&file.recipe, file.validation) else {
        return false;
    };
    // Whether subjects were known there decides what was held out.
    let mut nameless = data.clone();
    nameless.samples.iter_mut().for_each(|s| s.subject = None);
    [data, &nameless].into_iter().any(|data| {
        let parts = split::for_training(data, recipe.hold_out, &mut Rng::new(recipe.seed));
        parts.is_ok_and(|parts| digest(parts.validation.iter().copied()) == held_out)
    })
}
