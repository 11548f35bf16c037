//! `fer-trainer export --model-repository`: folders that servers serve from.

mod common;
#[path = "../../tests/servers/mod.rs"]
mod servers;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::path::Path;
use std::time::Duration;

use common::program::{fail, succeed};
use fer::engine::{EngineKind, EngineOptions, Fallback, RemoteOptions};
use fer::model::Overrides;
use fer::{Classifier, Model, Prediction};
use servers::Server;

/// What `model` says of two faces of these pixels.
fn read(model: &Model, pixels: &[u8]) -> Vec<Prediction> {
    let options = EngineOptions {
        kind: EngineKind::Builtin,
        ..Default::default()
    };
    read_by(&options, model, pixels)
}

/// The same by another engine.
fn read_by(options: &EngineOptions, model: &Model, pixels: &[u8]) -> Vec<Prediction> {
    let (mean, std) = model.info().input.mean_and_std(0);
    let input: Vec<f32> = pixels
        .iter()
        .map(|p| (f32::from(*p) - mean) / std)
        .collect();
    let mut classifier = Classifier::new(model, options).unwrap();
    classifier.classify_prepared(&input).unwrap()
}

fn assert_alike(have: &[Prediction], want: &[Prediction]) {
    assert_eq!(have.len(), want.len());
    for (a, b) in have.iter().zip(want) {
        for (a, b) in a.probabilities.iter().zip(&b.probabilities) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn a_repository_has_the_model_its_labels_and_what_a_server_needs_to_know() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let bundled = Model::bundled().unwrap();
    let pixels: Vec<u8> = (0..2 * 48 * 48u32)
        .map(|i| (i * i / 7 % 256) as u8)
        .collect();
    let here = read(&bundled, &pixels);
    for (name, options, datatype, bytes) in [
        ("fer", &[][..], "TYPE_FP32", "9216 bytes a face"),
        (
            "bytes",
            &["--served-as", "bytes", "--pixels"][..],
            "TYPE_UINT8",
            "2304 bytes a face",
        ),
    ] {
        let export = [&["export", "--model-repository", root][..], options].concat();
        let printed = succeed(&export);
        assert!(printed.contains(bytes), "{printed}");
        let place = folder.path().join(name);
        let file = |name: &str| std::fs::read_to_string(place.join(name)).unwrap();
        let config = file("config.pbtxt");
        for part in [
            &format!("name: \"{name}\"") as &str,
            "backend: \"onnxruntime\"",
            "max_batch_size: 64",
            "dims: [ 1, 48, 48 ]",
            "dims: [ 7 ]",
            "label_filename: \"labels.txt\"",
            "max_queue_delay_microseconds: 1000",
            datatype,
        ] {
            assert!(config.contains(part), "{part}: {config}");
        }
        let labels: Vec<String> = file("labels.txt").lines().map(str::to_owned).collect();
        assert_eq!(labels, bundled.info().labels);
        let written = Model::load(place.join("1/model.onnx"), &Overrides::default()).unwrap();
        assert_alike(&here, &read(&written, &pixels));
        if let Some(server) = Server::of_repository(name, folder.path(), name) {
            server.wait_for(&bundled);
            let remote = EngineOptions {
                kind: EngineKind::Remote,
                remote: RemoteOptions {
                    endpoints: vec![server.endpoint()],
                    model: name.to_owned(),
                    deadline: Duration::from_secs(20),
                    fallback: Fallback::Error,
                    ..Default::default()
                },
                ..Default::default()
            };
            assert_alike(&here, &read_by(&remote, &bundled, &pixels));
        }
        let left = std::fs::read_dir(folder.path()).unwrap().flatten();
        assert!(
            left.into_iter()
                .all(|entry| !entry.file_name().to_string_lossy().contains("part"))
        );
        // What is there is not touched.
        let before = std::fs::read(place.join("1/model.onnx")).unwrap();
        let said = fail(&[&export[..], &["--builtin-model", "small"]].concat());
        assert!(said.contains("is there already"), "{said}");
        assert!(before == std::fs::read(place.join("1/model.onnx")).unwrap());
    }
}

#[test]
fn a_repository_of_a_file_says_the_names_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let small = Model::built_in(fer::model::Bundled::Small).unwrap();
    std::fs::write(path("own.onnx"), small.bytes()).unwrap();
    let export = [
        "export",
        "--model-repository",
        &path("r"),
        "--model",
        &path("own.onnx"),
    ];
    succeed(&[&export[..], &["--server-batch", "8", "--server-delay", "0"]].concat());
    let config = std::fs::read_to_string(Path::new(&path("r")).join("fer/config.pbtxt")).unwrap();
    for name in [&small.graph().input, &small.graph().output] {
        assert!(config.contains(&format!("name: \"{name}\"")), "{config}");
    }
    assert!(config.contains("max_batch_size: 8"), "{config}");
    for (options, said) in [
        (&["--served-as", "../up"][..], "letters"),
        (&["--served-as", ""][..], "letters"),
    ] {
        let why = fail(&[&export[..], options].concat());
        assert!(why.contains(said), "{why}");
    }
}
