//! Looking through folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// File names' endings that are pictures.
const PICTURES: [&str; 6] = ["jpg", "jpeg", "png", "tif", "tiff", "bmp"];

/// Folders directly below `path`, by name; hidden ones are left out.
pub(super) fn folders(path: &Path) -> Result<BTreeMap<String, PathBuf>> {
    Ok(entries(path)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .collect())
}

/// Picture files directly in `path`, sorted; hidden ones are left out.
pub(super) fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(path)?
        .into_iter()
        .filter(|file| {
            let ending = file
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            PICTURES.contains(&ending.to_ascii_lowercase().as_str())
        })
        .collect())
}

/// Everything directly in `path` that is not hidden, sorted.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut paths = read().with_context(|| format!("folder {}", path.display()))?;
    paths.retain(|p| {
        !p.file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
    });
    paths.sort();
    Ok(paths)
}

/// A file's name without its ending.
pub(super) fn stem(file: &Path) -> &str {
    file.file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or_default()
}
