//! From picture files to faces, by the library's own detector and preparation.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fer::finder::FinderConfig;
use fer::model::{Color, InputSpec, Layout};
use fer::prepare::Preparer;
use fer::{FaceFinder, Frame, Rect};
use image::DynamicImage;
use rayon::prelude::*;

use super::{Dataset, Missed, ReadOptions, Sample, Split};
use crate::SIDE;

/// Pictures with no side longer than this are faces already, unless told otherwise: no
/// face could be found in them.
const LARGEST_ALIGNED: u32 = 64;

/// How every network of this program wants its input: grey, 48 x 48, -1 to 1.
pub fn input_spec() -> InputSpec {
    InputSpec {
        width: SIDE,
        height: SIDE,
        color: Color::Gray,
        layout: Layout::Nchw,
        mean: vec![127.5],
        std: vec![127.5],
        margin: 0.0,
    }
}

/// A picture that is to be read, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub file: PathBuf,
    pub label: usize,
    pub split: Option<Split>,
    pub subject: Option<String>,
    /// Whether the picture is a face already; `None` decides by its size.
    pub aligned: Option<bool>,
}

impl Dataset {
    /// Reads the pictures in parallel, in the order of `entries`. A picture without a face
    /// is counted as missed, one that can't be read as a fault.
    pub(super) fn read_pictures(&mut self, root: &Path, entries: &[Entry], options: &ReadOptions) {
        let read: Vec<(String, Result<Option<Vec<u8>>>)> = entries
            .par_iter()
            .map_init(FaceReader::new, |reader, entry| {
                let file = entry.file.strip_prefix(root).unwrap_or(&entry.file);
                let aligned = options.aligned.or(entry.aligned);
                let face = match reader {
                    Ok(reader) => reader.read(&entry.file, aligned),
                    Err(e) => Err(anyhow::anyhow!("{e:#}")),
                };
                (file.display().to_string(), face)
            })
            .collect();
        for (entry, (name, face)) in entries.iter().zip(read) {
            match face {
                Ok(Some(pixels)) => self.samples.push(Sample {
                    pixels,
                    label: entry.label,
                    votes: None,
                    subject: entry.subject.clone(),
                    split: entry.split,
                    name,
                }),
                Ok(None) => self.missed.push(Missed {
                    name,
                    label: entry.label,
                    split: entry.split,
                }),
                Err(e) => self.faults.push(format!("{name}: {e:#}")),
            }
        }
    }
}

/// Reads the face in a picture file.
pub struct FaceReader {
    preparer: Preparer,
    /// Loaded with the first picture that has to be searched.
    finder: Option<FaceFinder>,
}

impl FaceReader {
    /// A reader that has not loaded its detector yet.
    ///
    /// # Errors
    /// Never for the input of this program's networks.
    pub fn new() -> Result<Self> {
        Ok(Self {
            preparer: Preparer::new(&input_spec())?,
            finder: None,
        })
    }

    /// The largest face in the file at `path`, [`SIDE`] x [`SIDE`] grey values; `None` where
    /// the detector finds none. The whole picture is the face where it is `aligned`.
    ///
    /// # Errors
    /// When the file is no picture or the detector can't be had.
    pub fn read(&mut self, path: &Path, aligned: Option<bool>) -> Result<Option<Vec<u8>>> {
        let picture = decode(path)?;
        let small = picture.width().max(picture.height()) <= LARGEST_ALIGNED;
        let aligned = aligned.unwrap_or(small);
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        // Grey stays as it is; colour goes through the weights that the plugin uses.
        if picture.color().has_color() {
            let rgb = picture.into_rgb8();
            self.face(&Frame::rgb(&rgb, width, height)?, aligned)
        } else {
            let grey = picture.into_luma8();
            self.face(&Frame::gray(&grey, width, height)?, aligned)
        }
    }

    fn face(&mut self, frame: &Frame, aligned: bool) -> Result<Option<Vec<u8>>> {
        let rect = if aligned {
            Some(Rect::new(
                0.0,
                0.0,
                frame.width() as f32,
                frame.height() as f32,
            ))
        } else {
            self.find(frame)?
        };
        rect.map(|rect| Ok(self.preparer.resize(frame, &rect)?.to_vec()))
            .transpose()
    }

    fn find(&mut self, frame: &Frame) -> Result<Option<Rect>> {
        let finder = match &mut self.finder {
            Some(finder) => finder,
            None => self
                .finder
                .insert(FaceFinder::new(FinderConfig::default())?),
        };
        // Every picture is a scene of its own.
        finder.reset();
        let faces = finder.process(frame)?;
        let largest = faces
            .into_iter()
            .max_by(|a, b| a.rect.area().total_cmp(&b.rect.area()));
        Ok(largest.map(|face| face.rect))
    }
}

/// Decodes a picture file by its contents, whatever its ending.
///
/// # Errors
/// When it can't be read or is no picture.
pub fn decode(path: &Path) -> Result<DynamicImage> {
    image::ImageReader::open(path)
        .context("cannot be opened")?
        .with_guessed_format()
        .context("cannot be read")?
        .decode()
        .context("not a picture")
}
