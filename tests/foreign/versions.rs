//! Versions of operators, order of channels, types of the input.

use super::*;

#[test]
fn operators_of_all_usual_versions_are_read() {
    for opset in [7, 9, 11, 13, 15, 17, 19, 21, 22, 23] {
        let mut model = MeanModel::chain(&[("Softmax", &[("axis", 1)])]);
        model.opset = opset;
        assert_reads(&load(&model), &format!("opset {opset}"), right);
    }
    let model = MeanModel {
        opset: 6,
        ..Default::default()
    };
    let message = refusal(&model, &abc());
    assert!(
        message.contains("version 6") && message.contains("7 or newer"),
        "{message}"
    );
}

#[test]
fn channels_may_come_last_and_sizes_be_open() {
    let last = MeanModel {
        input: vec![-1, 4, 4, 3],
        channels_last: true,
        ..Default::default()
    };
    assert_reads(&load(&last), "channels last", right);

    let sized = Overrides {
        size: Some((6, 5)),
        ..abc()
    };
    for (input, channels_last) in [(vec![-1, 3, -1, -1], false), (vec![-1, -1, -1, 3], true)] {
        let open = MeanModel {
            input,
            channels_last,
            ..Default::default()
        };
        let message = refusal(&open, &abc());
        assert!(message.contains("input-size"), "{message}");
        let model = Model::from_bytes("own.onnx", open.bytes(), &sized).unwrap();
        assert_eq!(
            (model.info().input.width, model.info().input.height),
            (6, 5)
        );
        assert_reads(&model, "open size", right);
        let other = Overrides {
            size: Some((8, 8)),
            ..abc()
        };
        assert_ne!(model.with(&other).unwrap().sha256(), model.sha256());
    }
    let message = refusal(&MeanModel::default(), &sized);
    assert!(message.contains("[?, 3, 4, 4]"), "{message}");
}

#[test]
fn floats_of_other_sizes_are_fed_and_read() {
    for output in [DataType::Float16, DataType::Float] {
        let tail = match output {
            DataType::Float => vec![node("Cast", &["scores"], "output", &[("to", 1)])],
            _ => vec![node("Identity", &["scores"], "output", &[])],
        };
        let model = load(&MeanModel {
            input_type: DataType::Float16,
            outputs: vec![("output", output, vec![-1, 3])],
            tail,
            ..Default::default()
        });
        assert_reads(&model, "half", right);
    }
    let double = MeanModel {
        input_type: DataType::Double,
        ..Default::default()
    };
    assert_reads(&load(&double), "double", right);
}

#[test]
fn bytes_are_fed_as_they_are() {
    let bytes = |passed_on| MeanModel {
        passed_on,
        input_type: DataType::Uint8,
        tail: vec![node("Mul", &["scores", "scale"], "output", &[])],
        constants: vec![number("scale", 1.0 / 255.0)],
        ..Default::default()
    };
    let only_labels = Overrides {
        labels: abc().labels,
        ..Default::default()
    };
    let colour = [200u8, 180, 190];
    let pixels = colour.repeat(100);
    let frame = Frame::rgb(&pixels, 10, 10).unwrap();
    let wanted = right(colour.map(|c| f32::from(c) / 255.0));
    for (kind, passed_on) in ENGINES.into_iter().flat_map(|e| [(e, false), (e, true)]) {
        let model = bytes(passed_on).bytes();
        let model = Model::from_bytes("own.onnx", model, &only_labels).unwrap();
        let spec = &model.info().input;
        assert_eq!((&spec.mean[..], &spec.std[..]), (&[0.0][..], &[1.0][..]));
        let mut classifier = match open(&model, kind) {
            Ok(classifier) => classifier,
            Err(why) if kind == EngineKind::OnnxRuntime => {
                skip(why);
                continue;
            }
            Err(why) => panic!("{why}"),
        };
        let whole = [Rect::new(0.0, 0.0, 10.0, 10.0)];
        let read = classifier.classify(&frame, &whole).unwrap();
        for (a, b) in read[0].probabilities.iter().zip(&wanted) {
            assert!((a - b).abs() < 1e-3, "{kind}: {read:?}, not {wanted:?}");
        }
    }
    let scaled = Overrides {
        std: Some(vec![255.0]),
        ..only_labels
    };
    let message = refusal(&bytes(false), &scaled);
    assert!(
        message.contains("uint8") && message.contains("std 1"),
        "{message}"
    );
}
