//! A file that is said to be YuNet: refused, or scanned with.

#![no_main]

mod shared;

use fer::faces::detect::YuNetDetector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = shared::file(".onnx", bytes);
    if let Ok(mut detector) = YuNetDetector::open(file.path()) {
        shared::scan(&mut detector);
    }
});
