//! Folders of classes, with or without parts: `train|validation|test/<class>/*`, or
//! `<class>/*`. FER-2013's folder form is one of them; where its file names begin with
//! `Training_`, `PublicTest_` or `PrivateTest_`, they tell the part. So is CK+48, whose
//! file names (`S010_004_00000017.png`) tell the subject.
//!
//! Further folders may lie above or below those of the classes where it is plain which is which:
//! one level has the names of expressions (`<subject>/happy/*`), or
//! [`SubjectRule::Level`](super::SubjectRule) names the level of the others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{Unread, folders, pictures, stem};
use super::picture::Entry;
use super::subjects::{SubjectRule, not_classes};
use super::{Dataset, ReadOptions, Split, classes};
use crate::{Error, Result};

/// Folders below each other that are looked into.
pub(super) const DEEPEST: usize = 6;

/// A picture and the folders above it, the outermost first.
struct Found {
    folders: Vec<String>,
    file: PathBuf,
    split: Option<Split>,
}

/// Reads every picture; `None` where there are no folders with pictures. `above` folders lie
/// between the one that the user named, from which levels are counted, and `path`.
pub(super) fn read(path: &Path, above: usize, options: &ReadOptions) -> Result<Option<Dataset>> {
    let mut dataset = Dataset {
        format: "folder",
        ..Dataset::default()
    };
    let mut found = Vec::new();
    look(path, &mut Vec::new(), &mut found, &mut dataset.unread)?;
    let entries = entries(path, above, found, options, &mut dataset)?;
    if entries.is_empty() && dataset.unread.is_empty() {
        return Ok(None);
    }
    if !entries.is_empty() && entries.iter().all(|e| e.subject.is_some()) {
        dataset.format = "ck+48";
    }
    dataset.read_pictures(path, &entries, options);
    Ok(Some(dataset))
}

/// The pictures of classes, part by part and class by class, whatever order the file system has.
fn entries(
    path: &Path,
    above: usize,
    mut found: Vec<Found>,
    options: &ReadOptions,
    dataset: &mut Dataset,
) -> Result<Vec<Entry>> {
    if let Some(SubjectRule::Level(level)) = &options.subject {
        let mut removed = BTreeSet::new();
        for found in &mut found {
            let at = level
                .checked_sub(1 + above)
                .filter(|at| *at < found.folders.len());
            let at = at.ok_or_else(|| {
                let name = found.file.strip_prefix(path).unwrap_or(&found.file);
                Error::Data(format!(
                    "{} lies in no folder of level {level}, to name its subject",
                    name.display()
                ))
            })?;
            removed.insert(found.folders.remove(at));
        }
        if !removed.is_empty() {
            not_classes(*level, removed.iter().map(String::as_str))?;
        }
    }
    for found in &mut found {
        let split = found.folders.first().and_then(|f| Split::from_name(f));
        if let (Some(split), true) = (split, found.folders.len() > 1) {
            found.folders.remove(0);
            found.split = Some(split);
        }
    }
    let level = class_level(&found);
    let mut classed = Vec::new();
    for found in found {
        let words = found.folders.get(level.unwrap_or(0));
        match words {
            // Which of several levels of words has the classes is not for us to guess.
            Some(_) if level.is_none() && found.folders.len() > 1 => {
                let kind = "pictures in folders below those of the classes";
                *dataset.unread.entry(kind.to_owned()).or_default() += 1;
            }
            Some(words) => {
                let class = classes::canonical(words).unwrap_or(words).to_owned();
                classed.push((class, found));
            }
            None => {
                let kind = "pictures in no folder of a class";
                *dataset.unread.entry(kind.to_owned()).or_default() += 1;
            }
        }
    }
    dataset.classes = classes::ordered(classed.iter().map(|(class, _)| class.clone()).collect());
    let mut entries: Vec<Entry> = classed
        .into_iter()
        .map(|(class, found)| Entry {
            split: usage(&found.file).or(found.split),
            subject: subject(&found.file),
            file: found.file,
            label: dataset.label(&class),
            aligned: None,
        })
        .collect();
    entries.sort_by(|a, b| (a.split, a.label, &a.file).cmp(&(b.split, b.label, &b.file)));
    Ok(entries)
}

/// The level at which all folders are named after expressions, from the outermost.
fn class_level(found: &[Found]) -> Option<usize> {
    let named = |level: &usize| {
        let mut names = found.iter().map(|found| found.folders.get(*level));
        names.all(|name| name.is_some_and(|name| classes::canonical(name).is_some()))
    };
    (0..DEEPEST).find(named).filter(|_| !found.is_empty())
}

/// Collects the pictures in `path` and below, and counts what is no picture below it.
fn look(
    path: &Path,
    above: &mut Vec<String>,
    found: &mut Vec<Found>,
    unread: &mut Unread,
) -> Result<()> {
    // What lies beside the folders, a list or a licence, is not one of their pictures.
    let own = &mut Unread::new();
    let files = pictures(path, if above.is_empty() { own } else { unread })?;
    found.extend(files.into_iter().map(|file| Found {
        folders: above.clone(),
        file,
        split: None,
    }));
    for (name, folder) in folders(path)? {
        if above.len() == DEEPEST {
            let kind = format!("folders more than {DEEPEST} deep");
            *unread.entry(kind).or_default() += 1;
            continue;
        }
        above.push(name);
        look(&folder, above, found, unread)?;
        above.pop();
    }
    Ok(())
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
