//! The extended Cohn-Kanade set: `cohn-kanade-images/S005/001/*.png` and, for labelled
//! sequences, `Emotion/S005/001/*_emotion.txt` with one number.

use std::path::{Path, PathBuf};

use super::files::{Unread, entries, folders, pictures};
use super::picture::Entry;
use super::{Dataset, ReadOptions, classes};
use crate::error::Context;
use crate::{Error, Result};

/// Classes by the number in an emotion file; 0, neutral, labels no sequence.
const EMOTIONS: [&str; 8] = [
    "neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise",
];

const IMAGES: &str = "cohn-kanade-images";
const LABELS: &str = "Emotion";

/// Whether both folders are there.
pub(super) fn fits(path: &Path) -> bool {
    path.join(IMAGES).is_dir() && path.join(LABELS).is_dir()
}

/// Reads the last frames of each labelled sequence, and its first as neutral where wanted.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let mut dataset = Dataset {
        format: "ck+",
        classes: classes::FER2013
            .iter()
            .chain(&[classes::CONTEMPT])
            .filter(|class| options.neutral || **class != "neutral")
            .map(|class| (*class).to_owned())
            .collect(),
        ..Dataset::default()
    };
    let mut found = Vec::new();
    for (subject, folder) in folders(&path.join(LABELS))? {
        for (sequence, labels) in folders(&folder)? {
            let name = format!("{subject}/{sequence}");
            let images = path.join(IMAGES).join(&name);
            let read = peak(&labels, &images, &mut dataset.unread);
            match read.with_context(|| format!("{LABELS}/{name}")) {
                Ok(None) => {}
                Ok(Some((class, frames))) => {
                    let first = frames.len().saturating_sub(options.last_frames);
                    let last = frames[first..].iter().map(|file| (file, class));
                    let start = frames.first().filter(|_| options.neutral && first > 0);
                    let start = start.map(|file| (file, "neutral"));
                    found.extend(start.into_iter().chain(last).map(|(file, class)| Entry {
                        file: file.clone(),
                        label: dataset.label(class),
                        split: None,
                        subject: Some(subject.clone()),
                        aligned: None,
                    }));
                }
                Err(e) => dataset.faults.push(format!("{e:#}")),
            }
        }
    }
    dataset.read_pictures(path, &found, options);
    Ok(dataset)
}

/// Class and frames of a sequence; `None` where it has no label.
fn peak(
    labels: &Path,
    images: &Path,
    unread: &mut Unread,
) -> Result<Option<(&'static str, Vec<PathBuf>)>> {
    let Some(class) = emotion(labels)? else {
        return Ok(None);
    };
    let frames = if images.is_dir() {
        pictures(images, unread)?
    } else {
        Vec::new()
    };
    ensure!(!frames.is_empty(), Data, "a label without frames");
    Ok(Some((class, frames)))
}

/// The class in a folder of labels; `None` where it is empty.
fn emotion(folder: &Path) -> Result<Option<&'static str>> {
    let file = entries(folder)?
        .into_iter()
        .find(|file| file.extension().is_some_and(|e| e == "txt"));
    let Some(file) = file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file)?;
    let number: Option<f64> = text.trim().parse().ok();
    number
        .filter(|n| n.fract() == 0.0 && (1.0..8.0).contains(n))
        .map(|n| Some(EMOTIONS[n as usize]))
        .ok_or_else(|| Error::Data(format!("{:?} is not 1 to 7", text.trim())))
}
