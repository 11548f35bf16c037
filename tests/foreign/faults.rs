//! Files of other tools that were read wrongly before.

use super::*;

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
