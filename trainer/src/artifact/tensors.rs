//! Tensors in a safetensors file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::{Config, Shape};
use crate::error::Context;
use crate::nn::weights::{Tensor, Tensors};
use crate::{Error, Result};

/// Contents of a weights file.
#[derive(Debug, Clone, Default)]
pub struct WeightsFile {
    /// Tensors by name, widened to 32 bits.
    pub tensors: Tensors,
    /// Class names, where the file has them.
    pub classes: Option<Vec<String>>,
    /// The recipe of the run that the file is from, where it has one.
    pub recipe: Option<Config>,
    /// What decides the network: that of the recipe, or what an exported file tells without one.
    pub shape: Option<Shape>,
    /// [`digest`](crate::data::digest) of the pictures that the run held out; runs from before it
    /// was kept have none.
    pub validation: Option<u64>,
    /// Everything in the file's metadata.
    pub metadata: HashMap<String, String>,
    /// Whether batch norm is folded into the convolutions: its scale is 1, its running mean 0, its
    /// variance scales nothing, and training has to [`unfold`](crate::nn::unfold) it first.
    pub folded: bool,
    /// Whether it is one of the networks that are built in, by whatever name.
    pub builtin: bool,
}

/// Reads a file of 32- or 16-bit floats.
///
/// # Errors
/// When the file is missing, damaged or of another element type.
pub fn load(path: &Path) -> Result<WeightsFile> {
    let bytes = std::fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).context("not a safetensors file")?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let file = SafeTensors::deserialize(&bytes).context("not a safetensors file")?;
    let tensors = file
        .iter()
        .map(|(name, view)| {
            let data = floats(&view).with_context(|| format!("tensor {name:?}"))?;
            let shape = view.shape().to_vec();
            ensure!(
                !shape.contains(&0),
                Artifact,
                "tensor {name:?} has an axis of length 0"
            );
            Ok((name.to_owned(), Tensor { shape, data }))
        })
        .collect::<Result<_>>()?;
    let text = metadata.get("config");
    let recipe = text
        .map(|text| Config::from_toml(text, None, None).context("the recipe in the file"))
        .transpose()?;
    Ok(WeightsFile {
        tensors,
        classes: metadata.get("classes").map(|names| class_names(names)),
        shape: recipe.as_ref().map(Config::shape),
        recipe,
        validation: metadata
            .get("validation")
            .map_or(Ok(None), |d| held_out(d))?,
        metadata,
        folded: false,
        builtin: false,
    })
}

/// The digest of what was held out. Runs from before it was kept have 0.
pub(super) fn held_out(text: &str) -> Result<Option<u64>> {
    let digest = text.parse::<u64>();
    let digest = digest.map_err(|why| Error::Artifact(format!("validation {text:?}: {why}")))?;
    Ok(Some(digest).filter(|digest| *digest != 0))
}

/// Class names as a file's metadata holds them, as JSON since a name may have a comma in it.
///
/// # Errors
/// Never.
pub fn classes_text(classes: &[String]) -> Result<String> {
    Ok(serde_json::to_string(classes)?)
}

/// Reads what [`classes_text`] wrote, and the names with commas between of older files.
fn class_names(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| text.split(',').map(String::from).collect())
}

fn floats(view: &TensorView) -> Result<Vec<f32>> {
    let data = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => data
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => data
            .chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        other => bail!(Artifact, "element type {other:?} is neither F32 nor F16"),
    })
}

/// Writes a file of 32-bit floats. It appears whole or not at all, even where the power fails.
///
/// # Errors
/// When it can't be written.
pub fn save(path: &Path, tensors: &Tensors, metadata: HashMap<String, String>) -> Result<()> {
    let write = || -> Result<()> {
        let bytes: Vec<(&String, &Tensor, Vec<u8>)> = tensors
            .iter()
            .map(|(name, t)| {
                (
                    name,
                    t,
                    t.data.iter().flat_map(|v| v.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, t, b)| Ok((*name, TensorView::new(Dtype::F32, t.shape.clone(), b)?)))
            .collect::<Result<Vec<_>>>()?;
        let data = safetensors::serialize(views, Some(metadata))?;
        let temporary = path.with_extension("part");
        let mut file = File::create(&temporary)?;
        file.write_all(&data)?;
        // Before the new name: else that may be on the disk first, for an empty file.
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        sync_folder(path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Has the folder of a file on the disk, with the file's new name in it.
#[cfg(unix)]
fn sync_folder(file: &Path) -> Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
}

/// Other systems open no folders.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}
