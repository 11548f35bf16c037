//! A model file from anywhere: refused, or opened and run by the built-in engine.

#![no_main]

use fer::engine::{EngineKind, EngineOptions};
use fer::model::{Output, Overrides};
use fer::{Classifier, Model};
use libfuzzer_sys::fuzz_target;

/// Values of an input above which a file is opened but not run.
const MANY: usize = 1 << 16;

fuzz_target!(|given: (u8, &[u8])| {
    let (choice, bytes) = given;
    // What a user may say of a file that says nothing of itself.
    let labels = match choice & 3 {
        0 => None,
        1 => Some(3),
        2 => Some(7),
        _ => Some(240),
    };
    let overrides = Overrides {
        labels: labels.map(|n| (0..n).map(|i| format!("c{i}")).collect()),
        mean: Some(vec![0.0]),
        std: Some(vec![1.0]),
        output: (choice & 4 != 0).then_some(Output::Logits),
        size: (choice & 8 != 0).then_some((8, 10)),
        ..Default::default()
    };
    let Ok(model) = Model::from_bytes("fuzz", bytes.to_vec(), &overrides) else {
        return;
    };
    let len = model.info().input.len();
    if len > MANY {
        return;
    }
    let options = EngineOptions {
        kind: EngineKind::Builtin,
        ..Default::default()
    };
    if let Ok(mut classifier) = Classifier::new(&model, &options) {
        // What it says of a grey picture is its own affair.
        let _ = classifier.classify_prepared(&vec![0.5; 2 * len]);
    }
});
