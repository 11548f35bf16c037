//! Whether a network may have been trained on the very people that it is to be judged by.

use anyhow::{Context, Result};
use fer_trainer::artifact::{Stage, WeightsFile};
use fer_trainer::data::{Dataset, digest, split};
use fer_trainer::report::baselines::Benchmark;
use fer_trainer::rng::Rng;

/// Under which a file's metadata say that the network is built in.
const BUILTIN: &str = "builtin";

/// Notes that the network is one that is built in, which learned from FER-2013's pictures.
pub fn mark_builtin(weights: &mut WeightsFile) {
    let metadata = &mut weights.metadata;
    metadata.insert(BUILTIN.to_owned(), String::new());
}

/// Why the network of `init` may have seen the people in `data`; `None` where nothing speaks for
/// it, which is not to say that it has not.
///
/// # Errors
/// When what the file says of its run is damaged.
pub fn why(init: &WeightsFile, data: &Dataset) -> Result<Option<&'static str>> {
    let benchmark = Benchmark::of(data.format, &data.classes);
    let is_fer = matches!(benchmark, Some(Benchmark::Fer2013 | Benchmark::FerPlus));
    if init.metadata.contains_key(BUILTIN) && is_fer {
        return Ok(Some("it is built in and learned from FER-2013's pictures"));
    }
    let Some(recipe) = init.recipe()? else {
        return Ok(None);
    };
    if recipe.stage == Stage::Second {
        return Ok(Some("it is from a second stage"));
    }
    let held_out = init.metadata.get("validation").map(|d| d.parse::<u64>());
    let held_out = held_out
        .transpose()
        .context("validation in the weights file")?;
    // Runs from before it was kept have 0.
    let Some(held_out) = held_out.filter(|digest| *digest != 0) else {
        return Ok(None);
    };
    // Whether subjects were known there decides what was held out.
    let mut nameless = data.clone();
    nameless.samples.iter_mut().for_each(|s| s.subject = None);
    let same = [data, &nameless].into_iter().any(|data| {
        let parts = split::for_training(data, recipe.hold_out, &mut Rng::new(recipe.seed));
        parts.is_ok_and(|parts| digest(parts.validation.iter().copied()) == held_out)
    });
    Ok(same.then_some("it was trained on this data set"))
}
