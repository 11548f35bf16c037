//! Face detectors on grey pictures.

mod cascade;
mod haar;

pub use cascade::find_cascade;
pub use haar::HaarDetector;

use crate::frame::GrayImage;
use crate::{Point, Rect, Result};

/// A face as a detector saw it, in pixels of the picture it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The face's box.
    pub rect: Rect,
    /// How sure the detector is, 0 to 1.
    pub confidence: Option<f32>,
    /// Right eye, left eye, nose, right and left corner of the mouth (as the person
    /// has them), where the detector gives them.
    pub landmarks: Option<[Point; 5]>,
    /// Whether the evidence is enough to believe in a face that was not known before.
    /// A weak detection only tells that a known face is still there.
    pub strong: bool,
}

/// What part of a picture to scan, and for faces of what size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scan {
    /// Part of the picture, in pixels.
    pub region: Rect,
    /// Side of the smallest face looked for, in pixels.
    pub min: f32,
    /// Side of the largest face looked for, in pixels.
    pub max: f32,
}

/// How hard a detector looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Ratio of a window size to the next one, above 1.
    pub scale_factor: f64,
    /// Windows that must agree on a face before it is believed.
    pub min_neighbors: u32,
}

/// Finds faces in a grey picture.
pub trait Detector: Send {
    /// Side in pixels that a face needs to be seen well.
    fn good_face_size(&self) -> f32;

    /// Changes how hard the detector looks, where it has such a choice.
    fn tune(&mut self, tuning: Tuning);

    /// The faces in `scan.region` of `image`, in pixels of `image`.
    ///
    /// # Errors
    /// When the detector's library or engine fails.
    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>>;
}

/// The detectors of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectorKind {
    /// OpenCV's Haar cascade.
    #[default]
    Haar,
    /// The YuNet network, for turned heads.
    YuNet,
}

/// The size of a face, absolute or relative to the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MinSize {
    /// Pixels of the frame.
    Pixels(f32),
    /// Share of the frame's height, 0 to 1.
    Share(f32),
}

impl MinSize {
    /// In pixels, for a frame of this height.
    pub fn pixels(self, frame_height: usize) -> f32 {
        match self {
            MinSize::Pixels(pixels) => pixels,
            MinSize::Share(share) => share * frame_height as f32,
        }
    }
}
