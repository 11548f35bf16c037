//! TensorRT's real builder, which needs its library but no card, and the cache of engines.
#![cfg(feature = "tensorrt")]

mod skip;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use fer::engine::tensorrt::{
    BuildOptions, EngineFile, EngineHeader, FLAVOUR, Precision, Target, build, cache, library,
    to_half,
};
use fer::engine::{self, EngineKind, EngineOptions};
use fer::model::Overrides;
use fer::{Error, Model};
use skip::skip;

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

fn options(precision: Precision, targets: &[Target]) -> BuildOptions {
    BuildOptions {
        precision,
        max_batch: 16,
        targets: targets.to_vec(),
    }
}

#[test]
fn the_bundled_model_builds_for_every_supported_card() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    for precision in [Precision::Fp32, Precision::Fp16] {
        let targets = Target::supported(precision);
        let file = build(&model, &options(precision, &targets), None).unwrap();
        let read = EngineFile::from_bytes(file.bytes().to_vec()).unwrap();
        let header = read.header();
        assert_eq!(header.model, *model.info());
        assert_eq!(header.source_sha256, model.sha256());
        assert_eq!(header.targets.len(), targets.len());
        // The weights are in it, in the type that was asked for.
        let least = match precision {
            Precision::Fp32 => 12_000_000,
            _ => 6_000_000,
        };
        assert!(read.engine().len() > least, "{}", read.engine().len());
    }
}

#[test]
fn half_precision_halves_the_engine() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let size = |precision| {
        build(&model, &options(precision, &[Target::Sm(86)]), None)
            .unwrap()
            .engine()
            .len()
    };
    let (single, half) = (size(Precision::Fp32), size(Precision::Fp16));
    assert!(10 * half < 7 * single, "{half} of {single} bytes");
}

#[test]
fn what_can_not_be_built_is_told_in_one_line() {
    let model = Model::bundled().unwrap();
    for (options, part) in [
        (options(Precision::Int8, &[Target::Sm(86)]), "quantised"),
        (options(Precision::Fp32, &[Target::Sm(75)]), "use fp16"),
        (options(Precision::Fp16, &[]), "no target"),
        (
            options(Precision::Fp16, &[Target::Current, Target::Sm(86)]),
            "together",
        ),
        (
            BuildOptions {
                max_batch: 0,
                ..BuildOptions::default()
            },
            "max-batch",
        ),
    ] {
        let error = build(&model, &options, None).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn without_a_card_the_engine_says_so() {
    let options = EngineOptions {
        kind: EngineKind::TensorRt,
        ..EngineOptions::default()
    };
    match engine::open(&Model::bundled().unwrap(), &options) {
        Ok(_) => skip("there is a card"),
        Err(error) => {
            assert!(matches!(error, Error::Engine { .. }), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

/// The network in 16 bits computes the same in a runtime that takes such a graph.
#[test]
fn the_half_precision_graph_agrees() {
    let model = Model::bundled().unwrap();
    let half = to_half(model.bytes()).unwrap();
    let half = Model::from_bytes("half", half, &Overrides::default()).unwrap();
    let input: Vec<f32> = (0..model.info().input.len())
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    let run = |model: &Model| -> Result<Vec<f32>, Error> {
        let options = EngineOptions {
            kind: EngineKind::OnnxRuntime,
            ..EngineOptions::default()
        };
        let mut output = vec![0.0; model.info().labels.len()];
        engine::open(model, &options)?
            .engine
            .run(&input, 1, &mut output)?;
        Ok(fer::classify::softmax(&output))
    };
    match (run(&model), run(&half)) {
        (Ok(single), Ok(half)) => {
            for (a, b) in single.iter().zip(&half) {
                assert!((a - b).abs() < 5e-3, "{single:?} {half:?}");
            }
        }
        (Err(Error::Engine { reason, .. }), _) => {
            skip(reason);
        }
        (single, half) => panic!("{single:?} {half:?}"),
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fer-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn key_and_file() -> (cache::Key, EngineFile) {
    let model = Model::bundled().unwrap();
    let key = cache::Key {
        model: model.sha256(),
        flavour: FLAVOUR,
        version: "1.7.1.116".into(),
        device: "sm_86".into(),
        precision: Precision::Fp16,
        max_batch: 16,
    };
    let header = EngineHeader {
        model: model.info().clone(),
        input: "input".into(),
        output: "logits".into(),
        flavour: FLAVOUR,
        tensorrt: key.version.clone(),
        targets: vec!["current".into()],
        precision: key.precision,
        max_batch: 16,
        source_sha256: key.model.clone(),
        engine_sha256: String::new(),
    };
    (key, EngineFile::new(header, &[1, 2, 3]))
}

#[test]
fn streams_that_want_the_same_engine_build_it_once() {
    let folder = folder("once");
    let (key, file) = key_and_file();
    let builds = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let got = cache::get_or_build(&folder, &key, || {
                    builds.fetch_add(1, Ordering::Relaxed);
                    Ok(file.clone())
                });
                assert_eq!(got.unwrap(), file);
            });
        }
    });
    assert_eq!(builds.into_inner(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_or_foreign_entry_is_built_anew() {
    let folder = folder("damaged");
    let (key, file) = key_and_file();
    let get = |key: &cache::Key| {
        let mut built = false;
        let got = cache::get_or_build(&folder, key, || {
            built = true;
            Ok(file.clone())
        });
        assert_eq!(got.unwrap(), file);
        built
    };
    assert!(get(&key));
    assert!(!get(&key));
    let path = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "engine"))
        .unwrap();
    std::fs::write(&path, &file.bytes()[..file.bytes().len() - 1]).unwrap();
    assert!(get(&key), "half an engine was used");
    assert!(!get(&key));
    let other = cache::Key {
        version: "1.8.0.1".into(),
        ..key
    };
    assert!(get(&other), "another version's engine was used");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_build_that_fails_leaves_no_entry() {
    let folder = folder("failed");
    let (key, file) = key_and_file();
    let failed = cache::get_or_build(&folder, &key, || Err(Error::Setting("no".into())));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(
        cache::get_or_build(&folder, &key, || Ok(file.clone())).unwrap(),
        file
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_that_can_not_be_written_to_costs_only_the_build() {
    let (key, file) = key_and_file();
    let folder = PathBuf::from("/dev/null/cache");
    assert_eq!(
        cache::get_or_build(&folder, &key, || Ok(file.clone())).unwrap(),
        file
    );
}
