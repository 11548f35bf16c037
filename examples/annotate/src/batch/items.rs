//! The files that are to be done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fer_cli::are_one;

use crate::args::Args;
use crate::checks::path;

/// Ends of the names of files that are looked at in folders.
const PICTURES: [&str; 11] = [
    "bmp", "gif", "jpe", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp",
];
const VIDEOS: [&str; 17] = [
    "3gp", "avi", "flv", "m2ts", "m4v", "mjpeg", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv",
    "ts", "vob", "webm", "wmv",
];

/// A file, and the name that its outputs have in their folders.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    pub path: PathBuf,
    pub name: PathBuf,
}

impl Item {
    /// Whether it is a picture.
    pub fn is_picture(&self) -> bool {
        has_end(&self.name, &PICTURES)
    }
}

/// The files in order, and how many others there are in the folders.
///
/// # Errors
/// When a folder can't be read, or an input has no end.
pub fn items(args: &Args) -> Result<(Vec<Item>, usize)> {
    let outputs = [&args.output, &args.records, &args.still];
    let outputs: Vec<&PathBuf> = outputs.into_iter().flatten().collect();
    let mut items = BTreeSet::new();
    let mut other = 0;
    for input in &args.inputs {
        let root = path(input);
        if root.is_dir() {
            walk(&root, &root, &outputs, &mut items, &mut other)?;
            continue;
        }
        if input.contains("://") && !root.exists() || input.starts_with("/dev/") {
            let input = crate::watch::name(input);
            bail!("{input}: streams and cameras are annotated one at a time, or shown by --serve");
        }
        let name = root.file_name().map(PathBuf::from).unwrap_or_default();
        items.insert(Item { path: root, name });
    }
    Ok((items.into_iter().collect(), other))
}

fn walk(
    root: &Path,
    folder: &Path,
    outputs: &[&PathBuf],
    items: &mut BTreeSet<Item>,
    other: &mut usize,
) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links to folders may lead in a circle.
        if entry.file_type()?.is_dir() {
            if !outputs.iter().any(|output| are_one(output, &path)) {
                walk(root, &path, outputs, items, other)?;
            }
        } else if path.is_file() {
            if has_end(&path, &PICTURES) || has_end(&path, &VIDEOS) {
                let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
                items.insert(Item { path, name });
            } else {
                *other += 1;
            }
        }
    }
    Ok(())
}

/// Whether a name has one of these ends, whatever its case.
pub fn has_end(path: &Path, ends: &[&str]) -> bool {
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    end.is_some_and(|end| ends.iter().any(|e| end == *e))
}
