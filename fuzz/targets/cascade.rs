//! A cascade file: refused, or scanned with.

#![no_main]

mod shared;

use fer::faces::detect::{HaarDetector, Tuning};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = shared::file(".xml", bytes);
    let tuning = Tuning {
        scale_factor: 1.2,
        min_neighbors: 3,
    };
    if let Ok(mut detector) = HaarDetector::open(file.path(), tuning) {
        shared::scan(&mut detector);
    }
});
