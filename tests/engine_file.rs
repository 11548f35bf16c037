//! Engine files of TensorRT: what they say, and that damage is told before TensorRT sees it.
//! None of this needs TensorRT.

mod header;

use fer::engine::tensorrt::Target;
use fer::engine::{self, EngineKind, EngineOptions};
use fer::model::{EngineFile, Overrides, Precision};
use fer::{Error, Model};

fn file() -> EngineFile {
    EngineFile::new(header::header(&["sm_86", "sm_89"]), &[7; 1000])
}

fn refused(bytes: Vec<u8>) -> String {
    let error = Model::from_bytes("x.engine", bytes, &Overrides::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Model { .. }) && !text.contains('\n'),
        "{text}"
    );
    text
}

#[test]
fn a_file_gives_back_what_was_put_in() {
    let file = file();
    let read = EngineFile::from_bytes(file.bytes().to_vec()).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.engine(), [7; 1000]);
    let model = Model::from_bytes("x.engine", file.bytes().to_vec(), &Overrides::default());
    let model = model.unwrap();
    assert_eq!(model.info(), Model::bundled().unwrap().info());
    assert_eq!(
        model.engine_file().unwrap().header().targets,
        ["sm_86", "sm_89"]
    );
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = file().bytes().to_vec();
    for length in [8, 10, 15, 16, 40, bytes.len() - 1000, bytes.len() - 1] {
        let reason = refused(bytes[..length].to_vec());
        assert!(reason.contains("cut off"), "{length} bytes: {reason}");
    }
    assert!(refused(bytes[..7].to_vec()).contains("not an ONNX file"));
}

#[test]
fn a_changed_byte_is_found() {
    let bytes = file().bytes().to_vec();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        refused(bytes)
    };
    assert!(flipped(8).contains("form 17"));
    assert!(flipped(15).contains("header is damaged"));
    assert!(flipped(16).contains("header is damaged"));
    for at in [bytes.len() - 1000, bytes.len() - 500, bytes.len() - 1] {
        assert!(flipped(at).contains("checksum"), "at {at}");
    }
}

#[test]
fn other_engines_say_that_they_do_not_run_it() {
    let bytes = file().bytes().to_vec();
    let model = Model::from_bytes("x.engine", bytes, &Overrides::default()).unwrap();
    for kind in [EngineKind::Builtin, EngineKind::OnnxRuntime] {
        let options = EngineOptions {
            kind,
            ..EngineOptions::default()
        };
        let error = engine::open(&model, &options).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("engine of TensorRT"), "{error}");
    }
}

#[test]
fn labels_of_another_number_are_refused() {
    let bytes = file().bytes().to_vec();
    let overrides = Overrides {
        labels: Some(vec!["a".into(), "b".into()]),
        ..Overrides::default()
    };
    let error = Model::from_bytes("x.engine", bytes, &overrides).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("7 classes but there are 2 labels"),
        "{error}"
    );
}

#[test]
fn names_of_precisions_and_targets_are_read_back() {
    for precision in Precision::ALL {
        assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
    }
    for target in Target::SUPPORTED {
        assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
    }
    let error = "sm_90".parse::<Target>().unwrap_err().to_string();
    assert!(error.contains("sm_86"), "{error}");
    // TensorRT for RTX has no 32-bit matrix product for Turing.
    assert!(!Target::supported(Precision::Fp32).contains(&Target::Sm(75)));
}
