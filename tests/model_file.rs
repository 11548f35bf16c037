//! Model files as users bring them: their own networks, and files that can't work.

mod common;

use common::TinyModel;
use fer::engine::{EngineKind, EngineOptions};
use fer::model::{Color, Layout, Output, Overrides};
use fer::onnx::proto::tensor_proto::DataType;
use fer::{Classifier, Frame, Model, Rect};

fn labels(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|n| (*n).to_owned()).collect())
}

fn full(names: &[&str]) -> Overrides {
    Overrides {
        labels: labels(names),
        mean: Some(vec![0.0]),
        std: Some(vec![255.0]),
        ..Default::default()
    }
}

fn refusal(model: &TinyModel, overrides: &Overrides) -> String {
    Model::from_bytes("own.onnx", model.bytes(), overrides)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn the_bundled_model_says_what_it_takes_and_gives() {
    let model = Model::bundled().unwrap();
    let info = model.info();
    assert_eq!(
        info.labels,
        [
            "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"
        ]
    );
    assert_eq!((info.input.width, info.input.height), (48, 48));
    assert_eq!(info.input.color, Color::Gray);
    assert_eq!(model.sha256().len(), 64);
}

#[test]
fn a_foreign_network_works_when_the_user_says_how_to_prepare() {
    // 16x16 RGB, channels last, two classes: upper and lower half.
    let model = TinyModel {
        input: [16, 16, 3],
        classes: 2,
        ..Default::default()
    };
    let model = Model::from_bytes("own.onnx", model.bytes(), &full(&["upper", "lower"])).unwrap();
    assert_eq!(model.info().input.layout, Layout::Nhwc);
    assert_eq!(model.info().input.color, Color::Rgb);

    let mut picture = vec![0u8; 40 * 40 * 3];
    picture[20 * 40 * 3..].fill(255);
    let frame = Frame::rgb(&picture, 40, 40).unwrap();
    let mut classifier = Classifier::new(
        &model,
        &EngineOptions {
            kind: EngineKind::Builtin,
            ..Default::default()
        },
    )
    .unwrap();
    let faces = [
        Rect::new(0.0, 0.0, 40.0, 40.0),
        Rect::new(0.0, 0.0, 20.0, 20.0),
    ];
    let predictions = classifier.classify(&frame, &faces).unwrap();
    assert_eq!(predictions[0].label, 1);
    // exp(1) / (exp(0) + exp(1)): the lower half is all white.
    assert!(
        (predictions[0].confidence - 0.731).abs() < 0.01,
        "{predictions:?}"
    );
    assert!(
        (predictions[1].confidence - 0.5).abs() < 0.01,
        "{predictions:?}"
    );
}

#[test]
fn a_graph_that_ends_in_softmax_gives_probabilities_as_they_are() {
    let model = TinyModel {
        softmax: true,
        ..Default::default()
    };
    let model = Model::from_bytes("own.onnx", model.bytes(), &full(&["a", "b", "c", "d"])).unwrap();
    assert_eq!(model.info().output, Output::Probabilities);
}

#[test]
fn nothing_that_would_spoil_the_result_is_guessed() {
    let message = refusal(&TinyModel::default(), &Overrides::default());
    assert!(
        message.contains("own.onnx") && message.contains("labels, mean, std"),
        "{message}"
    );
}

#[test]
fn labels_must_fit_the_output() {
    let message = refusal(&TinyModel::default(), &full(&["a", "b", "c"]));
    assert!(
        message.contains("4 classes") && message.contains("3 labels"),
        "{message}"
    );
    let message = refusal(&TinyModel::default(), &full(&["a", "b", "b", "d"]));
    assert!(message.contains("\"b\""), "{message}");
}

#[test]
fn inputs_that_are_no_picture_are_refused() {
    let names = ["a", "b", "c", "d"];
    let odd = TinyModel {
        input: [5, 8, 8],
        ..Default::default()
    };
    assert!(refusal(&odd, &full(&names)).contains("[?, 5, 8, 8]"));
    let whole = TinyModel {
        input_type: DataType::Int64,
        ..Default::default()
    };
    assert!(refusal(&whole, &full(&names)).contains("of type Int64"));
    let mut colour = full(&names);
    colour.color = Some(Color::Rgb);
    assert!(refusal(&TinyModel::default(), &colour).contains("[?, 1, 8, 8]"));
}

#[test]
fn broken_metadata_is_named() {
    for (json, said) in [
        ("{", "metadata"),
        (
            r#"{"labels":["a"],"input":{"width":8,"height":8,"mean":[0],"std":[1]}}"#,
            "1 labels",
        ),
        (
            r#"{"labels":["a","b","c","d"],"input":{"width":8,"height":8,"mean":[0],"std":[0]}}"#,
            "deviation",
        ),
        (
            r#"{"version":2,"labels":["a","b","c","d"],"input":{"width":8,"height":8,"mean":[0],"std":[1]}}"#,
            "version 2",
        ),
    ] {
        let model = TinyModel {
            metadata: Some(json.into()),
            ..Default::default()
        };
        let message = refusal(&model, &Overrides::default());
        assert!(message.contains(said), "{json}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn missing_and_damaged_files_are_named() {
    let error = Model::load("/nonexistent/m.onnx", &Overrides::default()).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/m.onnx"), "{error}");

    let whole = Model::bundled().unwrap().bytes().to_vec();
    for bytes in [
        whole[..whole.len() / 2].to_vec(),
        b"<html>not found</html>".to_vec(),
        Vec::new(),
    ] {
        let error = Model::from_bytes("cut.onnx", bytes, &Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("not an ONNX file"), "{error}");
    }
}
