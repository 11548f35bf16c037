//! A short training on real pictures: FER-2013 in the folder that `FER_DATA` names, from
//! ImageNet weights in the file that `FER_IMAGENET` names, or both beside the checkout. A
//! few hundred pictures teach nothing to a network that starts from random weights.

mod common;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::path::{Path, PathBuf};

use common::program::succeed;
use serde_json::Value;
use skip::skip;

const CLASSES: [&str; 3] = ["happy", "sad", "surprise"];

/// What a variable names, or what lies beside the checkout.
fn find(variable: &str, beside: &str, fits: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let named = std::env::var_os(variable).map(PathBuf::from);
    let mut paths = named.into_iter().chain([shared.join(beside)]);
    paths.find(|path| fits(path))
}

fn fer2013() -> Option<PathBuf> {
    let whole = |folder: &Path| {
        CLASSES
            .iter()
            .all(|c| folder.join("train").join(c).is_dir())
    };
    find("FER_DATA", "fer2013", whole)
}

fn imagenet() -> Option<PathBuf> {
    let name = "mobilenet_v1_1.0_imagenet.safetensors";
    find("FER_IMAGENET", name, Path::is_file)
}

/// Copies the first `n` pictures of a folder, by name.
fn copy(from: &Path, to: &Path, n: usize) {
    std::fs::create_dir_all(to).unwrap();
    let entries = std::fs::read_dir(from).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().take(n) {
        std::fs::copy(file, to.join(file.file_name().unwrap())).unwrap();
    }
}

#[test]
fn loss_falls_and_unseen_faces_are_told_apart() {
    let (Some(source), Some(init)) = (fer2013(), imagenet()) else {
        return skip("no FER_DATA or no FER_IMAGENET");
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, run) = (path("data"), path("recipe.toml"), path("run"));
    let (model, json) = (path("own.onnx"), path("eval.json"));
    for class in CLASSES {
        for (part, n) in [("train", 160), ("validation", 60)] {
            let place = Path::new(part).join(class);
            copy(&source.join(&place), &Path::new(&data).join(&place), n);
        }
    }
    let text = "epochs = 3\nbatch = 32\nghost_batch = 16\nema = 0.9\ndropout = 0.2\n\
                label_smoothing = 0\n[center]\nlambda = 1e-4\n[augment]\nerase = 0\n";
    std::fs::write(&recipe, text).unwrap();
    let train = ["train", "--data", &data, "--config", &recipe, "--out", &run];
    succeed(&[&train[..], &["--init", init.to_str().unwrap()]].concat());
    let metrics = std::fs::read_to_string(Path::new(&run).join("metrics.jsonl")).unwrap();
    let loss: Vec<f64> = metrics
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|epoch| epoch["softmax"].as_f64().unwrap())
        .collect();
    assert!(loss[2] < 0.9 * loss[0], "{loss:?}");

    succeed(&["export", "--onnx", "--model", &run, "--output", &model]);
    let args = ["eval", "--model", &model, "--data", &data, "--json", &json];
    succeed(&[&args[..], &["--split", "validation", "--engine", "builtin"]].concat());
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(json["metrics"]["n"], 180);
    // Chance is a third; the interval leaves it far below.
    let low = json["metrics"]["interval"]["low"].as_f64().unwrap();
    assert!(low > 0.4, "{json}");
}
