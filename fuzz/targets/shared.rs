//! What targets do alike.

#![allow(dead_code, reason = "each target uses a part")]

use std::io::Write;

use fer::Rect;
use fer::faces::detect::{Detector, Scan};
use fer::frame::GrayImage;
use tempfile::NamedTempFile;

/// A file with these bytes, gone in the end.
pub fn file(suffix: &str, bytes: &[u8]) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Looks for faces in a small pattern; what is seen there does not matter.
pub fn scan(detector: &mut dyn Detector) {
    let pixels: Vec<u8> = (0..64 * 64).map(|i| (i * i / 7 % 256) as u8).collect();
    let image = GrayImage::from_vec(64, 64, pixels).unwrap();
    let scan = Scan {
        region: Rect::new(0.0, 0.0, 64.0, 64.0),
        min: 16.0,
        max: 64.0,
        view: 0,
    };
    let _ = detector.detect(&image, &scan);
}
