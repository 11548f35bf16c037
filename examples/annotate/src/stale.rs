//! What a run leaves that was killed in the middle: its drafts, which nobody holds any more.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// How many runs at a time may write what has one name, and be cleaned up after.
const RUNS: u32 = 16;

/// Names under which `name` is written in `folder`, until it has succeeded.
pub fn hidden(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    (0..RUNS).map(move |n| folder.join(format!(".{name}.part-{n}")))
}

/// Holds a draft for this run, until the file is closed; false where another run has it.
///
/// # Errors
/// When it can't be known.
pub fn hold(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

/// Hands those of these drafts to `clear` that no run holds.
pub fn clear(drafts: impl Iterator<Item = PathBuf>, clear: impl Fn(&Path)) {
    for path in drafts {
        // Where a file system knows no locks, they may be somebody's.
        if let Ok(file) = File::open(&path)
            && matches!(hold(&file), Ok(true))
        {
            clear(&path);
        }
    }
}
