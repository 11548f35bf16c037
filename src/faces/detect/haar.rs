//! OpenCV's Haar cascade.

use std::path::Path;

use opencv::core::{self, Mat, Size, Vector};
use opencv::objdetect::CascadeClassifier;
use opencv::prelude::*;

use super::{Detection, Detector, Scan, Tuning};
use crate::frame::GrayImage;
use crate::{Error, Rect, Result};

/// A face is seen well at this multiple of the cascade's window: measured, a smaller
/// picture loses faces and a larger one gains none.
const WINDOWS_A_FACE: f32 = 1.5;
/// Windows that must agree on a weak detection.
const WEAK_VOTES: i32 = 2;
/// Votes at which the confidence is one half.
const HALF_CONFIDENCE: f32 = 4.0;

/// A Haar cascade of OpenCV's.
///
/// The confidence of a detection with `n` agreeing windows is `n / (n + 4)`: it orders
/// detections, and is no probability.
pub struct HaarDetector {
    classifier: CascadeClassifier,
    window: f32,
    tuning: Tuning,
}

impl HaarDetector {
    /// The cascade in the file at `path`.
    ///
    /// OpenCV is set to one thread for the whole process: its thread pool makes a small
    /// scan slower, and would compete with the other streams of a process.
    ///
    /// # Errors
    /// [`Error::Detector`] when the file is missing or is no cascade.
    pub fn open(path: &Path, tuning: Tuning) -> Result<Self> {
        let fail = |reason: String| Error::Detector {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
        // OpenCV reports a file of another kind by lines on stderr.
        if !bytes
            .windows(8)
            .any(|w| w == b"<cascade" || w == b"cascade:")
        {
            return Err(fail("is not a cascade of OpenCV's".into()));
        }
        core::set_num_threads(1)?;
        let mut classifier = CascadeClassifier::default()?;
        match classifier.load(path) {
            Ok(true) => {}
            Ok(false) => return Err(fail("is not a cascade that OpenCV can read".into())),
            Err(e) => return Err(fail(one_line(&e.message))),
        }
        let window = classifier.get_original_window_size()?;
        Ok(Self {
            classifier,
            window: window.width.max(window.height) as f32,
            tuning,
        })
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Detector for HaarDetector {
    fn good_face_size(&self) -> f32 {
        self.window * WINDOWS_A_FACE
    }

    fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>> {
        let region = scan.region.clamp(image.width(), image.height());
        let (left, top) = (region.x.floor(), region.y.floor());
        let region = core::Rect::new(
            left as i32,
            top as i32,
            (region.right().ceil() - left) as i32,
            (region.bottom().ceil() - top) as i32,
        );
        if region.width < self.window as i32 || region.height < self.window as i32 {
            return Ok(Vec::new());
        }
        let (rows, columns) = (image.height() as i32, image.width() as i32);
        let mat = Mat::new_rows_cols_with_data(rows, columns, image.pixels())?;
        let part = Mat::roi(&mat, region)?;
        let mut boxes = Vector::<core::Rect>::new();
        let mut votes = Vector::<i32>::new();
        let side = |s: f32| Size::new(s.round() as i32, s.round() as i32);
        // OpenCV keeps groups of more windows than it is told.
        let believed = self.tuning.min_neighbors as i32 + 1;
        self.classifier.detect_multi_scale2(
            &part,
            &mut boxes,
            &mut votes,
            self.tuning.scale_factor,
            WEAK_VOTES.min(believed) - 1,
            0,
            side(scan.min),
            side(scan.max),
        )?;
        Ok(boxes
            .iter()
            .zip(votes.iter())
            .map(|(b, votes)| Detection {
                rect: Rect::new(
                    b.x as f32 + left,
                    b.y as f32 + top,
                    b.width as f32,
                    b.height as f32,
                ),
                confidence: Some(votes as f32 / (votes as f32 + HALF_CONFIDENCE)),
                landmarks: None,
                strong: votes >= believed,
            })
            .collect())
    }
}
