//! OpenCV's Haar cascade.

use std::path::Path;

use opencv::core::{self, Mat, Size, Vector};
use opencv::objdetect::CascadeClassifier;
use opencv::prelude::*;

use super::{Detection, Detector, Scan};
use crate::frame::GrayImage;
use crate::{Error, Rect, Result};

/// A Haar cascade of OpenCV's.
pub struct HaarDetector {
    classifier: CascadeClassifier,
    window: f32,
    /// Ratio of a window size to the next one.
    pub scale_factor: f64,
    /// Windows that must agree on a face.
    pub min_neighbors: u32,
}

impl HaarDetector {
    /// The cascade in the file at `path`.
    ///
    /// OpenCV is set to one thread for the whole process.
    ///
    /// # Errors
    /// [`Error::Detector`] when the file is missing or is no cascade.
    pub fn open(path: &Path, scale_factor: f64, min_neighbors: u32) -> Result<Self> {
        let fail = |reason: String| Error::Detector {
            path: path.to_owned(),
            reason,
        };
        std::fs::File::open(path).map_err(|e| fail(e.to_string()))?;
        core::set_num_threads(1)?;
        let mut classifier = CascadeClassifier::default()?;
        let loaded = classifier.load(path).map_err(|e| fail(e.to_string()))?;
        if !loaded {
            return Err(fail("is not a cascade that OpenCV can read".into()));
        }
        let window = classifier.get_original_window_size()?;
        Ok(Self {
            classifier,
            window: window.width.max(window.height) as f32,
            scale_factor,
            min_neighbors,
        })
    }
}

impl Detector for HaarDetector {
    fn smallest_face(&self) -> f32 {
        self.window
    }

    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> Result<Vec<Detection>> {
        let region = scan.region.clamp(image.width(), image.height());
        let region = core::Rect::new(
            region.x.floor() as i32,
            region.y.floor() as i32,
            (region.right().ceil() - region.x.floor()) as i32,
            (region.bottom().ceil() - region.y.floor()) as i32,
        );
        if region.width < self.window as i32 || region.height < self.window as i32 {
            return Ok(Vec::new());
        }
        let mat = Mat::new_rows_cols_with_data(
            image.height() as i32,
            image.width() as i32,
            image.pixels(),
        )?;
        let part = Mat::roi(&mat, region)?;
        let mut boxes = Vector::<core::Rect>::new();
        let mut votes = Vector::<i32>::new();
        let side = |s: f32| Size::new(s.round() as i32, s.round() as i32);
        self.classifier.detect_multi_scale2(
            &part,
            &mut boxes,
            &mut votes,
            self.scale_factor,
            self.min_neighbors as i32,
            0,
            side(scan.min),
            side(scan.max),
        )?;
        Ok(boxes
            .iter()
            .zip(votes.iter())
            .map(|(b, votes)| Detection {
                rect: Rect::new(
                    (b.x + region.x) as f32,
                    (b.y + region.y) as f32,
                    b.width as f32,
                    b.height as f32,
                ),
                confidence: Some(votes as f32 / (votes as f32 + 4.0)),
                landmarks: None,
            })
            .collect())
    }
}
