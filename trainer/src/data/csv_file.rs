//! FER-2013 as a CSV file: `fer2013.csv` (`emotion,pixels,Usage`), `icml_face_data.csv`
//! (other order, blanks in the names of columns) and Kaggle's `train.csv` without `Usage`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Dataset, Sample, Split, classes};
use crate::SIDE;

/// What a sample's name begins with.
const ROW: &str = "row ";
/// Number of the first row below the header, as editors count.
const FIRST: usize = 2;

/// Index of the row, below the header, that a sample of this name was read from.
pub(super) fn row(name: &str) -> Option<usize> {
    name.strip_prefix(ROW)?
        .parse::<usize>()
        .ok()?
        .checked_sub(FIRST)
}

/// Columns of the file, by their trimmed names.
struct Columns {
    emotion: usize,
    pixels: usize,
    usage: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self> {
        let find = |name: &str| {
            header
                .iter()
                .position(|h| h.trim().eq_ignore_ascii_case(name))
        };
        Ok(Self {
            emotion: find("emotion").context("no column \"emotion\", so there are no labels")?,
            pixels: find("pixels").context("no column \"pixels\"")?,
            usage: find("Usage"),
        })
    }
}

/// Reads every row; rows that can't be used become faults.
///
/// # Errors
/// When the file can't be opened or lacks a column.
pub(super) fn read(path: &Path) -> Result<Dataset> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .context("cannot be read")?;
    let columns = Columns::find(reader.headers().context("no header")?)?;
    let mut dataset = Dataset {
        format: "fer2013-csv",
        classes: classes::FER2013.map(String::from).to_vec(),
        ..Dataset::default()
    };
    for (i, record) in reader.records().enumerate() {
        let name = format!("{ROW}{}", i + FIRST);
        let sample = record
            .context("not a CSV row")
            .and_then(|record| sample(&record, &columns, &name));
        match sample {
            Ok(sample) => dataset.samples.push(sample),
            Err(e) => dataset.faults.push(format!("{name}: {e:#}")),
        }
    }
    Ok(dataset)
}

fn sample(record: &csv::StringRecord, columns: &Columns, name: &str) -> Result<Sample> {
    let emotion = record.get(columns.emotion).context("no emotion")?.trim();
    let label = emotion.parse().ok().filter(|l| *l < classes::FER2013.len());
    let pixels = record.get(columns.pixels).context("no pixels")?;
    let pixels: Vec<u8> = pixels
        .split_ascii_whitespace()
        .map(|p| {
            p.parse()
                .with_context(|| format!("pixel {p:?} is not 0 to 255"))
        })
        .collect::<Result<_>>()?;
    ensure!(
        pixels.len() == SIDE * SIDE,
        "{} pixels instead of {}",
        pixels.len(),
        SIDE * SIDE
    );
    let usage = columns.usage.and_then(|c| record.get(c));
    let split = match usage {
        Some(usage) => {
            Some(Split::from_name(usage).with_context(|| format!("usage {usage:?} is not known"))?)
        }
        None => None,
    };
    Ok(Sample {
        pixels,
        label: label.with_context(|| format!("emotion {emotion:?} is not 0 to 6"))?,
        votes: None,
        lessons: Vec::new(),
        subject: None,
        split,
        name: name.to_owned(),
    })
}
