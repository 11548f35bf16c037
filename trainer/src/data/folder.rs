//! Folders of classes, with or without parts: `train|validation|test/<class>/*`, or
//! `<class>/*`. FER-2013's folder form is one of them; where its file names begin with
//! `Training_`, `PublicTest_` or `PrivateTest_`, they tell the part. So is CK+48, whose
//! file names (`S010_004_00000017.png`) tell the subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::files::{folders, pictures, stem};
use super::picture::Entry;
use super::{Dataset, ReadOptions, Split, classes};

/// Whether `path` holds folders with pictures, directly or below folders of parts.
pub(super) fn fits(path: &Path) -> Result<bool> {
    Ok(!class_folders(path)?.is_empty())
}

/// Reads every picture.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let folders = class_folders(path)?;
    let names = folders.iter().map(|f| f.class.clone()).collect();
    let mut dataset = Dataset {
        format: "folder",
        classes: classes::ordered(names),
        ..Dataset::default()
    };
    let mut entries = Vec::new();
    for folder in folders {
        let label = dataset.classes.iter().position(|c| *c == folder.class);
        let label = label.expect("every folder's class is in the list");
        entries.extend(folder.files.into_iter().map(|file| Entry {
            split: usage(&file).or(folder.split),
            subject: subject(&file),
            file,
            label,
            aligned: None,
        }));
    }
    // Part by part and class by class, whatever order the file system has.
    entries.sort_by(|a, b| (a.split, a.label, &a.file).cmp(&(b.split, b.label, &b.file)));
    if entries.iter().all(|e| e.subject.is_some()) {
        dataset.format = "ck+48";
    }
    dataset.read_pictures(path, &entries, options);
    Ok(dataset)
}

struct ClassFolder {
    files: Vec<PathBuf>,
    class: String,
    split: Option<Split>,
}

fn class_folders(path: &Path) -> Result<Vec<ClassFolder>> {
    let mut found = Vec::new();
    for (name, folder) in folders(path)? {
        let split = Split::from_name(&name);
        let inside = match split {
            Some(_) => folders(&folder)?,
            None => BTreeMap::new(),
        };
        if inside.is_empty() {
            found.push((name, folder, None));
        } else {
            found.extend(
                inside
                    .into_iter()
                    .map(|(name, folder)| (name, folder, split)),
            );
        }
    }
    let mut with_pictures = Vec::new();
    for (name, path, split) in found {
        let files = pictures(&path)?;
        if !files.is_empty() {
            let class = classes::canonical(&name).map_or(name, String::from);
            with_pictures.push(ClassFolder {
                files,
                class,
                split,
            });
        }
    }
    Ok(with_pictures)
}

/// The part in a file name such as `PublicTest_123.jpg`.
fn usage(file: &Path) -> Option<Split> {
    let (usage, _) = stem(file).split_once('_')?;
    ["Training", "PublicTest", "PrivateTest"]
        .contains(&usage)
        .then(|| Split::from_name(usage))?
}

/// The subject in a file name such as `S010_004_00000017.png`.
fn subject(file: &Path) -> Option<String> {
    let parts: Vec<&str> = stem(file).split('_').collect();
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [subject, sequence, frame]
            if digits(subject.strip_prefix('S')?, 3) && digits(sequence, 3) && digits(frame, 8) =>
        {
            Some(subject.to_owned())
        }
        _ => None,
    }
}
