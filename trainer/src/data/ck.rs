//! The extended Cohn-Kanade set: `cohn-kanade-images/S005/001/*.png` and, for labelled
//! sequences, `Emotion/S005/001/*_emotion.txt` with one number.

use std::path::Path;

use anyhow::{Context, Result};

use super::files::{entries, folders, pictures};
use super::picture::Entry;
use super::{Dataset, ReadOptions, classes};

/// Classes by the number in an emotion file; 0, neutral, labels no sequence.
const EMOTIONS: [&str; 8] = [
    "neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise",
];

/// Whether both folders are there.
pub(super) fn fits(path: &Path) -> bool {
    path.join("cohn-kanade-images").is_dir() && path.join("Emotion").is_dir()
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
    for (subject, folder) in folders(&path.join("cohn-kanade-images"))? {
        for (sequence, folder) in folders(&folder)? {
            let name = format!("{subject}/{sequence}");
            let label = path.join("Emotion").join(&name);
            match emotion(&label).with_context(|| format!("Emotion/{name}")) {
                Ok(None) => {}
                Ok(Some(class)) => {
                    let frames = pictures(&folder)?;
                    let first = frames.len().saturating_sub(options.last_frames);
                    let peak = frames[first..].iter().map(|file| (file, class));
                    let start = frames.first().filter(|_| options.neutral && first > 0);
                    let start = start.map(|file| (file, "neutral"));
                    found.extend(start.into_iter().chain(peak).map(|(file, class)| Entry {
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

/// The class of a sequence; `None` where it has no label.
fn emotion(folder: &Path) -> Result<Option<&'static str>> {
    if !folder.is_dir() {
        return Ok(None);
    }
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
        .with_context(|| format!("{:?} is not 1 to 7", text.trim()))
}
