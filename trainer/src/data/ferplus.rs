//! FERPlus (Barsoum et al. 2016): ten people's votes for every row of `fer2013.csv`, in
//! `fer2013new.csv`.
//!
//! A row's label is its majority after the paper's code: single votes are dropped, and what
//! is left needs more than half for one expression. Rows of which most people say
//! `unknown` or `NF` (no face), and rows without a picture's name, are left out.

use std::path::Path;

use super::text::{column, with_table};
use super::{Dataset, ReadOptions, Split, classes};
use crate::error::Context;
use crate::{Error, Result};

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
pub(super) fn join(dataset: &mut Dataset, path: &Path, options: &ReadOptions) -> Result<()> {
    apply(dataset, path, options).with_context(|| format!("votes {}", path.display()))
}

fn apply(dataset: &mut Dataset, path: &Path, options: &ReadOptions) -> Result<()> {
    ensure!(
        dataset.format == "fer2013-csv",
        Data,
        "the data is not fer2013.csv, whose rows they belong to"
    );
    let (header, rows) = with_table(path, |mut reader| {
        let header = reader.headers()?.clone();
        let rows: Result<Vec<csv::StringRecord>, _> = reader.records().collect();
        Ok((header, rows?))
    })?;
    let column = |name: &str| {
        column(&header, name).ok_or_else(|| Error::Data(format!("no column {name:?}")))
    };
    let name = column("Image name")?;
    let usage = column("Usage")?;
    let columns: Vec<usize> = COLUMNS.iter().map(|c| column(c)).collect::<Result<_>>()?;

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
        let row = super::csv_file::row(&sample.name)
            .ok_or_else(|| Error::Data("a sample without its row".into()))?;
        let record = rows
            .get(row)
            .ok_or_else(|| Error::Data(format!("{} rows are fewer than the data's", rows.len())))?;
        let part = record.get(usage).and_then(Split::from_name);
        ensure!(
            sample.split.is_none() || part == sample.split,
            Data,
            "{} is of another part there: the rows do not belong together",
            sample.name
        );
        if record.get(name).is_none_or(|n| n.trim().is_empty()) {
            continue;
        }
        let votes: Option<Vec<u32>> = columns
            .iter()
            .map(|c| record.get(*c)?.trim().parse::<u8>().ok().map(u32::from))
            .collect();
        let Some(votes) = votes else {
            dataset
                .faults
                .push(format!("{}: votes are not numbers", sample.name));
            continue;
        };
        let trained_on = sample.split == Some(Split::Train);
        let second = place.iter().position(|p| *p == sample.label);
        let opinion = second.filter(|_| trained_on).map(|column| Opinion {
            column,
            votes: u32::from(options.second_opinion),
        });
        if let Some((winner, shares)) = judge(&votes, opinion, options.undecided && trained_on) {
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

/// What FER-2013's label says.
#[derive(Debug, Clone, Copy)]
struct Opinion {
    /// Of the first eight.
    column: usize,
    /// What it is worth.
    votes: u32,
}

/// The winning column of eight, and the share of each. The winner is the majority of the ten
/// people alone; without one, where that is allowed, whatever has most votes, and of those
/// that have as many, what the opinion says.
fn judge(votes: &[u32], opinion: Option<Opinion>, undecided: bool) -> Option<(usize, Vec<f32>)> {
    let heard = |v: &u32| if *v > 1 { *v } else { 0 };
    let mut counted: Vec<u32> = votes.iter().map(heard).collect();
    let sum: u32 = counted.iter().sum();
    let majority = counted.iter().position(|v| 2 * v > sum);
    if let Some(Opinion {
        column,
        votes: worth,
    }) = opinion
        && worth > 0
        && votes[column] > 0
    {
        counted[column] = votes[column] + worth;
    }
    let known = &counted[..8];
    let most = *known.iter().max()?;
    let winner = match majority {
        Some(winner) => (winner < 8).then_some(winner)?,
        None if !undecided || most == 0 || counted[8..].iter().any(|v| *v >= most) => return None,
        None => {
            let said = opinion.map(|o| o.column).filter(|c| known[*c] == most);
            said.or_else(|| known.iter().position(|v| *v == most))?
        }
    };
    let total: u32 = known.iter().sum();
    let shares = known.iter().map(|v| *v as f32 / total as f32);
    Some((winner, shares.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn majority(votes: &[u32]) -> Option<(usize, Vec<f32>)> {
        judge(votes, None, false)
    }

    #[test]
    fn majorities() {
        // A single vote does not count against the rest.
        let (winner, shares) = majority(&[4, 0, 0, 3, 1, 1, 1, 0, 0, 0]).unwrap();
        assert_eq!(winner, 0);
        assert!((shares[0] - 4.0 / 7.0).abs() < 1e-6 && shares[4] == 0.0);
        assert_eq!(majority(&[4, 0, 0, 4, 2, 0, 0, 0, 0, 0]), None);
        assert_eq!(majority(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 8]), None);
    }

    #[test]
    fn the_undecided_have_shares_and_the_second_opinion_breaks_ties() {
        let votes = [4, 0, 0, 4, 2, 0, 0, 0, 0, 0];
        let said = |column, votes| Some(Opinion { column, votes });
        let (winner, shares) = judge(&votes, None, true).unwrap();
        assert!(winner == 0 && (shares[3] - 0.4).abs() < 1e-6);
        assert_eq!(judge(&votes, said(3, 0), true).unwrap().0, 3);
        // Most people see no face, or do not know.
        assert_eq!(judge(&[3, 0, 0, 2, 0, 0, 0, 0, 5, 0], None, true), None);
        assert_eq!(judge(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None, true), None);
    }

    #[test]
    fn a_second_opinion_counts_where_one_person_shares_it() {
        let votes = [6, 0, 0, 3, 0, 0, 1, 0, 0, 0];
        let said = |column| Some(Opinion { column, votes: 2 });
        // Fear: its one vote and two more, beside six and three.
        let (winner, shares) = judge(&votes, said(6), false).unwrap();
        assert!(winner == 0 && (shares[6] - 3.0 / 12.0).abs() < 1e-6);
        // Nobody says disgust.
        assert_eq!(judge(&votes, said(5), false), judge(&votes, None, false));
    }
}
