//! Networks as other tools export them: read right in every engine, or refused with what to do.

mod batch;
mod external;
mod faults;
mod heads;
#[path = "../mean/mod.rs"]
mod mean;
mod outputs;
#[path = "../skip/mod.rs"]
mod skip;
mod versions;

use std::path::PathBuf;

use fer::classify::softmax;
use fer::engine::{EngineKind, EngineOptions};
use fer::model::{Output, Overrides};
use fer::onnx::proto::AttributeProto;
use fer::{Classifier, Error, Frame, Model, Prediction, Rect};
use mean::{DataType, MeanModel, WEIGHTS, node, number, scores, whole};
use skip::skip;

const ENGINES: [EngineKind; 2] = [EngineKind::Builtin, EngineKind::OnnxRuntime];

/// Colours of faces, each scored otherwise.
const COLOURS: [[f32; 3]; 7] = [
    [0.9, 0.6, 0.7],
    [0.1, 0.9, 0.2],
    [0.3, 0.2, 0.8],
    [0.5, 0.5, 0.6],
    [1.0, 0.9, 0.8],
    [0.6, 0.7, 0.6],
    [0.2, 0.1, 0.3],
];

fn abc() -> Overrides {
    Overrides {
        labels: Some(["a", "b", "c"].map(str::to_owned).to_vec()),
        mean: Some(vec![0.0]),
        std: Some(vec![1.0]),
        ..Default::default()
    }
}

fn refusal(model: &MeanModel, overrides: &Overrides) -> String {
    let error = Model::from_bytes("own.onnx", model.bytes(), overrides);
    error.expect_err("must be refused").to_string()
}

fn open(model: &Model, kind: EngineKind) -> Result<Classifier, Error> {
    let options = EngineOptions {
        kind,
        ..Default::default()
    };
    Classifier::new(model, &options)
}

/// Classifies faces of one colour each with all engines, of which ONNX Runtime must take the
/// model; gives what each said.
fn classify(model: &Model, colours: &[[f32; 3]]) -> Vec<Vec<Prediction>> {
    let spec = &model.info().input;
    let pixels = spec.width * spec.height;
    let last = spec.layout == fer::model::Layout::Nhwc;
    let input: Vec<f32> = colours
        .iter()
        .flat_map(|colour| {
            (0..3 * pixels).map(move |i| colour[if last { i % 3 } else { i / pixels }])
        })
        .collect();
    let mut said = Vec::new();
    for kind in ENGINES {
        let mut classifier = match open(model, kind) {
            Ok(classifier) => classifier,
            Err(why @ Error::Engine { .. }) if kind == EngineKind::OnnxRuntime => {
                skip(why);
                continue;
            }
            // What the engine that is compiled in lacks, ONNX Runtime must have.
            Err(Error::Model { reason, .. }) if kind == EngineKind::Builtin => {
                eprintln!("builtin refuses: {reason}");
                continue;
            }
            Err(other) => panic!("{kind}: {other}"),
        };
        said.push(classifier.classify_prepared(&input).unwrap());
    }
    said
}

/// That every engine reads faces of all colours as `wanted` has it.
fn assert_reads(model: &Model, case: &str, wanted: impl Fn([f32; 3]) -> Vec<f32>) {
    for predictions in classify(model, &COLOURS) {
        assert_eq!(predictions.len(), COLOURS.len());
        for (colour, prediction) in COLOURS.iter().zip(&predictions) {
            let wanted = wanted(*colour);
            let pairs = prediction.probabilities.iter().zip(&wanted);
            let far = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                far < 4e-3,
                "{case}: {colour:?}: {prediction:?}, not {wanted:?}"
            );
        }
    }
}

fn load(model: &MeanModel) -> Model {
    Model::from_bytes("own.onnx", model.bytes(), &abc()).unwrap()
}

fn right(colour: [f32; 3]) -> Vec<f32> {
    softmax(&scores(colour))
}
