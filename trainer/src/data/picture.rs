//! From picture files to faces, by the library's own detector and preparation.

use std::path::{Path, PathBuf};

use fer::faces::{FaceSize, FinderConfig};
use fer::model::{Color, InputSpec, Layout, Tone};
use fer::prepare::Preparer;
use fer::{Face, FaceBox, FaceFinder, Frame, Rect};
use image::{DynamicImage, ImageDecoder};
use rayon::prelude::*;

use super::{Dataset, Missed, ReadOptions, Sample, Split};
use crate::error::Context;
use crate::{Error, Result, SIDE};

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
        tone: Tone::AsIs,
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
        let read: Vec<(String, Result<PictureFace>)> = entries
            .par_iter()
            .map_init(
                || FaceReader::new(options.margin),
                |reader, entry| {
                    let file = entry.file.strip_prefix(root).unwrap_or(&entry.file);
                    let aligned = options.aligned.or(entry.aligned);
                    let face = match reader {
                        Ok(reader) => reader.read(&entry.file, aligned),
                        Err(e) => Err(Error::Data(format!("{e:#}"))),
                    };
                    (file.display().to_string(), face)
                },
            )
            .collect();
        for (entry, (name, face)) in entries.iter().zip(read) {
            if let Ok(shown) = &face {
                *self.sizes.entry(shown.size).or_default() += 1;
            }
            match face.map(|shown| shown.face) {
                Ok(Some(pixels)) => self.samples.push(Sample {
                    pixels,
                    label: entry.label,
                    subject: entry.subject.clone(),
                    split: entry.split,
                    name,
                    ..Sample::default()
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

/// Finds faces in pictures that have nothing to do with one another. The detector is loaded
/// with the first one.
pub struct StillFinder {
    config: FinderConfig,
    finder: Option<FaceFinder>,
}

impl StillFinder {
    /// For faces of that size and more.
    pub fn new(min_size: FaceSize) -> Self {
        let config = FinderConfig {
            min_size,
            ..FinderConfig::for_stills()
        };
        Self {
            config,
            finder: None,
        }
    }

    /// The faces in a picture.
    ///
    /// # Errors
    /// When the detector can't be had or fails.
    pub fn find(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        let finder = match &mut self.finder {
            Some(finder) => finder,
            none => none.insert(FaceFinder::new(self.config.clone())?),
        };
        // Every picture is a scene of its own.
        finder.reset();
        Ok(finder.process(frame)?)
    }
}

/// What a picture file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFace {
    /// The largest face, [`SIDE`] x [`SIDE`] grey values; `None` where the detector finds
    /// none.
    pub face: Option<Vec<u8>>,
    /// Width and height of the picture in pixels.
    pub size: (u32, u32),
}

/// Reads the face in a picture file.
pub struct FaceReader {
    whole: Preparer,
    found: Preparer,
    /// Who finds the face of a portrait, and where there is none, a smaller one.
    finders: [StillFinder; 2],
}

impl FaceReader {
    /// A reader that has not loaded its detector yet, and adds `margin` of a box that it
    /// finds on every side.
    ///
    /// # Errors
    /// When the margin is not -0.4 to 2.
    pub fn new(margin: f32) -> Result<Self> {
        let found = InputSpec {
            margin,
            ..input_spec()
        };
        Ok(Self {
            whole: Preparer::new(&input_spec())?,
            found: Preparer::new(&found)?,
            finders: [FinderConfig::default(), FinderConfig::for_stills()]
                .map(|config| StillFinder::new(config.min_size)),
        })
    }

    /// What the file at `path` shows. The whole picture is the face where it is `aligned`.
    ///
    /// # Errors
    /// When the file is no picture or the detector can't be had.
    pub fn read(&mut self, path: &Path, aligned: Option<bool>) -> Result<PictureFace> {
        let picture = Picture::read(path)?;
        let frame = picture.frame()?;
        let face = if aligned.unwrap_or(picture.is_small()) {
            Some(self.whole.resize(&frame, &picture.whole())?.to_vec())
        } else {
            match self.find(&frame)? {
                Some(face) => Some(self.found.resize(&frame, face)?.to_vec()),
                None => None,
            }
        };
        Ok(PictureFace {
            face,
            size: picture.size(),
        })
    }

    fn find(&mut self, frame: &Frame) -> Result<Option<FaceBox>> {
        for finder in &mut self.finders {
            let faces = finder.find(frame)?.into_iter();
            let largest = faces.max_by(|a, b| a.rect.area().total_cmp(&b.rect.area()));
            if let Some(face) = largest {
                return Ok(Some(face.face_box()));
            }
        }
        Ok(None)
    }
}

/// A picture as the library takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Grey stays as it is; colour goes through the weights that the plugin uses.
    pixels: Pixels,
}

#[derive(Debug, Clone, PartialEq)]
enum Pixels {
    Grey(image::GrayImage),
    Rgb(image::RgbImage),
}

impl Picture {
    /// Decodes a picture file by its contents, whatever its ending, and turns it as its
    /// camera says.
    ///
    /// # Errors
    /// When it can't be read or is no picture.
    pub fn read(path: &Path) -> Result<Self> {
        let mut decoder = image::ImageReader::open(path)
            .context("cannot be opened")?
            .with_guessed_format()
            .context("cannot be read")?
            .into_decoder()
            .context("not a picture")?;
        let orientation = decoder.orientation().context("not a picture")?;
        let mut picture = DynamicImage::from_decoder(decoder).context("not a picture")?;
        picture.apply_orientation(orientation);
        let pixels = if picture.color().has_color() {
            Pixels::Rgb(picture.into_rgb8())
        } else {
            Pixels::Grey(picture.into_luma8())
        };
        Ok(Self { pixels })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        match &self.pixels {
            Pixels::Grey(grey) => grey.dimensions(),
            Pixels::Rgb(rgb) => rgb.dimensions(),
        }
    }

    /// Whether it is so small that it must be a face already.
    pub fn is_small(&self) -> bool {
        let (width, height) = self.size();
        width.max(height) <= LARGEST_ALIGNED
    }

    /// The box of a picture that is all face.
    pub fn whole(&self) -> Rect {
        let (width, height) = self.size();
        Rect::new(0.0, 0.0, width as f32, height as f32)
    }

    /// The picture for the library.
    ///
    /// # Errors
    /// When it has no pixel.
    pub fn frame(&self) -> Result<Frame<'_>> {
        let (width, height) = self.size();
        let (width, height) = (width as usize, height as usize);
        Ok(match &self.pixels {
            Pixels::Grey(grey) => Frame::gray(grey, width, height)?,
            Pixels::Rgb(rgb) => Frame::rgb(rgb, width, height)?,
        })
    }

    /// The picture in colour, to draw on.
    pub fn to_rgb(&self) -> image::RgbImage {
        match &self.pixels {
            Pixels::Grey(grey) => DynamicImage::from(grey.clone()).into_rgb8(),
            Pixels::Rgb(rgb) => rgb.clone(),
        }
    }
}
