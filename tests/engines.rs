//! The engines on the bundled model: they agree, and a batch gives what single faces give.

mod skip;

use std::time::Duration;

use fer::engine::{self, Builtin, Engine, EngineKind, EngineOptions, ExecutionProvider};
use fer::{Classifier, Error, Frame, Model, Rect};
use skip::skip;

/// Faces of smooth noise, prepared: values from -1 to 1.
fn faces(count: usize, len: usize) -> Vec<f32> {
    (0..count * len)
        .map(|i| ((i as f32 * 0.37).sin() + (i as f32 * 0.011).cos()) / 2.0)
        .collect()
}

/// Logits of `count` faces given in one batch, and one by one.
fn logits(kind: EngineKind, count: usize) -> Result<(Vec<f32>, Vec<f32>), Error> {
    let model = Model::bundled()?;
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let options = EngineOptions {
        kind,
        ..Default::default()
    };
    let engine = engine::open(&model, &options)?.engine;
    let input = faces(count, len);
    let mut batch = vec![0.0; count * classes];
    engine.run(&input, count, &mut batch)?;
    let mut single = vec![0.0; count * classes];
    for (face, out) in input.chunks(len).zip(single.chunks_mut(classes)) {
        engine.run(face, 1, out)?;
    }
    Ok((batch, single))
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn builtin_gives_the_same_for_a_batch_and_for_single_faces() {
    let (batch, single) = logits(EngineKind::Builtin, 5).unwrap();
    assert!(largest_difference(&batch, &single) < 1e-5);
    assert!(batch.iter().any(|v| v.abs() > 1e-3), "{batch:?}");
}

#[test]
fn onnx_runtime_agrees_with_builtin() {
    let (batch, single) = match logits(EngineKind::OnnxRuntime, 5) {
        Ok(logits) => logits,
        Err(why @ Error::Engine { .. }) => {
            skip(why);
            return;
        }
        Err(other) => panic!("{other}"),
    };
    let (builtin, _) = logits(EngineKind::Builtin, 5).unwrap();
    assert!(largest_difference(&batch, &single) < 1e-4);
    assert!(largest_difference(&batch, &builtin) < 1e-3);
}

#[test]
fn auto_says_what_it_took_and_why() {
    let model = Model::bundled().unwrap();
    let selection = engine::open(&model, &EngineOptions::default()).unwrap();
    assert_ne!(selection.kind, EngineKind::Auto);
    assert!(selection.reason.starts_with(selection.kind.name()));
}

#[test]
fn with_a_mirrored_look_a_face_and_its_mirror_image_are_read_alike() {
    let model = Model::bundled().unwrap();
    let options = EngineOptions {
        kind: EngineKind::Builtin,
        ..Default::default()
    };
    let face: Vec<u8> = (0..48 * 48).map(|i| (i * i / 40 % 251) as u8).collect();
    let mut flipped = face.clone();
    flipped.chunks_exact_mut(48).for_each(<[u8]>::reverse);
    let whole = [Rect::new(0.0, 0.0, 48.0, 48.0)];
    let mut classifier = Classifier::new(&model, &options).unwrap();
    let mut read = |pixels: &[u8]| {
        let frame = Frame::gray(pixels, 48, 48).unwrap();
        let found = classifier.classify(&frame, &whole).unwrap();
        let one = found[0].probabilities.clone();
        classifier.set_mirror(true);
        let found = classifier.classify(&frame, &whole).unwrap();
        assert_eq!(found.len(), 1);
        let two = found[0].probabilities.clone();
        classifier.set_mirror(false);
        [one, two]
    };
    let ([one, two], [flipped_one, flipped_two]) = (read(&face), read(&flipped));
    assert!(largest_difference(&one, &flipped_one) > 1e-3);
    assert!(largest_difference(&two, &flipped_two) < 1e-5);
    for ((two, a), b) in two.iter().zip(&one).zip(&flipped_one) {
        assert!((two - (a + b) / 2.0).abs() < 1e-5);
    }
}

#[test]
fn streams_that_share_an_engine_get_their_own_faces_back() {
    let model = Model::bundled().unwrap();
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let options = EngineOptions {
        kind: EngineKind::Builtin,
        shared: true,
        // Nobody waits for it on a processor.
        batch_timeout: Duration::from_secs(3600),
        ..Default::default()
    };
    let all = faces(6, len);
    let alone = Builtin::open(&model).unwrap();
    let mut wanted = vec![0.0; 6 * classes];
    alone.run(&all, 6, &mut wanted).unwrap();

    // Keeps the engine open between the streams, so that each of them must join it.
    let _first = engine::open(&model, &options).unwrap();
    std::thread::scope(|scope| {
        for (stream, faces) in all.chunks(2 * len).enumerate() {
            let (model, options, wanted) = (&model, &options, &wanted);
            scope.spawn(move || {
                let selection = engine::open(model, options).unwrap();
                assert!(selection.reason.contains("shared"), "{}", selection.reason);
                for _ in 0..5 {
                    let mut out = vec![0.0; 2 * classes];
                    selection.engine.run(faces, 2, &mut out).unwrap();
                    let own = &wanted[stream * 2 * classes..][..2 * classes];
                    assert!(largest_difference(&out, own) < 1e-5);
                }
            });
        }
    });
}

#[test]
fn names_of_engines_are_read_back() {
    for kind in EngineKind::ALL {
        assert_eq!(kind.name().parse::<EngineKind>().unwrap(), kind);
    }
    assert!(
        "cuda"
            .parse::<EngineKind>()
            .unwrap_err()
            .to_string()
            .contains("builtin")
    );
}

/// The bundled network on a card by ONNX Runtime.
fn cuda(kind: EngineKind) -> EngineOptions {
    EngineOptions {
        kind,
        execution_provider: ExecutionProvider::Cuda,
        ..Default::default()
    }
}

#[test]
fn onnx_runtime_computes_on_a_card_or_says_why_it_cannot() {
    let model = Model::bundled().unwrap();
    let engine = match engine::open(&model, &cuda(EngineKind::Auto)) {
        Ok(selection) => {
            assert_eq!(selection.kind, EngineKind::OnnxRuntime);
            selection.engine
        }
        // That there is no card, and not that the model is wrong.
        Err(Error::Engine { engine, reason }) => {
            assert_eq!(engine, "onnxruntime");
            assert!(!reason.contains('\n'), "{reason}");
            return skip(reason);
        }
        Err(other) => panic!("{other}"),
    };
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let mut output = vec![0.0; 5 * classes];
    engine.run(&faces(5, len), 5, &mut output).unwrap();
    let (builtin, _) = logits(EngineKind::Builtin, 5).unwrap();
    assert!(largest_difference(&output, &builtin) < 1e-3);
}

#[test]
fn a_provider_of_onnx_runtime_is_refused_with_another_engine() {
    let model = Model::bundled().unwrap();
    for kind in [EngineKind::Builtin, EngineKind::TensorRt] {
        let why = engine::open(&model, &cuda(kind)).map(|_| ()).unwrap_err();
        assert!(why.to_string().contains("onnxruntime"), "{why}");
    }
}
