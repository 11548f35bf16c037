//! The whole state of a run in one file, so that `--resume` goes on bit for bit.
//!
//! The file's plain names are the averaged weights, so it can also be used wherever
//! weights are. The rest has a prefix: `raw/` for the weights that are trained, `first/`
//! and `second/` for the optimiser, and `centers`.

use std::collections::HashMap;
use std::path::Path;

use super::{Progress, Trainer};
use crate::artifact::{EpochReport, RunFolder, classes_text, load, save};
use crate::error::Context;
use crate::nn::weights::{Tensor, Tensors, params_from_tensors, params_to_tensors};
use crate::nn::{Architecture, Weights};
use crate::rng::Rng;
use crate::{Error, Result};

/// Writes the state of `trainer`.
///
/// # Errors
/// When the file can't be written.
pub fn save_state(trainer: &Trainer, path: &Path) -> Result<()> {
    let net = &trainer.net;
    let mut tensors = trainer.average.to_tensors(net);
    let optimizer = &trainer.optimizer;
    let parts = [
        ("raw", trainer.weights.to_tensors(net)),
        ("first", params_to_tensors(net, &optimizer.first)),
        ("second", second_to_tensors(net, &optimizer.second)),
    ];
    for (prefix, part) in parts {
        tensors.extend(
            part.into_iter()
                .map(|(name, t)| (format!("{prefix}/{name}"), t)),
        );
    }
    let centers = Tensor {
        shape: vec![net.classes, net.features()],
        data: trainer.centers.values().to_vec(),
    };
    tensors.insert("centers".into(), centers);
    let metadata = HashMap::from([
        ("classes".to_owned(), classes_text(&trainer.classes)?),
        ("config".to_owned(), trainer.config.to_toml()?),
        (
            "progress".to_owned(),
            serde_json::to_string(&trainer.progress)?,
        ),
    ]);
    save(path, &tensors, metadata)
}

/// Saves an epoch of `trainer` in its folder: its metrics, the state, and the weights where they
/// are the best.
///
/// # Errors
/// When a file can't be written.
pub fn save_epoch(
    folder: &RunFolder,
    trainer: &Trainer,
    report: &EpochReport,
    best: bool,
) -> Result<()> {
    folder.append_metrics(report)?;
    if best {
        let validation = trainer.progress.validation.to_string();
        let metadata = HashMap::from([
            ("classes".to_owned(), classes_text(&trainer.classes)?),
            ("config".to_owned(), trainer.config.to_toml()?),
            ("metrics".to_owned(), serde_json::to_string(report)?),
            ("validation".to_owned(), validation),
        ]);
        let tensors = trainer.average.to_tensors(&trainer.net);
        save(&folder.best(), &tensors, metadata)?;
    }
    save_state(trainer, &folder.last())
}

/// The run in `folder` as it was last saved; metrics that are later than that are cut off.
///
/// # Errors
/// When there is no run or a file is damaged.
pub fn resume(folder: &RunFolder) -> Result<Trainer> {
    let trainer = load_state(&folder.last())?;
    folder.cut_metrics(trainer.progress.epoch)?;
    Ok(trainer)
}

/// SGD has no second memory.
fn second_to_tensors(net: &Architecture, second: &[Vec<f32>]) -> Tensors {
    if second.iter().all(Vec::is_empty) {
        return Tensors::new();
    }
    params_to_tensors(net, second)
}

/// Reads a run back.
///
/// # Errors
/// Names the file and what is missing in it.
pub fn load_state(path: &Path) -> Result<Trainer> {
    read(path).with_context(|| format!("checkpoint {}", path.display()))
}

fn read(path: &Path) -> Result<Trainer> {
    let file = load(path)?;
    let text = |key: &str| {
        file.metadata
            .get(key)
            .ok_or_else(|| Error::Artifact(format!("no {key} in it, so it can't be resumed from")))
    };
    let config = file.recipe.clone();
    let config = config.ok_or_else(|| Error::Artifact("no config in it".into()))?;
    let mut progress: Progress = serde_json::from_str(text("progress")?)?;
    // Runs from before it was kept count patience from the best epoch, as they did then.
    if progress.better_epoch == 0 && progress.best > 0.0 {
        progress.better_epoch = progress.best_epoch;
    }
    let classes = file
        .classes
        .clone()
        .ok_or_else(|| Error::Artifact("no classes in it".into()))?;
    let net = config.network(classes.len())?;
    let part = |prefix: &str| -> Tensors {
        file.tensors
            .iter()
            .filter_map(|(name, t)| Some((name.strip_prefix(prefix)?.to_owned(), t.clone())))
            .collect()
    };
    let weights = Weights::from_tensors(&net, &part("raw/"))?;
    let average = Weights::from_tensors(&net, &file.tensors)?;
    let mut trainer = Trainer::new(config, classes, net, weights, &Rng::new(progress.rng))?;
    trainer.average = average;
    trainer.progress = progress;
    trainer.optimizer.first = params_from_tensors(&trainer.net, &part("first/"))?;
    if trainer.optimizer.second.iter().any(|s| !s.is_empty()) {
        trainer.optimizer.second = params_from_tensors(&trainer.net, &part("second/"))?;
    }
    let centers = file
        .tensors
        .get("centers")
        .ok_or_else(|| Error::Artifact("no centers in it".into()))?;
    let own = trainer.centers.values_mut();
    ensure!(
        centers.data.len() == own.len(),
        Artifact,
        "centers of another size"
    );
    own.copy_from_slice(&centers.data);
    Ok(trainer)
}
