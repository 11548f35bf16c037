//! An engine file of TensorRT: what is wrong with it is told before TensorRT sees it.

#![no_main]

use fer::model::{EngineFile, Overrides};
use fer::Model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = EngineFile::from_bytes(bytes.to_vec()) {
        assert_eq!(file.bytes(), bytes);
    }
    if let Ok(model) = Model::from_bytes("fuzz", bytes.to_vec(), &Overrides::default()) {
        assert!(model.info().check().is_ok());
    }
});
