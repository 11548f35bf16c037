//! One turn of the detector: where it looks, and what it sees there.

use std::time::{Duration, Instant};

use super::detect::{Detection, Detector, Scan, Tuning, distinct};
use crate::frame::GrayImage;
use crate::{Rect, Result};

/// How far around a known face the detector looks for it, in sides of its box.
const NEIGHBOURHOOD: f32 = 0.4;
/// Sizes looked for around a known face, relative to its size.
const NEAR_SIZES: (f32, f32) = (0.75, 1.35);
/// Intersection over union above which two detections are of one face.
const SAME: f32 = 0.4;

/// Where the detector is to look in one picture.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// A scan of the whole picture, or of a part that changed.
    pub wide: Option<Scan>,
    /// Whether that scan is of the whole picture.
    pub whole: bool,
    /// Known faces, with their ids, near which to look.
    pub near: Vec<(u64, Rect)>,
    /// The part of the picture in which faces are wanted.
    pub bounds: Rect,
    /// Whether faces seen now are to be believed at once.
    pub fresh: bool,
    /// How hard to look.
    pub tuning: Tuning,
}

/// What the detector saw.
pub(super) struct Outcome {
    pub job: Job,
    pub found: Result<Vec<Detection>>,
    /// Scans done of a part of the picture.
    pub parts: u64,
    /// Time that the scans took.
    pub took: Duration,
}

impl Job {
    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.wide.is_none() && self.near.is_empty()
    }

    /// Looks. Once `cancelled`, what is left is not looked at.
    pub fn run(
        self,
        detector: &mut dyn Detector,
        image: &GrayImage,
        cancelled: impl Fn() -> bool,
    ) -> Outcome {
        let start = Instant::now();
        let mut parts = 0;
        let found = self.look(detector, image, &mut parts, cancelled);
        Outcome {
            job: self,
            found,
            parts,
            took: start.elapsed(),
        }
    }

    fn look(
        &self,
        detector: &mut dyn Detector,
        image: &GrayImage,
        parts: &mut u64,
        cancelled: impl Fn() -> bool,
    ) -> Result<Vec<Detection>> {
        detector.tune(self.tuning);
        let mut found = Vec::new();
        if let Some(scan) = &self.wide {
            found = detector.detect(image, scan)?;
            *parts += u64::from(!self.whole);
        }
        for (_, face) in &self.near {
            if cancelled() {
                break;
            }
            if found.iter().any(|d| d.rect.iou(face) > SAME) {
                continue;
            }
            let side = face.width.max(face.height);
            let scan = Scan {
                region: face.expand(NEIGHBOURHOOD).intersect(&self.bounds),
                min: side * NEAR_SIZES.0,
                max: side * NEAR_SIZES.1,
            };
            found.extend(detector.detect(image, &scan)?);
            *parts += 1;
        }
        Ok(distinct(found, SAME))
    }
}
