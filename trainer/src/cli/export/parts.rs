//! Which pictures of --data calibrate a network and tell how good it is.

use anyhow::{Result, bail, ensure};
use fer_trainer::artifact::{Network, load};
use fer_trainer::data::split::{self, Training};
use fer_trainer::data::{Dataset, Sample, Split, digest};
use fer_trainer::rng::Rng;

/// The pictures of a data set, by what they are for.
pub struct Parts<'a> {
    /// To quantise by, and to count classes of; empty where the data has none.
    pub train: Vec<&'a Sample>,
    /// To calibrate and to judge by.
    pub judged: Vec<&'a Sample>,
    /// What those are.
    pub name: String,
}

/// The parts for a model that is finished: of the data, `part`, or the validation part, or all.
pub fn of_model(dataset: &Dataset, part: Option<Split>) -> Result<Parts<'_>> {
    let (judged, name) = match part {
        Some(part) => named(dataset, part)?,
        None if dataset.part(Split::Validation).is_empty() => {
            (dataset.samples.iter().collect(), "pictures".to_owned())
        }
        None => named(dataset, Split::Validation)?,
    };
    Ok(Parts {
        train: dataset.part(Split::Train),
        judged,
        name,
    })
}

/// The parts for a trained network, which must have the data's classes: `part`, or the validation
/// part, or, where the data has none, the pictures that the run held out for it.
///
/// # Errors
/// When that part is empty, or the pictures are not those of the run.
pub fn of_network<'a>(
    network: &Network,
    dataset: &'a Dataset,
    part: Option<Split>,
) -> Result<Parts<'a>> {
    ensure!(
        dataset.classes == network.classes,
        "the model has the classes {}, the data {} (--classes names them and their order)",
        network.classes.join(", "),
        dataset.classes.join(", ")
    );
    if part.is_some() || !dataset.part(Split::Validation).is_empty() {
        return of_model(dataset, part);
    }
    let file = load(&network.path)?;
    let Some(recipe) = file.recipe else {
        bail!(
            "the data has no validation part, and the network does not say what its run held out: --split names a part"
        );
    };
    let rng = &mut Rng::new(recipe.seed);
    let Training {
        train, validation, ..
    } = split::for_training(dataset, recipe.hold_out, rng)?;
    ensure!(
        file.validation
            .is_none_or(|seen| seen == digest(validation.iter().copied())),
        "the data has no validation part and is not what the network was trained on, as it was \
         read there, so what its run held out is not known: --split names a part"
    );
    Ok(Parts {
        train,
        judged: validation,
        name: "pictures that the run held out".to_owned(),
    })
}

fn named(dataset: &Dataset, part: Split) -> Result<(Vec<&Sample>, String)> {
    let samples = dataset.part(part);
    ensure!(!samples.is_empty(), "the data has no {part} part");
    Ok((samples, format!("{part} pictures")))
}
