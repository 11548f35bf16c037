//! FER-2013 as a table: `fer2013.csv` (`emotion,pixels,Usage`), `icml_face_data.csv` (other
//! order, blanks in the names of columns), Kaggle's `train.csv` without `Usage`, and
//! `ckextended.csv`, which has CK+ in the same form with an eighth class, contempt. An emotion
//! is a number or a name.

use std::path::{Path, PathBuf};

use super::text::{COMPRESSED, column, with_table};
use super::{Dataset, Sample, Split, classes};
use crate::error::Context;
use crate::{Error, Result, SIDE};

/// What a sample's name begins with.
const ROW: &str = "row ";
/// Number of the first row below the header, as editors count.
const FIRST: usize = 2;

/// Names of the file in a folder.
const NAMES: [&str; 3] = ["icml_face_data.csv", "fer2013.csv", "ckextended.csv"];

/// Index of the row, below the header, that a sample of this name was read from.
pub(super) fn row(name: &str) -> Option<usize> {
    name.strip_prefix(ROW)?
        .parse::<usize>()
        .ok()?
        .checked_sub(FIRST)
}

/// The file in a folder, where there is one.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let names = NAMES
        .iter()
        .flat_map(|name| COMPRESSED.map(|ending| folder.join(format!("{name}{ending}"))));
    names.into_iter().find(|file| file.is_file())
}

/// Columns of the file.
struct Columns {
    emotion: usize,
    pixels: usize,
    usage: Option<usize>,
    /// How many numbers stand for a class.
    numbers: usize,
}

impl Columns {
    fn find(header: &csv::StringRecord, numbers: usize) -> Result<Self> {
        let expected = || {
            let all: Vec<&str> = header.iter().map(str::trim).collect();
            let all: String = all.join(", ").chars().take(80).collect();
            format!(
                "in the header \"{all}\"; emotion, pixels and perhaps Usage were expected, with \
                 commas, semicolons or tabs between"
            )
        };
        Ok(Self {
            emotion: column(header, "emotion").ok_or_else(|| {
                Error::Data(format!(
                    "no column \"emotion\", so there are no labels, {}",
                    expected()
                ))
            })?,
            pixels: column(header, "pixels")
                .ok_or_else(|| Error::Data(format!("no column \"pixels\" {}", expected())))?,
            usage: column(header, "Usage"),
            numbers,
        })
    }
}

/// Reads every row; rows that can't be used become faults.
///
/// # Errors
/// When the file can't be read to its end or lacks a column.
pub(super) fn read(path: &Path) -> Result<Dataset> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extended = name.to_ascii_lowercase().starts_with("ckextended");
    let seven = classes::FER2013.len();
    let mut dataset = Dataset {
        format: if extended {
            "ckextended"
        } else {
            "fer2013-csv"
        },
        ..Dataset::default()
    };
    with_table(path, |mut reader| {
        let header = reader.headers().context("no header")?;
        let columns = Columns::find(header, seven + usize::from(extended))?;
        for (i, record) in reader.records().enumerate() {
            let name = format!("{ROW}{}", i + FIRST);
            let record = match record {
                // Half a data set is not the one that was meant.
                Err(e) if e.is_io_error() => {
                    return Err(e).with_context(|| format!("{name}: the file is damaged"));
                }
                record => record.context("not a CSV row"),
            };
            match record.and_then(|record| sample(&record, &columns, &name)) {
                Ok(sample) => dataset.samples.push(sample),
                Err(e) => dataset.faults.push(format!("{name}: {e:#}")),
            }
        }
        Ok(())
    })?;
    let named = dataset.samples.iter().any(|s| s.label == seven);
    let eighth = (extended || named).then_some(&classes::CONTEMPT);
    let classes = classes::FER2013.iter().chain(eighth);
    dataset.classes = classes.map(|class| (*class).to_owned()).collect();
    Ok(dataset)
}

/// Label of an emotion: its number, or the place of its name.
fn label(emotion: &str, numbers: usize) -> Result<usize> {
    let number = || emotion.parse().ok().filter(|l| *l < numbers);
    let named = || {
        let class = classes::canonical(emotion)?;
        let mut all = classes::FER2013.iter().chain(&[classes::CONTEMPT]);
        all.position(|c| *c == class)
    };
    number().or_else(named).ok_or_else(|| {
        Error::Data(format!(
            "emotion {emotion:?} is not 0 to {} nor the name of an expression",
            numbers - 1
        ))
    })
}

fn sample(record: &csv::StringRecord, columns: &Columns, name: &str) -> Result<Sample> {
    let emotion = record
        .get(columns.emotion)
        .ok_or_else(|| Error::Data("no emotion".into()))?
        .trim();
    let label = label(emotion, columns.numbers);
    let pixels = record
        .get(columns.pixels)
        .ok_or_else(|| Error::Data("no pixels".into()))?;
    let pixels: Vec<u8> = pixels
        .split_ascii_whitespace()
        .map(|p| {
            p.parse()
                .map_err(|_| Error::Data(format!("pixel {p:?} is not 0 to 255")))
        })
        .collect::<Result<_>>()?;
    ensure!(
        pixels.len() == SIDE * SIDE,
        Data,
        "{} pixels instead of {}",
        pixels.len(),
        SIDE * SIDE
    );
    let usage = columns.usage.and_then(|c| record.get(c));
    let split = match usage {
        Some(usage) => Some(
            Split::from_name(usage)
                .ok_or_else(|| Error::Data(format!("usage {usage:?} is not known")))?,
        ),
        None => None,
    };
    Ok(Sample {
        pixels,
        label: label?,
        split,
        name: name.to_owned(),
        ..Sample::default()
    })
}
