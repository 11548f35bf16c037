//! Weights of a run: refused, or a network that can be read back.

#![no_main]

use fer_trainer::checkpoint::Network;
use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::Builder::new()
        .suffix(".safetensors")
        .tempfile()
        .unwrap();
    file.write_all(bytes).unwrap();
    if let Ok(network) = Network::load(file.path()) {
        assert!(network.classes.len() > 1);
    }
});
