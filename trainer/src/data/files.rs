//! Looking through folders.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use image::ImageFormat;

use crate::Result;
use crate::error::Context;

/// What lies among pictures and is not read, in words, and how many of it there are.
pub type Unread = BTreeMap<String, usize>;

/// Bytes at a file's start that tell what it is.
const MAGIC: u64 = 64;

/// Folders directly below `path`, by name; hidden ones are left out.
pub(super) fn folders(path: &Path) -> Result<BTreeMap<String, PathBuf>> {
    Ok(entries(path)?
        .into_iter()
        .filter(|path| path.is_dir())
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        // What the archives of one system leave on others.
        .filter(|(name, _)| name != "__MACOSX")
        .collect())
}

/// Picture files directly in `path`, sorted; hidden ones are left out, and files of other kinds
/// are counted in `unread`.
pub(super) fn pictures(path: &Path, unread: &mut Unread) -> Result<Vec<PathBuf>> {
    let mut files = entries(path)?;
    files.retain(|file| {
        if !file.is_file() {
            return false;
        }
        let read = is_picture(file);
        if !read {
            *unread.entry(kind(file)).or_default() += 1;
        }
        read
    });
    Ok(files)
}

/// Whether a file is a picture of a kind that is read, by its ending or, where that tells
/// nothing, by how it begins.
fn is_picture(file: &Path) -> bool {
    let is_read = |format: ImageFormat| format.reading_enabled();
    ImageFormat::from_path(file).is_ok_and(is_read)
        || start(file).is_ok_and(|bytes| image::guess_format(&bytes).is_ok_and(is_read))
}

/// The first bytes of a file.
pub(super) fn start(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAGIC).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's kind in words.
fn kind(file: &Path) -> String {
    match file.extension().and_then(|e| e.to_str()) {
        Some(ending) => format!("files ending in .{}", ending.to_ascii_lowercase()),
        None => "files without an ending".to_owned(),
    }
}

/// What was not read, in one line; nothing where there is nothing.
pub fn unread_line(unread: &Unread) -> Option<String> {
    let kinds: Vec<String> = unread
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
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
