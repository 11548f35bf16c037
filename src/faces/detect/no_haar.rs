//! In place of OpenCV's Haar cascade where the crate is built without OpenCV.

use std::convert::Infallible;
use std::path::Path;

use super::{Detection, Detector, Scan, Tuning};
use crate::frame::GrayImage;
use crate::{Error, Result};

/// A Haar cascade of OpenCV's, which this build does not have.
pub struct HaarDetector(Infallible);

impl HaarDetector {
    /// Says that there is none.
    ///
    /// # Errors
    /// [`Error::Detector`], always.
    pub fn open(path: &Path, _: Tuning) -> Result<Self> {
        Err(Error::Detector {
            path: path.to_owned(),
            reason: "this program was built without OpenCV; detector yunet needs none".to_owned(),
        })
    }
}

impl Detector for HaarDetector {
    fn good_face_size(&self) -> f32 {
        match self.0 {}
    }

    fn tune(&mut self, _: Tuning) {
        match self.0 {}
    }

    fn detect(&mut self, _: &GrayImage, _: &Scan) -> Result<Vec<Detection>> {
        match self.0 {}
    }
}
