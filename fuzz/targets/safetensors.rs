//! Weights of a run: refused, or a network that can be read back.

#![no_main]

mod shared;

use fer_trainer::artifact::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = shared::file(".safetensors", bytes);
    if let Ok(network) = Network::load(file.path()) {
        assert!(network.classes.len() > 1);
    }
});
