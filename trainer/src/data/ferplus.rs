//! FERPlus (Barsoum et al. 2016): ten people's votes for every row of `fer2013.csv`, in
//! `fer2013new.csv`.
//!
//! A row's label is its majority after the paper's code: single votes are dropped, and what
//! is left needs more than half for one expression. Rows of which most people say
//! `unknown` or `NF` (no face), and rows without a picture's name, are left out.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Dataset, classes};

/// Columns of votes, after `Usage` and `Image name`.
const COLUMNS: [&str; 10] = [
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
];

/// Gives the samples of `fer2013.csv` the labels and votes of the file at `path`, and drops
/// those that it leaves out.
///
/// # Errors
/// When the file can't be read, lacks a column, or has fewer rows.
pub(super) fn join(dataset: &mut Dataset, path: &Path) -> Result<()> {
    apply(dataset, path).with_context(|| format!("votes {}", path.display()))
}

fn apply(dataset: &mut Dataset, path: &Path) -> Result<()> {
    ensure!(
        dataset.format == "fer2013-csv",
        "the data is not fer2013.csv, whose rows they belong to"
    );
    let mut reader = csv::Reader::from_path(path)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| h.trim().eq_ignore_ascii_case(name))
            .with_context(|| format!("no column {name:?}"))
    };
    let name = column("Image name")?;
    let columns: Vec<usize> = COLUMNS.iter().map(|c| column(c)).collect::<Result<_>>()?;
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>()?;

    dataset.classes = classes::FER2013
        .iter()
        .chain(&[classes::CONTEMPT])
        .map(|class| (*class).to_owned())
        .collect();
    let place: Vec<usize> = COLUMNS[..8]
        .iter()
        .map(|c| dataset.label(classes::canonical(c).expect("a known spelling")))
        .collect();
    let mut kept = Vec::new();
    for mut sample in std::mem::take(&mut dataset.samples) {
        let row = super::csv_file::row(&sample.name).context("a sample without its row")?;
        let record = rows
            .get(row)
            .with_context(|| format!("{} rows are fewer than the data's", rows.len()))?;
        if record.get(name).is_none_or(|n| n.trim().is_empty()) {
            continue;
        }
        let votes: Option<Vec<u32>> = columns
            .iter()
            .map(|c| record.get(*c)?.trim().parse().ok())
            .collect();
        let Some(votes) = votes else {
            dataset
                .faults
                .push(format!("{}: votes are not numbers", sample.name));
            continue;
        };
        if let Some((winner, shares)) = majority(&votes) {
            sample.label = place[winner];
            let mut ordered = vec![0.0; place.len()];
            for (share, at) in shares.iter().zip(&place) {
                ordered[*at] = *share;
            }
            sample.votes = Some(ordered);
            kept.push(sample);
        }
    }
    dataset.format = "ferplus";
    dataset.samples = kept;
    Ok(())
}

/// The winning column of eight, and the share of each.
fn majority(votes: &[u32]) -> Option<(usize, Vec<f32>)> {
    let votes: Vec<u32> = votes.iter().map(|v| if *v > 1 { *v } else { 0 }).collect();
    let sum: u32 = votes.iter().sum();
    let winner = votes.iter().position(|v| 2 * v > sum)?;
    let known: u32 = votes[..8].iter().sum();
    (winner < 8).then(|| {
        let shares = votes[..8].iter().map(|v| *v as f32 / known as f32);
        (winner, shares.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities() {
        // A single vote does not count against the rest.
        let (winner, shares) = majority(&[4, 0, 0, 3, 1, 1, 1, 0, 0, 0]).unwrap();
        assert_eq!(winner, 0);
        assert!((shares[0] - 4.0 / 7.0).abs() < 1e-6 && shares[4] == 0.0);
        assert_eq!(majority(&[4, 0, 0, 4, 2, 0, 0, 0, 0, 0]), None);
        assert_eq!(majority(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 8]), None);
    }
}
