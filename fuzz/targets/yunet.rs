//! A file that is said to be YuNet: refused, or scanned with.

#![no_main]

use fer::Rect;
use fer::faces::detect::{Detector, Scan, YuNetDetector};
use fer::frame::GrayImage;
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::Builder::new().suffix(".onnx").tempfile().unwrap();
    file.write_all(bytes).unwrap();
    if let Ok(mut detector) = YuNetDetector::open(file.path()) {
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
});
