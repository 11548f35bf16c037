//! The options that say which data, shared by all commands.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use fer_cli::one_line;
use fer_trainer::data::{self, Dataset, ReadOptions, SubjectRule, classes, unread_line};

use super::Names;

/// Pictures that are named where they can't be used.
const LISTED: usize = 20;

/// How to read a data set.
#[derive(Debug, clap::Args)]
pub struct Reading {
    /// Pictures are faces already; else faces are found, unless the pictures are small
    #[arg(long)]
    aligned: bool,
    /// Classes to keep, separated by commas, in the order of labels; a name with a comma in
    /// quotation marks
    #[arg(long)]
    classes: Option<Names>,
    /// CK+: frames taken from the end of each sequence
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    ck_frames: u8,
    /// CK+: takes each sequence's first frame as neutral
    #[arg(long)]
    ck_neutral: bool,
    /// fer2013.csv: takes labels and votes from this fer2013new.csv of FERPlus
    #[arg(long)]
    ferplus: Option<PathBuf>,
    /// FERPlus: also trains on pictures without a majority, by their votes
    #[arg(long, requires = "ferplus")]
    undecided: bool,
    /// FERPlus: votes that FER-2013's label is worth beside those of ten people, in pictures
    /// to train on and where one of the ten says so too
    #[arg(long, requires = "ferplus", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10))]
    second_opinion: u8,
    /// What names the subject of each picture: a pattern on its path, such as '(\d+)\.jpg$'; the
    /// level of a folder above it, from 1; or a CSV file with the columns picture and subject
    #[arg(long, value_name = "PATTERN|LEVEL|CSV")]
    subject: Option<SubjectRule>,
}

/// A data set that a command needs.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Data set: a FER-2013 CSV file, or a folder of FER-2013, JAFFE, CK+, CK+48, RAF-DB or
    /// AffectNet as distributed, or any folder of classes
    #[arg(long)]
    pub data: PathBuf,
    #[command(flatten)]
    pub reading: Reading,
}

impl Source {
    /// The files that are read, as far as they are named.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let mut inputs = vec![self.data.clone()];
        inputs.extend(self.reading.ferplus.clone());
        if let Some(SubjectRule::Table(table)) = &self.reading.subject {
            inputs.push(table.clone());
        }
        inputs
    }

    /// Reads the data set and names on stderr what could not be used.
    pub fn open(&self) -> Result<Dataset> {
        self.reading.open(&self.data)
    }

    /// As [`Source::open`], for a command that judges by the pictures: what is only there to
    /// be trained on is refused. Faces that must be found are cut with `margin` of their box
    /// added on every side.
    pub fn open_to_judge(&self, margin: f32) -> Result<Dataset> {
        if self.reading.undecided || self.reading.second_opinion > 0 {
            bail!("--undecided and --second-opinion are for training, not to judge by");
        }
        self.reading.read(&self.data, margin)
    }
}

impl Reading {
    /// Whether nothing is said that differs from the defaults.
    pub fn is_plain(&self) -> bool {
        !self.aligned
            && self.classes.is_none()
            && self.ck_frames == 1
            && !self.ck_neutral
            && self.ferplus.is_none()
            && self.subject.is_none()
    }

    /// As [`Source::open`].
    pub fn open(&self, path: &Path) -> Result<Dataset> {
        self.read(path, 0.0)
    }

    fn read(&self, path: &Path, margin: f32) -> Result<Dataset> {
        let name = |word: &String| classes::canonical(word).map_or(word.clone(), String::from);
        let keep: Option<Vec<String>> = self
            .classes
            .as_ref()
            .map(|c| c.0.iter().map(name).collect());
        if let Some(keep) = &keep
            && keep.len() < 2
        {
            bail!("--classes needs at least two");
        }
        if let Some((_, twice)) = keep.iter().flatten().enumerate().find(|(i, class)| {
            let before = keep.iter().flatten().take(*i);
            before.into_iter().any(|other| other == *class)
        }) {
            bail!("--classes names {twice} twice");
        }
        let data = data::open(
            path,
            &ReadOptions {
                aligned: self.aligned.then_some(true),
                last_frames: usize::from(self.ck_frames),
                neutral: self.ck_neutral,
                ferplus: self.ferplus.clone(),
                undecided: self.undecided,
                margin,
                second_opinion: self.second_opinion,
                classes: keep,
                subject: self.subject.clone(),
            },
        )?;
        list("not used", &data.faults);
        if let Some(unread) = unread_line(&data.unread) {
            eprintln!("not read: {unread}");
        }
        let missed: Vec<String> = data.missed.iter().map(|m| one_line(&m.name)).collect();
        list("no face found", &missed);
        Ok(data)
    }
}

/// Names the first of `all` on stderr, and counts the others.
fn list(what: &str, all: &[String]) {
    for one in all.iter().take(LISTED) {
        eprintln!("{what}: {one}");
    }
    if all.len() > LISTED {
        eprintln!("{what}: {} more", all.len() - LISTED);
    }
}
