//! One turn of the detector: where it looks, and what it sees there.

use std::time::{Duration, Instant};

use super::detect::{Detection, Detector, Scan, Tuning, distinct};
use super::search::Further;
use crate::frame::GrayImage;
use crate::{Rect, Result};

/// How far around a known face the detector looks for it, in sides of its box.
const NEIGHBOURHOOD: f32 = 0.4;
/// Sizes looked for around a known face, relative to its size.
const NEAR_SIZES: (f32, f32) = (0.75, 1.35);
/// Intersection over union above which two detections are of one face.
const SAME: f32 = 0.4;
/// The same where one of them is seen in another view, whose boxes lie a little off.
const NEAR: f32 = 0.2;

/// Where the detector is to look in one picture.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// A scan of the whole picture.
    pub everything: Scan,
    /// That scan, or one of a part that changed.
    pub wide: Option<Scan>,
    /// Whether that scan is of the whole picture.
    pub whole: bool,
    /// Further views of the whole picture.
    pub further: Further,
    /// Known faces near which to look.
    pub near: Vec<Near>,
    /// The boxes of all known faces: what a further view shows there is nothing new.
    pub known: Vec<Rect>,
    /// The part of the picture in which faces are wanted.
    pub bounds: Rect,
    /// Whether faces seen now are to be believed at once.
    pub fresh: bool,
    /// How hard to look.
    pub tuning: Tuning,
    /// The least confidence of a face that was not known before.
    pub min_confidence: f32,
}

/// A known face near which to look.
#[derive(Debug, Clone)]
pub(super) struct Near {
    pub id: u64,
    pub rect: Rect,
    /// The view in which it was last seen.
    pub view: usize,
    /// Others in which to look where it isn't seen in that one.
    pub others: Vec<usize>,
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
        self.wide.is_none() && self.near.is_empty() && self.further.is_empty()
    }

    /// Whether more is to be looked for than what further views may show, which can wait.
    pub fn is_urgent(&self) -> bool {
        self.wide.is_some() || !self.near.is_empty()
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
        // What is less sure than wanted ends no search for a better view of it.
        let believe = |detection: &mut Detection| {
            let confidence = detection.confidence.unwrap_or(1.0);
            detection.strong &= confidence >= self.min_confidence;
        };
        let mut found = Vec::new();
        if let Some(scan) = &self.wide {
            found = detector.detect(image, scan)?;
            found.iter_mut().for_each(believe);
            *parts += u64::from(!self.whole);
        }
        for (i, group) in self.further.groups.iter().enumerate() {
            let enough = i > 0 && self.further.round && found.iter().any(|d| d.strong);
            if cancelled() || enough {
                break;
            }
            for view in group.clone() {
                let mut seen = detector.detect(
                    image,
                    &Scan {
                        view,
                        ..self.everything
                    },
                )?;
                seen.iter_mut().for_each(believe);
                let is_known = |d: &Detection| self.known.iter().any(|k| k.iou(&d.rect) > NEAR);
                seen.retain(|d| d.strong && !is_known(d));
                found.extend(seen);
            }
        }
        for near in &self.near {
            if cancelled() {
                break;
            }
            let is_found =
                |found: &[Detection]| found.iter().any(|d| d.rect.iou(&near.rect) > SAME);
            if is_found(&found) {
                continue;
            }
            let side = near.rect.width.max(near.rect.height);
            let scan = Scan {
                region: near.rect.expand(NEIGHBOURHOOD).intersect(&self.bounds),
                min: side * NEAR_SIZES.0,
                max: side * NEAR_SIZES.1,
                view: near.view,
            };
            found.extend(detector.detect(image, &scan)?);
            *parts += 1;
            for &view in &near.others {
                if is_found(&found) {
                    break;
                }
                let mut seen = detector.detect(image, &Scan { view, ..scan })?;
                seen.retain(|d| d.strong);
                found.extend(seen);
                *parts += 1;
            }
        }
        found.iter_mut().for_each(believe);
        Ok(distinct(found, SAME))
    }
}
