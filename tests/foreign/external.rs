//! Weights in files beside the model.

use super::*;

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
