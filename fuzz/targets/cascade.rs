//! A cascade file: refused, or scanned with.

#![no_main]

use fer::Rect;
use fer::faces::detect::{Detector, HaarDetector, Scan, Tuning};
use fer::frame::GrayImage;
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::Builder::new().suffix(".xml").tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let tuning = Tuning {
        scale_factor: 1.2,
        min_neighbors: 3,
    };
    if let Ok(mut detector) = HaarDetector::open(file.path(), tuning) {
        let pixels: Vec<u8> = (0..64 * 48).map(|i| (i * i / 7 % 256) as u8).collect();
        let image = GrayImage::from_vec(64, 48, pixels).unwrap();
        let scan = Scan {
            region: Rect::new(0.0, 0.0, 64.0, 48.0),
            min: 16.0,
            max: 48.0,
            view: 0,
        };
        let _ = detector.detect(&image, &scan);
    }
});
