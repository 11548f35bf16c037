//! What a run leaves that was killed in the middle: its drafts, which nobody holds any more.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many runs at a time may write what has one name, and be cleaned up after.
const RUNS: u32 = 16;

/// What a draft is of, which its name tells later runs, whatever those read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It can be made again.
    File,
    /// It can't be had again.
    Stream,
}

/// Names under which `name` is written in `folder`, until it has succeeded.
pub fn hidden(folder: &Path, name: &str, kind: Kind) -> impl Iterator<Item = PathBuf> {
    let end = match kind {
        Kind::File => "part",
        Kind::Stream => "stream",
    };
    (0..RUNS).map(move |n| folder.join(format!(".{name}.{end}-{n}")))
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

/// Whether `file` is what `path` names still: another run may have renamed or removed it.
pub fn is_at(file: &File, path: &Path) -> bool {
    let identity = |file: Metadata| (file.dev(), file.ino());
    let (held, named) = (file.metadata(), path.metadata());
    held.is_ok_and(|held| named.is_ok_and(|named| identity(held) == identity(named)))
}

/// Hands those of these drafts to `clear` that no run holds.
pub fn clear(drafts: impl Iterator<Item = PathBuf>, clear: impl Fn(&Path)) {
    for path in drafts {
        // Where a file system knows no locks, they may be somebody's.
        if let Ok(file) = File::open(&path)
            && matches!(hold(&file), Ok(true))
            && is_at(&file, &path)
        {
            clear(&path);
        }
    }
}
