//! `fer-trainer export --tensorrt` as people run it, with TensorRT's real builder, which
//! needs no card.
#![cfg(feature = "tensorrt")]

mod common;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::path::Path;
use std::process::{Command, Output};

use fer::Model;
use fer::engine::tensorrt::{Target, card, library};
use fer::model::Overrides;
use fer::model::{EngineHeader, Precision};
use fer_trainer::SIDE;
use fer_trainer::artifact::Network;
use fer_trainer::data::Sample;
use fer_trainer::export::{Calibration, Description, Storage, export, export_quantised};
use fer_trainer::nn::weights::Tensors;
use fer_trainer::nn::{Architecture, Weights};
use fer_trainer::rng::Rng;
use skip::skip;

const CLASSES: [&str; 4] = ["angry", "happy", "sad", "neutral"];

/// Whether the test can run; says why not.
fn has_library() -> bool {
    match library(None) {
        Ok(_) => true,
        Err(e) => {
            skip(e);
            false
        }
    }
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fer-trainer"))
        .args(["export", "--tensorrt"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs and returns what was printed; fails with what was said on stderr.
fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs what must fail and returns the one line that says why.
fn fail(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
    assert!(stderr.starts_with("fer-trainer: "), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}

fn header(path: &Path) -> EngineHeader {
    let model = Model::load(path, &Overrides::default()).unwrap();
    model.engine_file().unwrap().header().clone()
}

/// A small network that nobody has trained.
fn untrained() -> Network {
    let net = Architecture::new(0.25, CLASSES.len()).unwrap();
    let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(3));
    Network {
        classes: CLASSES.map(String::from).to_vec(),
        net,
        weights,
        path: "test".into(),
    }
}

/// Writes drawn faces in FER-2013's folder form, for validation only.
fn draw(folder: &Path) {
    let mut rng = Rng::new(2);
    for (label, class) in CLASSES.iter().enumerate() {
        let path = folder.join("validation").join(class);
        std::fs::create_dir_all(&path).unwrap();
        for i in 0..4 {
            let file = path.join(format!("PublicTest_{i}.png"));
            let (face, side) = (common::face(label, &mut rng), SIDE as u32);
            image::save_buffer(file, &face, side, side, image::ExtendedColorType::L8).unwrap();
        }
    }
}

#[test]
fn without_options_the_bundled_model_is_built_for_what_is_here() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let printed = succeed(folder.path(), &[]);
    assert!(printed.contains("fer.engine: "), "{printed}");
    let header = header(&folder.path().join("fer.engine"));
    let bundled = Model::bundled().unwrap();
    assert_eq!(header.model, *bundled.info());
    assert_eq!(header.source_sha256, bundled.sha256());
    assert_eq!((header.precision, header.max_batch), (Precision::Fp16, 16));
    let everywhere: Vec<String> = Target::supported(Precision::Fp16)
        .iter()
        .map(Target::to_string)
        .collect();
    match card(0) {
        Ok(card) => assert_eq!(header.targets, [card.capability]),
        Err(_) => assert_eq!(header.targets, everywhere),
    }
}

#[test]
fn options_are_kept_in_the_file() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = ["--precision", "fp32", "--max-batch", "2", "--target"];
    let rest = ["sm_86,sm_120", "--output", "own.engine"];
    succeed(folder.path(), &[&options[..], &rest].concat());
    let header = header(&folder.path().join("own.engine"));
    assert_eq!((header.precision, header.max_batch), (Precision::Fp32, 2));
    assert_eq!(header.targets, ["sm_86", "sm_120"]);
}

#[test]
fn an_onnx_file_is_built_beside_itself_and_its_accuracy_told() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let about = Description::default();
    for (name, storage) in [("single", Storage::Single), ("half", Storage::Half)] {
        let (_, model) = export(&untrained(), storage, &Calibration::NONE, &about).unwrap();
        let path = folder.path().join(name).with_extension("onnx");
        std::fs::write(&path, model.bytes()).unwrap();
        draw(&folder.path().join("data"));
        let file = format!("{name}.onnx");
        let options = ["--model", &file, "--data", "data", "--target", "sm_89"];
        let printed = succeed(folder.path(), &options);
        assert!(printed.contains("16 validation pictures"), "{printed}");
        assert!(
            printed.contains("fp32: ") && printed.contains("fp16: "),
            "{printed}"
        );
        let header = header(&path.with_extension("engine"));
        assert_eq!(header.source_sha256, model.sha256());
        assert_eq!(header.model.labels, CLASSES);
    }
}

#[test]
fn a_trained_network_is_built_without_an_onnx_file_between() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = untrained();
    let weights = folder.path().join("own.safetensors");
    fer_trainer::artifact::save(
        &weights,
        &network.weights.to_tensors(&network.net),
        [("classes".to_owned(), CLASSES.join(","))].into(),
    )
    .unwrap();
    let printed = succeed(
        folder.path(),
        &["--model", "own.safetensors", "--target", "sm_86"],
    );
    assert!(printed.contains("builtin differs by at most"), "{printed}");
    assert_eq!(
        header(&weights.with_extension("engine")).model.labels,
        CLASSES
    );
    assert!(!weights.with_extension("onnx").exists());
}

#[test]
fn what_can_not_be_built_is_told_in_one_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let missing = fail(folder.path(), &["--tensorrt-lib", "/nonexistent"]);
    assert!(missing.contains("/nonexistent/"), "{missing}");
    if !has_library() {
        return;
    }
    for (args, part) in [
        (
            &["--precision", "fp32", "--target", "sm_75"][..],
            "use fp16",
        ),
        (&["--precision", "int8"], "quantised"),
        (&["--target", "current,sm_86"], "together"),
        (&["--max-batch", "0"], "max-batch"),
        (&["--model", "missing.onnx"], "missing.onnx"),
        (&["--model", "missing.safetensors"], "missing.safetensors"),
        (&["--data", "missing"], "missing"),
        (
            &["--target", "sm_86", "--output", "no/such/folder.engine"],
            "no/such/folder.engine",
        ),
    ] {
        let said = fail(folder.path(), args);
        assert!(said.contains(part), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Told by the reader of options, with its own exit code.
    for args in [
        &["--target", "sm_90"][..],
        &["--precision", "fp8"],
        &["--half"],
        &["--onnx"],
    ] {
        assert_eq!(run(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn an_engine_is_no_source_of_another() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["--target", "sm_86"]);
    let said = fail(
        folder.path(),
        &["--model", "fer.engine", "--target", "sm_86"],
    );
    assert!(said.contains("from an ONNX file"), "{said}");
}

#[test]
fn a_quantised_file_becomes_an_engine_of_eight_bits() {
    if !has_library() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let samples = common::samples(16, CLASSES.len(), 4);
    let samples: Vec<&Sample> = samples.iter().collect();
    let about = Description::default();
    let model = export_quantised(&untrained(), &Calibration::NONE, &about, &samples).unwrap();
    std::fs::write(folder.path().join("own.onnx"), model.bytes()).unwrap();
    let options = ["--model", "own.onnx", "--precision"];
    succeed(folder.path(), &[&options[..], &["int8"]].concat());
    let header = header(&folder.path().join("own.engine"));
    assert_eq!(header.precision, Precision::Int8);
    if card(0).is_err() {
        assert_eq!(
            header.targets.len(),
            Target::supported(Precision::Int8).len()
        );
    }
    let said = fail(folder.path(), &[&options[..], &["fp16"]].concat());
    assert!(said.contains("so the engine is int8"), "{said}");
}
