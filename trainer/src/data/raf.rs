//! RAF-DB (basic): `EmoLabel/list_patition_label.txt` (spelt so) with lines such as
//! `train_00001.jpg 5`, and `Image/aligned/train_00001_aligned.jpg`.

use std::path::Path;

use super::files::stem;
use super::picture::Entry;
use super::{Dataset, ReadOptions, Split, classes};
use crate::Result;
use crate::error::Context;

const LIST: &str = "EmoLabel/list_patition_label.txt";

/// Classes by the number in the list, from 1.
const EMOTIONS: [&str; 7] = [
    "surprise", "fear", "disgust", "happy", "sad", "angry", "neutral",
];

/// Whether the list is there.
pub(super) fn fits(path: &Path) -> bool {
    path.join(LIST).is_file()
}

/// Reads every picture of the list; lines that can't be used become faults.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let mut dataset = Dataset {
        format: "raf-db",
        classes: classes::FER2013.map(String::from).to_vec(),
        ..Dataset::default()
    };
    let list = std::fs::read_to_string(path.join(LIST)).context(LIST)?;
    let mut entries = Vec::new();
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        match parse(line) {
            Some((name, split, class)) => entries.push(Entry {
                file: path
                    .join("Image/aligned")
                    .join(format!("{name}_aligned.jpg")),
                label: dataset.label(class),
                split: Some(split),
                subject: None,
                aligned: Some(true),
            }),
            None => dataset.faults.push(format!("{LIST}: line {line:?}")),
        }
    }
    dataset.read_pictures(path, &entries, options);
    Ok(dataset)
}

fn parse(line: &str) -> Option<(&str, Split, &'static str)> {
    let (file, number) = line.trim().split_once(' ')?;
    let name = stem(Path::new(file));
    let split = Split::from_name(name.split_once('_')?.0)?;
    let number: usize = number.trim().parse().ok()?;
    Some((name, split, EMOTIONS.get(number.checked_sub(1)?)?))
}
