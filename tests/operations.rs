//! What the built-in engine knows, operation by operation, beside ONNX Runtime: graphs as
//! exporters of all ages write them.

mod graphs;
mod skip;

use fer::engine::{self, EngineKind, EngineOptions};
use fer::model::{Output, Overrides};
use fer::{Error, Model};
use graphs::{GRAPHS, model, noise};
use skip::skip;

/// What an engine makes of two pictures.
fn run(kind: EngineKind, bytes: Vec<u8>, classes: usize) -> Result<Vec<f32>, Error> {
    let overrides = Overrides {
        labels: Some((0..classes).map(|i| format!("c{i}")).collect()),
        mean: Some(vec![0.0]),
        std: Some(vec![1.0]),
        output: Some(Output::Logits),
        ..Default::default()
    };
    let model = Model::from_bytes("test", bytes, &overrides)?;
    let options = EngineOptions {
        kind,
        ..Default::default()
    };
    let mut output = vec![0.0; 2 * classes];
    let pictures = noise("x", 2 * model.info().input.len());
    engine::open(&model, &options)?
        .engine
        .run(&pictures, 2, &mut output)?;
    Ok(output)
}

#[test]
fn every_operation_gives_what_onnx_runtime_gives() {
    let simple = model(13, 240, "y = Flatten x");
    if let Err(why @ Error::Engine { .. }) = run(EngineKind::OnnxRuntime, simple, 240) {
        return skip(why);
    }
    let mut wrong = Vec::new();
    for (opset, classes, text) in GRAPHS {
        let bytes = model(*opset, *classes, text);
        let have = match run(EngineKind::Builtin, bytes.clone(), *classes) {
            Ok(have) => have,
            Err(why) => {
                wrong.push(format!("{opset} {text}: {why}"));
                continue;
            }
        };
        let want = match run(EngineKind::OnnxRuntime, bytes, *classes) {
            Ok(want) => want,
            Err(why) => {
                wrong.push(format!("{opset} {text}: ONNX Runtime: {why}"));
                continue;
            }
        };
        let far = |(have, want): (&f32, &f32)| {
            let error = (have - want).abs() / want.abs().max(1.0);
            // Also where one of them is no number.
            error.is_nan() || error >= 1e-4
        };
        if let Some(at) = have.iter().zip(&want).position(far) {
            let (have, want) = (have[at], want[at]);
            wrong.push(format!("{opset} {text}: value {at} is {have}, not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_known_is_named_with_what_may_help() {
    for (text, said) in [
        ("a = Erf x ; y = Flatten a", "Erf"),
        ("a = Flatten x axis=0 ; y = Flatten a", "mixes the pictures"),
        (
            "a = Transpose x perm=[1,0,2,3] ; y = Flatten a",
            "mixes the pictures",
        ),
        ("a = Reshape x #7,-1 ; y = Flatten a", "can't be reshaped"),
        ("a = Conv x w[4,2,3,3] ; y = Flatten a", "4, 2, 3, 3"),
    ] {
        let why = run(EngineKind::Builtin, model(13, 240, text), 240).unwrap_err();
        let why = why.to_string();
        assert!(why.contains(said) && why.contains("onnxruntime"), "{why}");
    }
}

/// Files with a few changed bytes, as they come from a bad disk or from somebody who means ill:
/// each is refused or run, and nothing panics, hangs or takes all memory. `FER_DAMAGED` says how
/// many of each.
#[test]
fn damaged_files_are_refused_or_run_and_nothing_panics() {
    let count = std::env::var("FER_DAMAGED").map_or(60, |n| n.parse().unwrap());
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (opset, classes, text) in GRAPHS {
        let whole = model(*opset, *classes, text);
        for _ in 0..count {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(4) {
                let at = random(bytes.len());
                bytes[at] = match random(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => bytes[at] ^ (1 << random(8)),
                    _ => random(256) as u8,
                };
            }
            // What it says is its own affair.
            let _ = run(EngineKind::Builtin, bytes, *classes);
        }
    }
}
