//! Face detectors on grey pictures.

mod cascade;
#[cfg(feature = "opencv")]
mod equalize;
#[cfg_attr(not(feature = "opencv"), path = "no_haar.rs")]
mod haar;
#[cfg(feature = "opencv")]
mod view;
mod yunet;
mod yunet_file;

use std::ops::Range;

pub use cascade::find_cascade;
pub use haar::HaarDetector;
pub use yunet::YuNetDetector;
pub use yunet_file::find_yunet;

use crate::frame::GrayImage;
use crate::{Point, Rect, Result};

/// A face as a detector saw it, in pixels of the picture it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// The face's box, as it would be if the face were upright.
    pub rect: Rect,
    /// By how much the face is turned in the plane of the picture, where the detector says
    /// so without landmarks: radians, clockwise as seen.
    pub tilt: Option<f32>,
    /// The view in which it was seen, as in [`Scan::view`].
    pub view: usize,
    /// How sure the detector is, 0 to 1.
    pub confidence: Option<f32>,
    /// Right eye, left eye, nose, right and left corner of the mouth (as the person
    /// has them), where the detector gives them.
    pub landmarks: Option<[Point; 5]>,
    /// Whether the evidence is enough to believe in a face that was not known before.
    /// A weak detection only tells that a known face is still there.
    pub strong: bool,
}

impl Detection {
    /// Moves the detection by (`dx`, `dy`) pixels.
    pub(crate) fn shift(&mut self, dx: f32, dy: f32) {
        self.map(|p| Point {
            x: p.x + dx,
            y: p.y + dy,
        });
    }

    /// Moves and scales the detection by `to`, which keeps the axes.
    fn map(&mut self, to: impl Fn(Point) -> Point) {
        let corner = |x, y| to(Point { x, y });
        let (from, until) = (
            corner(self.rect.x, self.rect.y),
            corner(self.rect.right(), self.rect.bottom()),
        );
        self.rect = Rect::new(from.x, from.y, until.x - from.x, until.y - from.y);
        self.landmarks = self.landmarks.map(|points| points.map(&to));
    }
}

/// The surest of the detections of each face: of two whose intersection over union is
/// above `same`, one stays.
pub(crate) fn distinct(mut found: Vec<Detection>, same: f32) -> Vec<Detection> {
    let surety = |d: &Detection| d.confidence.unwrap_or(0.0);
    found.sort_by(|a, b| surety(b).total_cmp(&surety(a)));
    let mut kept: Vec<Detection> = Vec::with_capacity(found.len());
    for detection in found {
        if kept.iter().all(|k| k.rect.iou(&detection.rect) <= same) {
            kept.push(detection);
        }
    }
    kept
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
    /// In which way to look: 0 as usual, others as in [`Detector::further_views`].
    pub view: usize,
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

    /// Numbers of further views, in which a detector sees faces that it misses as it usually
    /// looks: each is as dear as the usual one or dearer. The views of a group belong
    /// together, and of those that see a face, the surest is right.
    fn further_views(&self) -> Vec<Range<usize>> {
        Vec::new()
    }

    /// The faces in `scan.region` of `image`, in pixels of `image`.
    ///
    /// # Errors
    /// When the detector's library or engine fails.
    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>>;
}

/// The detectors of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectorKind {
    /// YuNet where its file is named or found, else the Haar cascade.
    #[default]
    Auto,
    /// OpenCV's Haar cascade.
    Haar,
    /// The YuNet network, for turned heads.
    YuNet,
}
