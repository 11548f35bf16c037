//! Networks as other tools export them: read right in every engine, or refused with what to do.

mod mean;
mod skip;

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

#[test]
fn a_network_for_one_number_of_faces_reads_any_number() {
    let reshaped = |first: i64, input: i64| MeanModel {
        input: vec![input, 3, 4, 4],
        tail: vec![node("Reshape", &["scores", "shape"], "output", &[])],
        constants: vec![whole("shape", &[first, 3])],
        outputs: vec![("output", DataType::Float, vec![input, 3])],
        ..Default::default()
    };
    for batch in [1, 4] {
        let fixed = MeanModel {
            input: vec![batch, 3, 4, 4],
            outputs: vec![("output", DataType::Float, vec![batch, 3])],
            ..Default::default()
        };
        assert_eq!(load(&fixed).graph().batch, Some(batch as usize));
        assert_reads(&load(&fixed), "fixed", right);
        assert_reads(&load(&reshaped(batch, batch)), "fixed and reshaped", right);
    }
    // Nothing at the ends tells of it.
    assert_eq!(load(&reshaped(1, -1)).graph().batch, None);
    assert_reads(&load(&reshaped(1, -1)), "reshaped", right);
    // With 1 in place of all faces and -1 for the rest, two faces give one row of six.
    let mut rest = reshaped(1, -1);
    rest.constants = vec![whole("shape", &[1, -1])];
    assert_reads(&load(&rest), "reshaped", right);
}

#[test]
fn faces_that_a_network_mixes_are_run_one_by_one() {
    // Scores less the largest of all faces, twice: the first face is read by the second.
    let model = load(&MeanModel {
        tail: vec![
            {
                let mut largest = node("ReduceMax", &["scores"], "largest", &[("keepdims", 1)]);
                largest.attribute.push(AttributeProto::ints("axes", &[0]));
                largest
            },
            node("Sub", &["scores", "largest"], "output", &[]),
        ],
        ..Default::default()
    });
    assert_reads(&model, "mixed", |_| vec![1.0 / 3.0; 3]);
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

/// A folder of its own, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn outside(location: &str, offset: &str, length: &str) -> MeanModel {
    MeanModel {
        weights_at: Some([location, offset, length].map(str::to_owned)),
        ..Default::default()
    }
}

fn weights() -> Vec<u8> {
    WEIGHTS.iter().flat_map(|w| w.to_le_bytes()).collect()
}

#[test]
fn weights_beside_the_file_are_taken_into_it() {
    let folder = Folder::new("beside");
    folder.write(
        "own.onnx.data",
        &[vec![9; 64], weights(), vec![9; 5]].concat(),
    );
    folder.write("all/weights.bin", &weights());
    for (location, offset, length) in [
        ("own.onnx.data", "64", "36"),
        ("./all/weights.bin", "", ""),
        ("all/weights.bin", "0", ""),
    ] {
        let path = folder.write("own.onnx", &outside(location, offset, length).bytes());
        let model = Model::load(&path, &abc()).unwrap();
        assert_reads(&model, location, right);
        // What engines get needs no other file.
        let alone = Model::from_bytes("own.onnx", model.bytes().to_vec(), &abc()).unwrap();
        assert_eq!(alone.sha256(), model.sha256());
        assert!(model.with(&abc()).is_ok());
    }
}

#[test]
fn weights_that_are_not_there_are_named() {
    let folder = Folder::new("missing");
    folder.write("own.onnx.data", &weights());
    folder.write("folder/x", &[]);
    for (location, offset, length, said) in [
        ("gone.data", "", "", "gone.data"),
        ("own.onnx.data", "4", "36", "cut off"),
        ("own.onnx.data", "100", "", "cut off"),
        ("own.onnx.data", "", "18446744073709551615", "cut off"),
        ("own.onnx.data", "0", "32", "which take 36"),
        ("own.onnx.data", "x", "36", "no number"),
        ("folder", "", "", "not a file"),
        ("", "", "", "not a file in the model's folder"),
        ("/etc/hostname", "", "", "not a file in the model's folder"),
        (
            "../own.onnx.data",
            "",
            "",
            "not a file in the model's folder",
        ),
        ("a/../../x", "", "", "not a file in the model's folder"),
    ] {
        let path = folder.write("own.onnx", &outside(location, offset, length).bytes());
        let error = Model::load(&path, &abc()).unwrap_err();
        assert!(matches!(error, Error::Model { .. }), "{error:?}");
        let message = error.to_string();
        assert!(
            message.contains(said) && message.contains("own.onnx") && message.contains("weights"),
            "{location} {offset} {length}: {message}"
        );
    }
    let message = refusal(&outside("own.onnx.data", "", ""), &abc());
    assert!(
        message.contains("own.onnx.data") && message.contains("path"),
        "{message}"
    );
}

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

/// Files that a folder outside of the repository has, if the variable names it, of which each
/// gives logits 2, 0, 1 for any picture.
#[test]
fn files_that_were_read_wrongly_before_are_read_right() {
    let Some(folder) = std::env::var_os("FER_FOREIGN_MODELS") else {
        skip("FER_FOREIGN_MODELS names no folder");
        return;
    };
    let given = Overrides {
        mean: Some(vec![127.5]),
        std: Some(vec![127.5]),
        ..abc()
    };
    let wanted = softmax(&[2.0, 0.0, 1.0]);
    for name in [
        "fixed1",
        "softmax_identity",
        "softmax_cast",
        "softmax_reshape",
        "ext",
    ] {
        let path = PathBuf::from(&folder).join(name).with_extension("onnx");
        let model = Model::load(path, &given).unwrap();
        let len = model.info().input.len();
        for kind in ENGINES {
            let mut classifier = open(&model, kind).unwrap_or_else(|why| panic!("{name}: {why}"));
            let read = classifier.classify_prepared(&vec![0.0; 2 * len]).unwrap();
            for prediction in &read {
                let pairs = prediction.probabilities.iter().zip(&wanted);
                assert!(
                    pairs.map(|(a, b)| (a - b).abs()).all(|d| d < 1e-3),
                    "{name}: {read:?}"
                );
            }
        }
    }
    for name in ["feat_first", "logits_first"] {
        let path = PathBuf::from(&folder).join(name).with_extension("onnx");
        assert_eq!(Model::load(&path, &given).unwrap().graph().output, "y");
    }
    let eight = Overrides {
        labels: Some(('a'..='h').map(String::from).collect()),
        ..given.clone()
    };
    let path = PathBuf::from(&folder).join("ferplus.onnx");
    let model = Model::load(path, &eight).unwrap();
    let faces = vec![0.5; 3 * model.info().input.len()];
    for kind in ENGINES {
        let read = open(&model, kind)
            .unwrap()
            .classify_prepared(&faces)
            .unwrap();
        assert!(read.len() == 3 && read[0] == read[2], "{read:?}");
    }
    // What is not a number in every face is told with the first.
    let path = PathBuf::from(&folder).join("nan.onnx");
    let model = Model::load(path, &given).unwrap();
    let mut classifier = open(&model, EngineKind::Builtin).unwrap();
    let face = vec![0.0; model.info().input.len()];
    let error = classifier.classify_prepared(&face).unwrap_err();
    assert!(error.to_string().contains("face 0"), "{error}");
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
