//! Scores, probabilities, and what comes before the output.

use super::*;

/// One number a face that is not a number where the mean is below a half.
fn sometimes_nan() -> Model {
    load(&MeanModel {
        tail: vec![
            node("Sub", &["scores", "five"], "centred", &[]),
            node("Log", &["centred"], "output", &[]),
        ],
        constants: vec![number("five", 5.0)],
        ..Default::default()
    })
}

#[test]
fn a_face_without_numbers_is_an_error_that_names_it_and_harms_no_other() {
    let model = sometimes_nan();
    let face = |value: f32| vec![value; 48];
    for kind in ENGINES {
        let mut classifier = match open(&model, kind) {
            Ok(classifier) => classifier,
            Err(why @ Error::Engine { .. }) => {
                skip(why);
                continue;
            }
            Err(other) => panic!("{other}"),
        };
        let error = classifier
            .classify_prepared(&[face(0.9), face(0.1), face(0.9)].concat())
            .unwrap_err();
        assert!(matches!(error, Error::Engine { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains("face 1") && message.contains("not a number"),
            "{message}"
        );
        let after = classifier.classify_prepared(&face(0.9)).unwrap();
        assert!((after[0].confidence - 1.0 / 3.0).abs() < 1e-6, "{after:?}");

        // 0 to 255 without mean and deviation: black is not a number, white is.
        let pixels: Vec<u8> = (0..80 * 40 * 3)
            .map(|i| if i / 3 % 80 < 40 { 0 } else { 255 })
            .collect();
        let frame = Frame::rgb(&pixels, 80, 40).unwrap();
        let halves = [0.0, 40.0].map(|x| Rect::new(x, 0.0, 40.0, 40.0));
        for mirror in [false, true] {
            classifier.set_mirror(mirror);
            let each = classifier.classify_each(&frame, &halves).unwrap();
            let named = each[0].as_ref().unwrap_err().to_string();
            assert!(named.contains("face 0"), "{named}");
            assert!(each[1].is_ok(), "{each:?}");
            assert!(classifier.classify(&frame, &halves).is_err());
            assert!(classifier.classify(&frame, &halves[1..]).is_ok());
        }
    }
}

/// Models whose output is probabilities, each by a name.
fn probabilities() -> Vec<(String, MeanModel)> {
    let softmax: (&str, &[(&str, i64)]) = ("Softmax", &[("axis", 1)]);
    let float = DataType::Float as i64;
    let mut models: Vec<(String, MeanModel)> = [
        vec![softmax],
        vec![softmax, ("Identity", &[])],
        vec![
            softmax,
            ("Cast", &[("to", DataType::Double as i64)]),
            ("Cast", &[("to", float)]),
        ],
        vec![softmax, ("Flatten", &[])],
        vec![softmax, ("Dropout", &[])],
        vec![softmax, ("Clip", &[]), ("Identity", &[])],
        vec![softmax, ("Transpose", &[]), ("Transpose", &[])],
    ]
    .into_iter()
    .map(|ops| (format!("{ops:?}"), MeanModel::chain(&ops)))
    .collect();
    let soft = node("Softmax", &["scores"], "soft", &[("axis", 1)]);
    models.push((
        "Reshape".into(),
        MeanModel {
            tail: vec![
                soft.clone(),
                node("Reshape", &["soft", "shape"], "output", &[]),
            ],
            constants: vec![whole("shape", &[-1, 3])],
            ..Default::default()
        },
    ));
    models.push((
        "Unsqueeze, Squeeze".into(),
        MeanModel {
            tail: vec![
                soft,
                node("Unsqueeze", &["soft", "axes"], "wide", &[]),
                node("Squeeze", &["wide", "axes"], "output", &[]),
            ],
            constants: vec![whole("axes", &[2])],
            ..Default::default()
        },
    ));
    for (name, source, shift) in [("Exp", "scores", false), ("Exp less max", "moved", true)] {
        let mut tail = Vec::new();
        if shift {
            let mut largest = node("ReduceMax", &["scores"], "largest", &[("keepdims", 1)]);
            largest.attribute.push(AttributeProto::ints("axes", &[1]));
            tail.extend([largest, node("Sub", &["scores", "largest"], "moved", &[])]);
        }
        tail.extend([
            node("Exp", &[source], "exp", &[]),
            node("ReduceSum", &["exp", "axes"], "sum", &[("keepdims", 1)]),
            node("Div", &["exp", "sum"], "output", &[]),
        ]);
        models.push((
            name.into(),
            MeanModel {
                tail,
                constants: vec![whole("axes", &[1])],
                ..Default::default()
            },
        ));
    }
    models
}

#[test]
fn probabilities_are_found_whatever_follows_them() {
    for (name, model) in probabilities() {
        let model = load(&model);
        assert_eq!(model.info().output, Output::Probabilities, "{name}");
        assert_reads(&model, &name, right);
    }
}

#[test]
fn logarithms_of_probabilities_are_read_as_probabilities() {
    let soft: (&str, &[(&str, i64)]) = ("Softmax", &[("axis", 1)]);
    for ops in [
        vec![("LogSoftmax", &[("axis", 1)][..])],
        vec![soft, ("Log", &[])],
    ] {
        let model = load(&MeanModel::chain(&ops));
        assert_eq!(model.info().output, Output::Logits);
        assert_reads(&model, "logarithms", right);
    }
    let back = MeanModel::chain(&[("LogSoftmax", &[("axis", 1)]), ("Exp", &[])]);
    assert_eq!(load(&back).info().output, Output::Probabilities);
    assert_reads(&load(&back), "exp of logarithms", right);
}

#[test]
fn sigmoids_are_divided_by_their_sum_and_get_no_softmax() {
    let model = load(&MeanModel::chain(&[("Sigmoid", &[]), ("Identity", &[])]));
    assert_eq!(model.info().output, Output::Independent);
    assert_reads(&model, "sigmoid", |colour| {
        let each = scores(colour).map(|s| 1.0 / (1.0 + (-s).exp()));
        let sum: f32 = each.iter().sum();
        each.map(|p| p / sum).to_vec()
    });
}

#[test]
fn scaled_scores_and_activations_are_scores() {
    let scaled = MeanModel {
        tail: vec![
            node("Mul", &["scores", "two"], "scaled", &[]),
            node("Add", &["scaled", "two"], "output", &[]),
        ],
        constants: vec![number("two", 2.0)],
        ..Default::default()
    };
    let activated = MeanModel {
        tail: vec![
            node("Sigmoid", &["scores"], "gate", &[]),
            node("Mul", &["scores", "gate"], "output", &[]),
        ],
        ..Default::default()
    };
    for model in [scaled, activated] {
        assert_eq!(load(&model).info().output, Output::Logits);
    }
}

#[test]
fn an_output_that_may_be_anything_must_be_named() {
    let percent = MeanModel {
        tail: vec![
            node("Softmax", &["scores"], "soft", &[("axis", 1)]),
            node("Mul", &["soft", "hundred"], "output", &[]),
        ],
        constants: vec![number("hundred", 100.0)],
        ..Default::default()
    };
    let message = refusal(&percent, &abc());
    assert!(
        message.contains("Mul") && message.contains("output=logits"),
        "{message}"
    );

    // Who says what is not so is told when the engine opens.
    let said = Overrides {
        output: Some(Output::Probabilities),
        ..abc()
    };
    let model = Model::from_bytes("own.onnx", percent.bytes(), &said).unwrap();
    let error = open(&model, EngineKind::Builtin).err().unwrap().to_string();
    assert!(error.contains("logits"), "{error}");
    let scores = Model::from_bytes("own.onnx", MeanModel::default().bytes(), &said).unwrap();
    assert!(open(&scores, EngineKind::Builtin).is_err());
}

#[test]
fn what_the_user_says_of_the_output_counts() {
    let model = MeanModel::chain(&[("Softmax", &[("axis", 1)])]);
    let said = Overrides {
        output: Some(Output::Logits),
        ..abc()
    };
    let model = Model::from_bytes("own.onnx", model.bytes(), &said).unwrap();
    assert_reads(&model, "said", |colour| softmax(&right(colour)));
}

#[test]
fn whole_numbers_as_classes_are_refused() {
    let model = MeanModel {
        tail: vec![node("ArgMax", &["scores"], "output", &[("axis", 1)])],
        outputs: vec![("output", DataType::Int64, vec![-1, 1])],
        ..Default::default()
    };
    let message = refusal(&model, &abc());
    assert!(message.contains("Int64"), "{message}");
}
