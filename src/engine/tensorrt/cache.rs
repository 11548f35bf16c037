//! Engines that were built here before.
//!
//! Building and reading run under a lock of the entry's own, which the system drops with the
//! process that holds it: two pipelines that want the same engine build it once, and a
//! process that dies while it builds stops nobody. The folder is its user's alone.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::model::{EngineFile, Flavour, Precision};

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

/// How long somebody else may build, before it is no longer waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// The engine for `key` in `folder`, built by `build` where it is not there, damaged, or not
/// taken by `open`, which opens it.
///
/// A folder that can't be written to, that belongs to another user or that others may write to
/// costs a warning and a build each time, no more: an engine is a program.
///
/// # Errors
/// What `build` says, and what `open` says of an engine that was just built.
pub fn get_or_build<T>(
    folder: &Path,
    key: &Key,
    build: impl FnOnce() -> Result<EngineFile>,
    open: impl Fn(&EngineFile) -> Result<T, String>,
) -> Result<(EngineFile, T)> {
    let path = folder.join(key.file_name());
    let lock = own(folder).and_then(|()| lock(&path.with_extension("lock")));
    match &lock {
        Ok(_) => {
            if let Some(file) = read(&path, key) {
                match open(&file) {
                    Ok(opened) => return Ok((file, opened)),
                    Err(why) => {
                        log::warn!("{} is not taken: {why}; building it anew", path.display());
                    }
                }
            }
        }
        Err(why) => log::warn!("no cache of engines in {}: {why}", folder.display()),
    }
    let built = build()?;
    let opened = open(&built).map_err(super::error)?;
    if lock.is_ok()
        && let Err(e) = built.write(&path)
    {
        log::warn!("engine {} is not cached: {e}", path.display());
    }
    Ok((built, opened))
}

/// Makes the folder for this user alone, or checks that it is.
fn own(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    // SAFETY: the function has no conditions.
    let user = unsafe { libc::geteuid() };
    let whose = if metadata.uid() != user {
        "it belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "others may write to it"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, whose))
}

/// Waits until nobody else has the lock at `path`.
fn lock(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if start.elapsed() > PATIENCE => {
                let why = "another process has been building for ten minutes";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
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
