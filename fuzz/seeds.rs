//! Writes what the targets start from into `corpus/`: small files of every kind, made here, and
//! a cascade of OpenCV's where one is installed.

#[path = "../tests/graphs/mod.rs"]
mod graphs;
#[path = "../tests/header/mod.rs"]
mod header;
#[allow(dead_code, reason = "shared with tests")]
#[path = "../tests/mean/mod.rs"]
mod mean;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use fer::model::EngineFile;
use safetensors::tensor::{Dtype, TensorView};

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn main() {
    // The first byte is the target's own: what a user says of the file.
    let model = |name: &str, choice: u8, file: Vec<u8>| {
        write("model_file", name, &[vec![choice], file].concat());
    };
    for (i, (opset, classes, text)) in graphs::GRAPHS.iter().enumerate() {
        let choice = match classes {
            3 => 1,
            7 => 2,
            _ => 3,
        };
        model(&format!("graph{i}"), choice | 4, graphs::model(*opset, *classes, text));
    }
    model("mean", 1, mean::MeanModel::default().bytes());
    let softmax = mean::MeanModel::chain(&[("Softmax", &[("axis", 1)])]);
    model("softmax", 1, softmax.bytes());
    let last = mean::MeanModel {
        input: vec![1, 4, 4, 3],
        channels_last: true,
        ..Default::default()
    };
    model("last", 1, last.bytes());

    let engine = EngineFile::new(header::header(&["sm_86"]), &[7; 100]);
    write("engine_file", "engine", engine.bytes());

    let data: Vec<u8> = [0.5f32; 14].iter().flat_map(|v| v.to_le_bytes()).collect();
    let head = TensorView::new(Dtype::F32, vec![7, 2], &data).unwrap();
    let classes = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"].join(",");
    let metadata = HashMap::from([("classes".to_owned(), classes)]);
    let file = safetensors::serialize([("head.weight", head)], Some(metadata)).unwrap();
    write("safetensors", "head", &file);

    let pixels = vec!["128"; 48 * 48].join(" ");
    let rows = format!("emotion,pixels,Usage\n3,{pixels},Training\n4,{pixels},PublicTest\n");
    write("csv", "fer2013", rows.as_bytes());

    let cascade = Path::new("/usr/share/opencv4/lbpcascades/lbpcascade_profileface.xml");
    if let Ok(bytes) = fs::read(cascade) {
        write("cascade", "lbp", &bytes);
    }
    if let Some(yunet) = fer::faces::detect::find_yunet() {
        write("yunet", "yunet", &fs::read(yunet).unwrap());
    }
}
