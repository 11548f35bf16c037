//! A short training on real pictures: FER-2013's CSV file that `FER_DATA` names (`.xz` or
//! plain), from ImageNet weights in the file that `FER_IMAGENET` names, or both beside the
//! checkout. A few hundred pictures teach nothing to a network that starts from random weights.

mod common;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::program::succeed;
use serde_json::Value;
use skip::skip;

/// Classes and their numbers in the file.
const CLASSES: [(&str, &str); 3] = [("happy", "3"), ("sad", "4"), ("surprise", "5")];

/// What a variable names, or what lies beside the checkout.
fn find(variable: &str, beside: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let named = std::env::var_os(variable).map(PathBuf::from);
    let mut paths = named.into_iter().chain([shared.join(beside)]);
    paths.find(|path| path.is_file())
}

/// The header and the first rows of each class: 160 to train on, 60 to validate. `None` where
/// the file is compressed and this machine can't read it.
fn first_rows(file: &Path) -> Option<String> {
    let packed = file.extension().is_some_and(|e| e == "xz");
    let stream: Box<dyn Read> = if packed {
        let mut xz = Command::new("xz");
        let child = xz.arg("-dc").arg(file).stdout(Stdio::piped()).spawn();
        Box::new(child.ok()?.stdout?)
    } else {
        Box::new(std::fs::File::open(file).unwrap())
    };
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut text = lines.next()? + "\n";
    let mut left = HashMap::new();
    for (_, number) in CLASSES {
        left.insert((number.to_owned(), "Training".to_owned()), 160);
        left.insert((number.to_owned(), "PublicTest".to_owned()), 60);
    }
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let key = (fields[0].to_owned(), fields[2].trim().to_owned());
        if let Some(n) = left.get_mut(&key).filter(|n| **n > 0) {
            *n -= 1;
            text += &(line + "\n");
        }
        if left.values().all(|n| *n == 0) {
            break;
        }
    }
    Some(text)
}

#[test]
fn loss_falls_and_unseen_faces_are_told_apart() {
    let found = find("FER_DATA", "fer2013.csv.xz");
    let init = find("FER_IMAGENET", "mobilenet_v1_1.0_imagenet.safetensors");
    let (Some(source), Some(init)) = (found, init) else {
        return skip("no FER_DATA or no FER_IMAGENET");
    };
    let Some(rows) = first_rows(&source) else {
        return skip("xz is missing");
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, run) = (path("fer2013.csv"), path("recipe.toml"), path("run"));
    let (model, json) = (path("own.onnx"), path("eval.json"));
    std::fs::write(&data, rows).unwrap();
    let classes = CLASSES.map(|(name, _)| name).join(",");
    let text = "epochs = 3\nbatch = 32\nghost_batch = 16\nema = 0.9\ndropout = 0.2\n\
                label_smoothing = 0\n[center]\nlambda = 1e-4\n[augment]\nerase = 0\n";
    std::fs::write(&recipe, text).unwrap();
    let train = [
        "train",
        "--data",
        &data,
        "--config",
        &recipe,
        "--out",
        &run,
        "--classes",
        &classes,
    ];
    succeed(&[&train[..], &["--init", init.to_str().unwrap()]].concat());
    let metrics = std::fs::read_to_string(Path::new(&run).join("metrics.jsonl")).unwrap();
    let loss: Vec<f64> = metrics
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|epoch| epoch["softmax"].as_f64().unwrap())
        .collect();
    assert!(loss[2] < 0.9 * loss[0], "{loss:?}");

    succeed(&["export", "--onnx", "--model", &run, "--output", &model]);
    let args = [
        "eval",
        "--model",
        &model,
        "--data",
        &data,
        "--json",
        &json,
        "--classes",
        &classes,
    ];
    succeed(&[&args[..], &["--split", "validation", "--engine", "builtin"]].concat());
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(json["metrics"]["n"], 180);
    // Chance is a third; the interval leaves it far below.
    let low = json["metrics"]["interval"]["low"].as_f64().unwrap();
    assert!(low > 0.4, "{json}");
}
