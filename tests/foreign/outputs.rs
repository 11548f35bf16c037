//! Which of several outputs is read.

use super::*;

/// Scores, and besides means, in one order or the other.
fn two_outputs(scores_first: bool, other: i64) -> MeanModel {
    let mut outputs = vec![
        ("output", DataType::Float, vec![-1, 3]),
        ("features", DataType::Float, vec![-1, other]),
    ];
    if !scores_first {
        outputs.reverse();
    }
    MeanModel {
        tail: vec![
            node("Softmax", &["scores"], "output", &[("axis", 1)]),
            node("Concat", &["means", "means"], "features", &[("axis", 1)]),
        ],
        outputs,
        ..Default::default()
    }
}

#[test]
fn of_several_outputs_the_one_with_a_value_a_label_is_read() {
    for scores_first in [true, false] {
        let model = load(&two_outputs(scores_first, 6));
        assert_eq!(model.graph().output, "output");
        assert_eq!(model.info().output, Output::Probabilities);
        assert_reads(&model, "two outputs", right);
    }
}

#[test]
fn where_several_outputs_fit_one_must_be_named() {
    let mut model = two_outputs(false, 3);
    model.tail[1] = node("Identity", &["means"], "features", &[]);
    let message = refusal(&model, &abc());
    assert!(
        message.contains("output-name")
            && message.contains("\"output\" [?, 3]")
            && message.contains("\"features\" [?, 3]"),
        "{message}"
    );
    let named = |name: &str| Overrides {
        output_name: Some(name.into()),
        ..abc()
    };
    let features = Model::from_bytes("own.onnx", model.bytes(), &named("features")).unwrap();
    assert_reads(&features, "features", |colour| softmax(&colour));
    let output = features.with(&named("output")).unwrap();
    assert_reads(&output, "output", right);
    // Streams that share engines by what these files are must not share these two.
    assert_ne!(features.sha256(), output.sha256());

    let message = refusal(&model, &named("logits"));
    assert!(
        message.contains("\"logits\"") && message.contains("\"features\""),
        "{message}"
    );
    let four = Overrides {
        labels: Some(["a", "b", "c", "d"].map(str::to_owned).to_vec()),
        ..abc()
    };
    let message = refusal(&model, &four);
    assert!(message.contains("none of its outputs"), "{message}");
}
