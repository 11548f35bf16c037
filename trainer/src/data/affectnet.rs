//! AffectNet: `images/N.jpg` and `annotations/N_exp.npy`, with parts in `train_set` and
//! `val_set` or without. Pictures are cropped faces.

use std::path::Path;

use super::files::{pictures, stem};
use super::picture::Entry;
use super::{Dataset, ReadOptions, Split, classes};
use crate::{Error, Result};

/// Folders of parts.
const PARTS: [(&str, Option<Split>); 3] = [
    ("", None),
    ("train_set", Some(Split::Train)),
    ("val_set", Some(Split::Validation)),
];

/// Classes by the number in an annotation.
const EMOTIONS: [&str; 8] = [
    "neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt",
];

/// Whether pictures and annotations lie side by side.
pub(super) fn fits(path: &Path) -> bool {
    PARTS.iter().any(|(part, _)| is_part(&path.join(part)))
}

fn is_part(path: &Path) -> bool {
    path.join("images").is_dir() && path.join("annotations").is_dir()
}

/// Reads every picture; those without a usable annotation become faults.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let eight = classes::FER2013.iter().chain(&[classes::CONTEMPT]);
    let mut dataset = Dataset {
        format: "affectnet",
        classes: eight.map(|class| (*class).to_owned()).collect(),
        ..Dataset::default()
    };
    let mut entries = Vec::new();
    for (part, split) in PARTS {
        let folder = path.join(part);
        if !is_part(&folder) {
            continue;
        }
        for file in pictures(&folder.join("images"), &mut dataset.unread)? {
            let annotation = folder
                .join("annotations")
                .join(format!("{}_exp.npy", stem(&file)));
            match expression(&annotation) {
                Ok(class) => entries.push(Entry {
                    file,
                    label: dataset.label(class),
                    split,
                    subject: None,
                    aligned: Some(true),
                }),
                Err(e) => dataset.faults.push(format!("{}: {e:#}", stem(&annotation))),
            }
        }
    }
    dataset.read_pictures(path, &entries, options);
    Ok(dataset)
}

/// The number in a NumPy file of one element: text, or a little-endian integer or float.
fn expression(file: &Path) -> Result<&'static str> {
    let bytes = std::fs::read(file)?;
    ensure!(
        bytes.starts_with(b"\x93NUMPY") && bytes.len() > 12,
        Data,
        "not a NumPy file"
    );
    let (start, len) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        _ => (
            12,
            u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize,
        ),
    };
    let header = bytes
        .get(start..start + len)
        .ok_or_else(|| Error::Data("cut off".into()))?;
    let header = std::str::from_utf8(header).map_err(|_| Error::Data("no header".into()))?;
    let kind = header
        .split_once("'descr':")
        .and_then(|(_, rest)| rest.split('\'').nth(1))
        .ok_or_else(|| Error::Data("no element type".to_owned()))?;
    let data = &bytes[start + len..];
    let number: Option<usize> = match kind {
        "<i8" => data.try_into().ok().map(|b| i64::from_le_bytes(b) as usize),
        "<i4" => data.try_into().ok().map(|b| i32::from_le_bytes(b) as usize),
        "|u1" => data.first().map(|b| usize::from(*b)),
        "<f4" => (data.try_into().ok()).and_then(|b| whole(f32::from_le_bytes(b).into())),
        "<f8" => (data.try_into().ok()).and_then(|b| whole(f64::from_le_bytes(b))),
        // UTF-32, as the published files have it.
        _ if kind.starts_with("<U") => {
            let text: String = data
                .chunks_exact(4)
                .filter_map(|b| char::from_u32(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
                .filter(|c| *c != '\0')
                .collect();
            text.parse().ok()
        }
        _ => None,
    };
    number
        .and_then(|n| EMOTIONS.get(n).copied())
        .ok_or_else(|| {
            Error::Data(format!(
                "no expression from 0 to 7 in an element of type {kind}"
            ))
        })
}

/// A float as the number of a class; a cast alone would make neutral, 0, of -1 and NaN.
fn whole(value: f64) -> Option<usize> {
    (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)
}
