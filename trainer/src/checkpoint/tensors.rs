//! Tensors in a safetensors file.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::nn::weights::{Tensor, Tensors};

/// Contents of a file.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Tensors by name, widened to 32 bits.
    pub tensors: Tensors,
    /// Class names, where the file has them.
    pub classes: Option<Vec<String>>,
    /// Everything in the file's metadata.
    pub metadata: HashMap<String, String>,
}

/// Reads a file of 32- or 16-bit floats.
///
/// # Errors
/// When the file is missing, damaged or of another element type.
pub fn load(path: &Path) -> Result<Loaded> {
    let bytes = std::fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).context("not a safetensors file")?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let file = SafeTensors::deserialize(&bytes).context("not a safetensors file")?;
    let tensors = file
        .iter()
        .map(|(name, view)| {
            let data = floats(&view).with_context(|| format!("tensor {name:?}"))?;
            let shape = view.shape().to_vec();
            Ok((name.to_owned(), Tensor { shape, data }))
        })
        .collect::<Result<_>>()?;
    Ok(Loaded {
        tensors,
        classes: metadata
            .get("classes")
            .map(|names| names.split(',').map(String::from).collect()),
        metadata,
    })
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
        other => bail!("element type {other:?} is neither F32 nor F16"),
    })
}

/// Writes a file of 32-bit floats. It appears whole or not at all.
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
        std::fs::write(&temporary, data)?;
        std::fs::rename(&temporary, path)?;
        Ok(())
    };
    write().with_context(|| format!("writing {}", path.display()))
}
