//! Data sets as they are distributed, read into faces of [`SIDE`](crate::SIDE) pixels.

mod affectnet;
mod ck;
pub mod classes;
mod csv_file;
pub mod duplicates;
mod ferplus;
mod files;
mod folder;
mod jaffe;
mod picture;
mod raf;
pub mod split;
mod subjects;
mod text;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Context;
use crate::{Error, Result};

pub use files::{Unread, unread_line};
pub use picture::{FaceReader, Picture, PictureFace, StillFinder, input_spec};
pub use subjects::SubjectRule;
pub use warnings::{lone_subjects, same_people, warnings};

/// Part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Validation,
    /// To report on.
    Test,
}

impl Split {
    /// The part that a folder of this name holds.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Self::Train,
            "validation" | "valid" | "val" | "publictest" => Self::Validation,
            "test" | "testing" | "privatetest" => Self::Test,
            _ => return None,
        })
    }
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::from_name(name)
            .ok_or_else(|| format!("split {name:?} is not one of train, validation, test"))
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// One labelled face.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// Grey values, [`SIDE`](crate::SIDE) x [`SIDE`](crate::SIDE).
    pub pixels: Vec<u8>,
    /// Index in [`Dataset::classes`].
    pub label: usize,
    /// Share of each class where people disagreed; sums to one.
    pub votes: Option<Vec<f32>>,
    /// Whose face it is, where the data set tells.
    pub subject: Option<String>,
    /// Part of the data set, where it has parts.
    pub split: Option<Split>,
    /// File below the data set's folder, or row of the file.
    pub name: String,
}

/// A picture in which the detector found no face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// File below the data set's folder.
    pub name: String,
    /// Index in [`Dataset::classes`].
    pub label: usize,
    /// Part of the data set, where it has parts.
    pub split: Option<Split>,
}

/// A data set in memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    /// Form in which it was found.
    pub format: &'static str,
    /// Class names in the order of labels.
    pub classes: Vec<String>,
    /// Faces.
    pub samples: Vec<Sample>,
    /// Pictures without a face that the detector sees.
    pub missed: Vec<Missed>,
    /// One line for each file or row that could not be used, with its name.
    pub faults: Vec<String>,
    /// Files by the width and height of their picture; empty for tables of pixels.
    pub sizes: BTreeMap<(u32, u32), usize>,
    /// Files among the pictures that are of a kind that is not read, and pictures whose place
    /// tells no class: what they are, and how many.
    pub unread: Unread,
    /// How subjects were named, where the data set's form does not tell them.
    pub subjects_by: Option<String>,
}

/// How to read a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Whether pictures are faces already; `None` leaves it to the data set's form and to
    /// the pictures' size.
    pub aligned: Option<bool>,
    /// CK+: frames that are taken from the end of each sequence.
    pub last_frames: usize,
    /// CK+: whether each sequence's first frame is taken as neutral.
    pub neutral: bool,
    /// FER-2013's CSV file: votes of FERPlus to take in place of its labels.
    pub ferplus: Option<PathBuf>,
    /// FERPlus: whether pictures to train on that have no majority are kept, for their votes.
    pub undecided: bool,
    /// FERPlus: votes that FER-2013's label is worth beside those of ten people, in pictures
    /// to train on and where at least one of the ten says so too.
    pub second_opinion: u8,
    /// Share of the detector's box that is added on every side.
    pub margin: f32,
    /// Classes to keep; `None` keeps all.
    pub classes: Option<Vec<String>>,
    /// What names the subject of each picture; `None` leaves it to the data set's form.
    pub subject: Option<SubjectRule>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            aligned: None,
            last_frames: 1,
            neutral: false,
            ferplus: None,
            undecided: false,
            second_opinion: 0,
            margin: 0.0,
            classes: None,
            subject: None,
        }
    }
}

/// Reads the data set at `path`, whose form is told from what lies there.
///
/// # Errors
/// When nothing is there, no known form fits, or no sample could be read.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let read = || -> Result<Dataset> {
        let root = descend(path)?;
        let inner = root.strip_prefix(path).unwrap_or(Path::new(""));
        let mut dataset = read(&root, inner, options)?;
        if let Some(votes) = &options.ferplus {
            ferplus::join(&mut dataset, votes, options)?;
        }
        for fault in &mut dataset.faults {
            *fault = fer_cli::one_line(fault);
        }
        if let Some(classes) = &options.classes {
            dataset.keep(classes)?;
        }
        if let Some(rule) = &options.subject {
            dataset.name_subjects(rule, inner)?;
        }
        let why = || {
            let first = dataset.faults.first().cloned();
            let why =
                first.or_else(|| unread_line(&dataset.unread).map(|u| format!("not read: {u}")));
            why.map_or(String::new(), |why| format!(" ({why})"))
        };
        ensure!(
            !dataset.samples.is_empty(),
            Data,
            "no face could be read, {} pictures without one{}",
            dataset.missed.len(),
            why()
        );
        Ok(dataset)
    };
    read().with_context(|| format!("data {}", path.display()))
}

/// The folder that an archive was packed from: where a folder holds one folder and no file, that
/// one, and so on. A folder of pictures is one of a class and stays below.
fn descend(path: &Path) -> Result<PathBuf> {
    ensure!(path.exists(), Data, "no such file or folder");
    let mut path = path.to_owned();
    // As deep as pictures are looked for; a link may lead round for ever.
    for _ in 0..folder::DEEPEST {
        if !path.is_dir() {
            break;
        }
        let mut inside = files::folders(&path)?.into_iter();
        let (Some((name, only)), None) = (inside.next(), inside.next()) else {
            break;
        };
        // A part's name says something.
        if Split::from_name(&name).is_some() {
            break;
        }
        let alone = files::entries(&path)?.iter().all(|entry| entry.is_dir());
        let holds_folders = !files::folders(&only)?.is_empty();
        if !alone || !(holds_folders || csv_file::find(&only).is_some() || jaffe::fits(&only)?) {
            break;
        }
        path = only;
    }
    Ok(path)
}

/// Reads what lies at `path`, which is `inner` below the folder that the user named.
fn read(path: &Path, inner: &Path, options: &ReadOptions) -> Result<Dataset> {
    let depth = inner.components().count();
    if let Some(SubjectRule::Level(level)) = options.subject {
        ensure!(
            level > depth,
            Data,
            "there is but one folder of level {level}, which tells no subjects apart"
        );
    }
    if path.is_file() {
        return csv_file::read(path);
    }
    if let Some(file) = csv_file::find(path) {
        return csv_file::read(&file);
    }
    if ck::fits(path) {
        ck::read(path, options)
    } else if raf::fits(path) {
        raf::read(path, options)
    } else if affectnet::fits(path) {
        affectnet::read(path, options)
    } else if jaffe::fits(path)? {
        jaffe::read(path, options)
    } else if let Some(dataset) = folder::read(path, depth, options)? {
        Ok(dataset)
    } else {
        bail!(
            Data,
            "no data set in a form that is known, nor a folder of classes"
        )
    }
}

impl Dataset {
    /// Index of `class`.
    ///
    /// # Panics
    /// When the data set lacks it.
    fn label(&self, class: &str) -> usize {
        let label = self.classes.iter().position(|c| c == class);
        label.expect("readers list every class that they know")
    }

    /// Drops all samples of classes other than `names`, and orders labels after `names`.
    ///
    /// # Errors
    /// When the data set lacks one of them.
    pub fn keep(&mut self, names: &[String]) -> Result<()> {
        let mut new = vec![None; self.classes.len()];
        for (label, name) in names.iter().enumerate() {
            let old = self.classes.iter().position(|c| c == name).ok_or_else(|| {
                Error::Data(format!(
                    "no class {name:?}, only {}",
                    self.classes.join(", ")
                ))
            })?;
            new[old] = Some(label);
        }
        self.samples.retain_mut(|s| relabel(&mut s.label, &new));
        self.missed.retain_mut(|m| relabel(&mut m.label, &new));
        for votes in self.samples.iter_mut().filter_map(|s| s.votes.as_mut()) {
            let mut kept = vec![0.0; names.len()];
            for (share, label) in votes.iter().zip(&new) {
                if let Some(label) = label {
                    kept[*label] = *share;
                }
            }
            let sum = kept.iter().sum::<f32>().max(f32::MIN_POSITIVE);
            *votes = kept.iter().map(|share| share / sum).collect();
        }
        self.classes = names.to_vec();
        Ok(())
    }

    /// Samples of one part.
    pub fn part(&self, split: Split) -> Vec<&Sample> {
        self.samples
            .iter()
            .filter(|s| s.split == Some(split))
            .collect()
    }

    /// Files that could not be used, and those of kinds that are not read.
    pub fn not_used(&self) -> usize {
        self.faults.len() + self.unread.values().sum::<usize>()
    }

    /// The people in the data set; `None` where that of any sample is not known.
    pub fn subjects(&self) -> Option<BTreeSet<&str>> {
        self.samples.iter().map(|s| s.subject.as_deref()).collect()
    }

    /// Whether these are FER-2013's pictures, of all classes or some: its table, or folders as they
    /// are distributed, whose pictures are all of its size and named after its parts.
    pub fn is_fer2013(&self) -> bool {
        let side = crate::SIDE as u32;
        let is_named = |sample: &Sample| {
            let file = sample.name.rsplit('/').next().unwrap_or_default();
            let parts = ["Training_", "PublicTest_", "PrivateTest_"];
            parts.iter().any(|part| file.starts_with(part))
        };
        match self.format {
            "fer2013-csv" | "ferplus" => true,
            "folder" => {
                self.sizes.keys().all(|size| *size == (side, side))
                    && self.samples.iter().all(is_named)
            }
            _ => false,
        }
    }

    /// Whether any sample says which part it belongs to.
    pub fn has_parts(&self) -> bool {
        self.samples.iter().any(|s| s.split.is_some())
    }

    /// Samples of each class.
    pub fn counts<'a>(&self, samples: impl IntoIterator<Item = &'a Sample>) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in samples {
            counts[sample.label] += 1;
        }
        counts
    }
}

/// Whether `label` is kept; it then becomes the new one.
fn relabel(label: &mut usize, new: &[Option<usize>]) -> bool {
    new[*label].inspect(|new| *label = *new).is_some()
}

/// A number that tells whether pictures are the same, in the same order: FNV-1a over the pixels.
pub fn digest<'a>(samples: impl Iterator<Item = &'a Sample>) -> u64 {
    samples.fold(0xCBF2_9CE4_8422_2325, |digest, sample| {
        sample.pixels.iter().fold(digest, |digest, pixel| {
            (digest ^ u64::from(*pixel)).wrapping_mul(0x0100_0000_01B3)
        })
    })
}
