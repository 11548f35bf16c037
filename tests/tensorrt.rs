//! TensorRT's real builder, which needs its library but no card, and the cache of engines.
#![cfg(feature = "tensorrt")]

mod mean;
mod skip;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fer::engine::tensorrt::{
    BuildOptions, FLAVOUR, Target, Validity, build, cache, card, library, network, to_half,
    validity,
};
use fer::engine::{self, EngineKind, EngineOptions};
use fer::model::Overrides;
use fer::model::{EngineFile, EngineHeader, Precision};
use fer::onnx::proto::{GraphProto, ModelProto};
use fer::{Error, Model};
use mean::{DataType, MeanModel};
use prost::Message;
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
        device: 0,
    }
}

fn graph(model: &Model) -> GraphProto {
    let model = ModelProto::decode(model.bytes()).unwrap();
    model.graph.unwrap()
}

#[test]
fn the_bundled_model_builds_for_every_supported_card() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let sizes = graph(&model).initializer.into_iter().map(|c| c.dims);
    let weights = sizes.map(|dims| dims.iter().product::<i64>()).sum::<i64>() as usize;
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
            Precision::Fp32 => 4 * weights,
            _ => 2 * weights,
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

/// TensorRT's parser must not silently leave out or reshape anything: every convolution of
/// the file is there under its name, with its number of channels, in the wanted type.
#[test]
fn the_network_has_the_layers_and_tensors_of_the_file() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let graph = graph(&model);
    let channels = |weight: &str| {
        // Weights in 16 bits stand behind a cast.
        let cast = graph.node.iter().find(|n| n.output[0] == weight);
        let name = cast.map_or(weight, |cast| &cast.input[0]);
        let weight = graph.initializer.iter().find(|c| c.name == name);
        weight.unwrap().dims[0]
    };
    let convolutions: Vec<_> = graph.node.iter().filter(|n| n.op_type == "Conv").collect();
    for (precision, kind) in [(Precision::Fp32, "float"), (Precision::Fp16, "half")] {
        let network = network(&model, precision, None).unwrap();
        let built: Vec<_> = network
            .layers
            .iter()
            .filter(|layer| layer.kind == "convolution")
            .collect();
        assert_eq!(built.len(), convolutions.len());
        for (layer, node) in built.iter().zip(&convolutions) {
            let [output] = &layer.outputs[..] else {
                panic!("{layer:?}");
            };
            assert_eq!(layer.name, node.name);
            assert_eq!(output.name, node.output[0]);
            assert_eq!(output.shape[..2], [-1, channels(&node.input[1])]);
            assert_eq!(output.kind, kind);
        }
        // The ends are of 32-bit floats either way.
        let ([input], [output]) = (&network.inputs[..], &network.outputs[..]) else {
            panic!("{network:?}");
        };
        assert_eq!(input.name, model.graph().input);
        assert_eq!(input.shape, [-1, 1, 48, 48]);
        assert_eq!(output.name, model.graph().output);
        assert_eq!(output.shape, [-1, model.info().labels.len() as i64]);
        assert_eq!([&input.kind, &output.kind], ["float", "float"]);
    }
}

#[test]
fn the_library_takes_what_it_built_and_refuses_what_is_damaged() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let file = build(&model, &options(Precision::Fp16, &[Target::Sm(86)]), None).unwrap();
    // The checksum is right in both, so only TensorRT can tell them apart.
    let damaged = EngineFile::new(file.header().clone(), &vec![0; file.engine().len()]);
    if card(0).is_err() {
        assert_eq!(validity(&file, None).unwrap(), Validity::Unknown);
    }
    match validity(&damaged, None).unwrap() {
        Validity::Refused(reason) => assert!(reason.contains("damaged"), "{reason}"),
        other => panic!("{other:?}"),
    }
    let stub = EngineFile::new(file.header().clone(), &file.engine()[..10]);
    let error = validity(&stub, None).unwrap_err().to_string();
    assert!(
        error.contains("64 bytes") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn of_a_graph_with_two_outputs_the_one_with_the_classes_is_built() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let mut proto = ModelProto::decode(model.bytes()).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let mut second = graph.output[0].clone();
    second.name.clone_from(&graph.node[0].output[0]);
    second.r#type = None;
    graph.output.insert(0, second);
    let two = Model::from_bytes("two", proto.encode_to_vec(), &Overrides::default()).unwrap();
    let built = build(&two, &options(Precision::Fp32, &[Target::Sm(86)]), None);
    let output = built.map(|file| file.header().output.clone());
    assert_eq!(
        output.map_err(|e| e.to_string()),
        Ok(model.graph().output.clone())
    );
}

#[test]
fn networks_of_other_tools_are_built() {
    if !has_library() {
        return;
    }
    let overrides = Overrides {
        labels: Some(["a", "b", "c"].map(str::to_owned).to_vec()),
        mean: Some(vec![0.0]),
        std: Some(vec![1.0]),
        size: Some((4, 4)),
        ..Overrides::default()
    };
    let fixed = MeanModel {
        input: vec![4, 3, 4, 4],
        outputs: vec![("output", DataType::Float, vec![4, 3])],
        ..MeanModel::default()
    };
    let open = MeanModel {
        input: vec![-1, 3, -1, -1],
        ..MeanModel::default()
    };
    let half = MeanModel {
        input_type: DataType::Float16,
        outputs: vec![("output", DataType::Float16, vec![-1, 3])],
        ..MeanModel::default()
    };
    let bytes = MeanModel {
        input_type: DataType::Uint8,
        ..MeanModel::default()
    };
    for (name, network, batch, most) in [
        ("fixed", fixed, Some(4), 4),
        ("open", open, None, 16),
        ("half", half, None, 16),
        ("bytes", bytes, None, 16),
    ] {
        let model = Model::from_bytes(name, network.bytes(), &overrides).unwrap();
        for precision in [Precision::Fp32, Precision::Fp16] {
            let built = build(&model, &options(precision, &[Target::Sm(86)]), None);
            let sizes = built.map(|file| (file.header().batch, file.header().max_batch));
            let sizes = sizes.map_err(|e| e.to_string());
            assert_eq!(sizes, Ok((batch, most)), "{name} in {precision}");
        }
    }
}

#[test]
fn an_operator_that_tensorrt_lacks_is_named() {
    if !has_library() {
        return;
    }
    let model = Model::bundled().unwrap();
    let mut proto = ModelProto::decode(model.bytes()).unwrap();
    proto.graph.as_mut().unwrap().node[0].op_type = "Frobnicate".into();
    let other = Model::from_bytes("other", proto.encode_to_vec(), &Overrides::default()).unwrap();
    let error = build(&other, &options(Precision::Fp32, &[Target::Sm(86)]), None).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("Frobnicate") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn the_current_card_can_only_be_built_for_where_there_is_one() {
    if !has_library() {
        return;
    }
    if card(0).is_ok() {
        skip("there is a card");
        return;
    }
    let error = build(&Model::bundled().unwrap(), &BuildOptions::default(), None).unwrap_err();
    assert!(error.to_string().contains("driver"), "{error}");
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
        targets: vec![key.device.clone()],
        precision: key.precision,
        max_batch: 16,
        batch: None,
        source_sha256: key.model.clone(),
        engine_sha256: String::new(),
    };
    (key, EngineFile::new(header, &[1, 2, 3]))
}

/// The engine from the cache, which is not opened.
fn get_or_build(
    folder: &Path,
    key: &cache::Key,
    build: impl FnOnce() -> Result<EngineFile, Error>,
) -> Result<EngineFile, Error> {
    cache::get_or_build(folder, key, build, |_| Ok(())).map(|(file, ())| file)
}

#[test]
fn an_engine_that_is_not_taken_is_built_anew() {
    let folder = folder("refused");
    let (key, file) = key_and_file();
    get_or_build(&folder, &key, || Ok(file.clone())).unwrap();
    let mut header = file.header().clone();
    header.output = "scores".into();
    let anew = EngineFile::new(header, &[4, 5, 6]);
    let take = |file: &EngineFile| match file.header().output.as_str() {
        "scores" => Ok(1),
        _ => Err("of another driver".to_owned()),
    };
    let build = || Ok(anew.clone());
    let got = cache::get_or_build(&folder, &key, build, take).unwrap();
    assert_eq!(got, (anew.clone(), 1));
    // It has taken the place of the other one.
    let got = cache::get_or_build(&folder, &key, || panic!("is there"), take).unwrap();
    assert_eq!(got, (anew, 1));
    let refused = cache::get_or_build(&folder.join("new"), &key, || Ok(file.clone()), take);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("of another driver")
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("others");
    let (key, file) = key_and_file();
    get_or_build(&folder, &key, || Ok(file.clone())).unwrap();
    let mode = || std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let mut built = false;
    get_or_build(&folder, &key, || {
        built = true;
        Ok(file.clone())
    })
    .unwrap();
    assert!(built, "an engine was taken that anybody may have put there");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn streams_that_want_the_same_engine_build_it_once() {
    let folder = folder("once");
    let (key, file) = key_and_file();
    let builds = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let got = get_or_build(&folder, &key, || {
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
        let got = get_or_build(&folder, key, || {
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
fn a_stream_waits_for_another_process_that_builds() {
    let folder = folder("waits");
    let (key, file) = key_and_file();
    get_or_build(&folder, &key, || Ok(file.clone())).unwrap();
    let entry = |ending: &str| {
        let mut entries = std::fs::read_dir(&folder).unwrap();
        entries.find_map(|entry| {
            let path = entry.unwrap().path();
            path.extension()
                .is_some_and(|e| e == ending)
                .then_some(path)
        })
    };
    let path = entry("engine").unwrap();
    std::fs::remove_file(&path).unwrap();
    // As a process would that died while it wrote.
    std::fs::write(path.with_extension("engine.1.part"), [0; 100]).unwrap();
    let builder = std::fs::File::open(entry("lock").unwrap()).unwrap();
    builder.lock().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| get_or_build(&folder, &key, || panic!("the other has built it")).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!waiting.is_finished());
        file.write(&path).unwrap();
        builder.unlock().unwrap();
        assert_eq!(waiting.join().unwrap(), file);
    });
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_build_that_fails_leaves_no_entry() {
    let folder = folder("failed");
    let (key, file) = key_and_file();
    let failed = get_or_build(&folder, &key, || Err(Error::Setting("no".into())));
    assert_eq!(failed.unwrap_err().to_string(), "no");
    assert_eq!(
        get_or_build(&folder, &key, || Ok(file.clone())).unwrap(),
        file
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_that_can_not_be_written_to_costs_only_the_build() {
    let (key, file) = key_and_file();
    let folder = PathBuf::from("/dev/null/cache");
    assert_eq!(
        get_or_build(&folder, &key, || Ok(file.clone())).unwrap(),
        file
    );
}
