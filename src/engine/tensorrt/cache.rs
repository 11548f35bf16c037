//! Engines that were built here before.
//!
//! Building and reading run under a lock of the entry's own, which the system drops with the
//! process that holds it: two pipelines that want the same engine build it once, and a
//! process that dies while it builds stops nobody.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{EngineFile, Flavour, Precision};
use crate::Result;

/// What an engine depends on. Another driver or card of the same capability takes the same
/// engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// SHA-256 of the ONNX file, in hexadecimal.
    pub model: String,
    /// Which TensorRT.
    pub flavour: Flavour,
    /// Its version.
    pub version: String,
    /// Compute capability of the card, such as `sm_86`.
    pub device: String,
    /// Type of its arithmetic.
    pub precision: Precision,
    /// Most faces in one run.
    pub max_batch: usize,
}

impl Key {
    fn file_name(&self) -> String {
        let flavour = match self.flavour {
            Flavour::Rtx => "rtx",
            Flavour::Classic => "classic",
        };
        format!(
            "{}-{flavour}-{}-{}-{}-{}.engine",
            &self.model[..self.model.len().min(32)],
            self.version,
            self.device,
            self.precision,
            self.max_batch
        )
    }

    /// Whether `file` is what the key asks for: a file under another's name is not used.
    fn fits(&self, file: &EngineFile) -> bool {
        let header = file.header();
        header.source_sha256 == self.model
            && header.flavour == self.flavour
            && header.tensorrt == self.version
            && header.precision == self.precision
            && header.max_batch == self.max_batch
    }
}

/// The folder for engines: `fer/tensorrt` in `XDG_CACHE_HOME` or `~/.cache`; `None` where
/// neither is known.
pub fn folder() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("fer/tensorrt"))
}

/// The engine for `key` in `folder`, built by `build` where it is not there or damaged.
///
/// A folder that can't be written to costs a warning and a build each time, no more.
///
/// # Errors
/// What `build` says.
pub fn get_or_build(
    folder: &Path,
    key: &Key,
    build: impl FnOnce() -> Result<EngineFile>,
) -> Result<EngineFile> {
    let path = folder.join(key.file_name());
    let lock = fs::create_dir_all(folder)
        .and_then(|()| File::create(path.with_extension("lock")))
        .and_then(|file| file.lock().map(|()| file));
    if let Err(e) = &lock {
        log::warn!("no cache of engines in {}: {e}", folder.display());
    }
    if let Some(file) = read(&path, key) {
        return Ok(file);
    }
    let built = build()?;
    if lock.is_ok()
        && let Err(e) = built.write(&path)
    {
        log::warn!("engine {} is not cached: {e}", path.display());
    }
    Ok(built)
}

fn read(path: &Path, key: &Key) -> Option<EngineFile> {
    let bytes = fs::read(path).ok()?;
    match EngineFile::from_bytes(bytes) {
        Ok(file) if key.fits(&file) => Some(file),
        Ok(_) => {
            log::warn!("{} is another engine; building it anew", path.display());
            None
        }
        Err(reason) => {
            log::warn!("{}: {reason}; building it anew", path.display());
            None
        }
    }
}
