//! FER-2013 and its like as a CSV file: each row a sample or a fault.

#![no_main]

mod shared;

use fer_trainer::data::{self, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = shared::file(".csv", bytes);
    if let Ok(data) = data::open(file.path(), &ReadOptions::default()) {
        for sample in &data.samples {
            assert_eq!(sample.pixels.len(), fer_trainer::SIDE.pow(2));
            assert!(sample.label < data.classes.len());
        }
    }
});
