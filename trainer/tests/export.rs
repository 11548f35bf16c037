//! The exported file is what the plugin takes, and computes what was trained.

#[path = "../../tests/skip/mod.rs"]
mod skip;

use fer::Model;
use fer::engine::{self, EngineKind, EngineOptions, ExecutionProvider, OnnxRuntime};
use fer_trainer::SIDE;
use fer_trainer::artifact::Network;
use fer_trainer::data::Sample;
use fer_trainer::export::{Calibration, Description, Storage, export, export_quantised, verify};
use fer_trainer::nn::weights::Tensors;
use fer_trainer::nn::{Architecture, Weights, Workspace};
use fer_trainer::rng::Rng;
use fer_trainer::train::predict;
use skip::skip;

/// A network with batch norm statistics as uneven as training makes them.
fn network() -> Network {
    let mut rng = Rng::new(3);
    let net = Architecture::new(0.25, 7).unwrap();
    let (mut weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut rng);
    for layer in 0..net.layers.len() {
        weights.params[3 * layer + 1].fill_with(|| 1.0 + 0.3 * rng.symmetric());
        weights.params[3 * layer + 2].fill_with(|| 0.5 * rng.symmetric());
        let moments = &mut weights.moments[layer];
        moments.mean.fill_with(|| 0.2 * rng.symmetric());
        moments.variance.fill_with(|| 0.3 + 0.2 * rng.unit());
    }
    weights.head_mut().0.fill_with(|| 0.3 * rng.normal());
    Network {
        classes: [
            "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
        ]
        .map(String::from)
        .to_vec(),
        net,
        weights,
        path: "test".into(),
    }
}

fn samples() -> Vec<Sample> {
    let mut rng = Rng::new(5);
    (0..20)
        .map(|_| Sample {
            pixels: (0..SIDE * SIDE)
                .map(|_| (rng.unit() * 256.0) as u8)
                .collect(),
            ..Sample::default()
        })
        .collect()
}

#[test]
fn the_builtin_engine_computes_the_same_scores() {
    let (network, samples) = (network(), samples());
    let samples: Vec<&Sample> = samples.iter().collect();
    let about = Description::default();
    for storage in [Storage::Single, Storage::Half] {
        let (folded, model) = export(&network, storage, &Calibration::NONE, &about).unwrap();
        let (net, weights) = (&folded.net, &folded.weights);
        verify::check(net, weights, &model, EngineKind::Builtin, &samples).unwrap();
    }
}

#[test]
fn onnx_runtime_computes_the_same_scores() {
    let (network, samples) = (network(), samples());
    let samples: Vec<&Sample> = samples.iter().collect();
    let about = Description::default();
    for storage in [Storage::Single, Storage::Half] {
        let (folded, model) = export(&network, storage, &Calibration::NONE, &about).unwrap();
        match OnnxRuntime::open(&model, 1, ExecutionProvider::Cpu, 0) {
            Ok(_) => {}
            Err(fer::Error::Engine { reason, .. }) => {
                skip(reason);
                return;
            }
            Err(refused) => panic!("{refused}"),
        }
        let (net, weights) = (&folded.net, &folded.weights);
        verify::check(net, weights, &model, EngineKind::OnnxRuntime, &samples).unwrap();
    }
}

#[test]
fn folding_and_calibration_only_move_and_scale_the_scores() {
    let (network, samples) = (network(), samples());
    let samples: Vec<&Sample> = samples.iter().collect();
    let about = Description::default();
    let halved = Calibration {
        offsets: (0..7).map(|class| 0.5 * class as f32).collect(),
        temperature: 2.0,
    };
    let (folded, _) = export(&network, Storage::Single, &halved, &about).unwrap();
    let mut workspaces = [Workspace::new(&network.net, 32)];
    let mut scores = |weights| predict(&network.net, weights, &mut workspaces, &samples, false);
    let (trained, folded) = (scores(&network.weights), scores(&folded.weights));
    for (trained, folded) in trained.iter().zip(&folded) {
        for (class, (a, b)) in trained.iter().zip(folded).enumerate() {
            let want = a / 2.0 + 0.5 * class as f32;
            assert!((want - b).abs() < 1e-4 * a.abs().max(1.0), "{want} {b}");
        }
    }
}

#[test]
fn a_wrong_file_is_noticed() {
    let (network, samples) = (network(), samples());
    let samples: Vec<&Sample> = samples.iter().collect();
    let (mut folded, model) = export(
        &network,
        Storage::Single,
        &Calibration::NONE,
        &Description::default(),
    )
    .unwrap();
    folded.weights.head_mut().1[0] += 1e-2;
    let (net, weights) = (&folded.net, &folded.weights);
    let error = verify::check(net, weights, &model, EngineKind::Builtin, &samples).unwrap_err();
    assert!(error.to_string().contains("builtin"), "{error}");
}

#[test]
fn the_file_says_what_it_is_and_half_is_half_as_large() {
    let network = network();
    let about = Description {
        name: "mine".into(),
        ..Description::default()
    };
    let size = |storage| -> (Model, usize) {
        let (_, model) = export(&network, storage, &Calibration::NONE, &about).unwrap();
        let len = model.bytes().len();
        (model, len)
    };
    let ((model, single), (_, half)) = (size(Storage::Single), size(Storage::Half));
    assert_eq!(model.info().labels, network.classes);
    assert_eq!(model.info().name, "mine");
    assert_eq!(model.info().input.mean, [127.5]);
    assert!((half as f64) < 0.6 * single as f64, "{half} {single}");
}

/// Scores of a model in `kind`, all samples one after another.
fn scores(model: &Model, kind: EngineKind, samples: &[&Sample]) -> Result<Vec<f32>, fer::Error> {
    let options = EngineOptions {
        kind,
        ..EngineOptions::default()
    };
    let engine = engine::open(model, &options)?.engine;
    let pixels = samples.iter().flat_map(|s| &s.pixels);
    let input: Vec<f32> = pixels.map(|p| f32::from(*p) / 127.5 - 1.0).collect();
    let mut output = vec![0.0; samples.len() * model.info().labels.len()];
    engine.run(&input, samples.len(), &mut output)?;
    Ok(output)
}

/// Eight bits round, but the noise must stay far below what the network says.
#[test]
fn a_quantised_network_says_nearly_the_same() {
    let (network, samples) = (network(), samples());
    let samples: Vec<&Sample> = samples.iter().collect();
    let about = Description::default();
    let (_, single) = export(&network, Storage::Single, &Calibration::NONE, &about).unwrap();
    let model = export_quantised(&network, &Calibration::NONE, &about, &samples).unwrap();
    assert_eq!(model.info(), single.info());
    assert!(10 * model.bytes().len() < 4 * single.bytes().len());
    let exact = scores(&single, EngineKind::Builtin, &samples).unwrap();
    let mean = exact.iter().sum::<f32>() / exact.len() as f32;
    let signal: f32 = exact.iter().map(|v| (v - mean).powi(2)).sum();
    for kind in [EngineKind::Builtin, EngineKind::OnnxRuntime] {
        match scores(&model, kind, &samples) {
            Ok(rounded) => {
                let pairs = exact.iter().zip(&rounded);
                let noise: f32 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
                assert!(noise < 0.05 * signal, "{kind}: {noise} of {signal}");
            }
            Err(fer::Error::Engine { reason, .. }) if kind == EngineKind::OnnxRuntime => {
                skip(format!("{kind}: {reason}"));
            }
            Err(why) => panic!("{why}"),
        }
    }
}
