//! `fer-trainer predict` on pictures of all kinds.

mod common;
#[path = "../../tests/mean/mod.rs"]
mod mean;
#[path = "../../tests/media/mod.rs"]
mod media;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::path::Path;

use common::program::{run, succeed};
use fer_trainer::SIDE;
use fer_trainer::rng::Rng;
use serde_json::Value;
use skip::skip;

/// A face that fills its picture.
fn face(path: &Path) {
    let (pixels, side) = (common::face(1, &mut Rng::new(1)), SIDE as u32);
    image::save_buffer(path, &pixels, side, side, image::ExtendedColorType::L8).unwrap();
}

/// A picture without a face.
fn blank(path: &Path) {
    let picture = image::RgbImage::from_pixel(200, 160, image::Rgb([90, 120, 60]));
    picture.save(path).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_picture_gets_its_answer_and_an_unreadable_one_fails_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (small, empty, broken) = (path("small.png"), path("empty.png"), path("broken.png"));
    face(&small);
    blank(&empty);
    std::fs::write(&broken, "no picture").unwrap();
    let images = [text(&broken), text(&empty), text(&small)];

    let output = run(&[&["predict"], &images[..]].concat());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("broken.png: not a picture"), "{stderr}");
    assert!(stderr.contains("1 of 3 pictures were not read"), "{stderr}");
    assert!(stdout.contains("empty.png: no face found"), "{stdout}");
    assert!(
        stdout.contains("small.png: face 1 at 0,0 (48 x 48):"),
        "{stdout}"
    );
    // All seven expressions of the bundled model.
    let last = stdout.lines().last().unwrap();
    assert_eq!(last.matches('%').count(), 7, "{stdout}");

    let output = run(&[&["predict", "--json"], &images[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 3);
    let error = documents[0]["error"].as_str().unwrap();
    assert!(error.starts_with("not a picture"), "{error}");
    assert_eq!(documents[1]["faces"], Value::Array(Vec::new()));
    let face = &documents[2]["faces"][0];
    assert_eq!(face["box"]["width"], 48.0);
    let probabilities = face["probabilities"].as_object().unwrap();
    let sum: f64 = probabilities.values().map(|p| p.as_f64().unwrap()).sum();
    assert!(probabilities.len() == 7 && (sum - 1.0).abs() < 1e-5);
    let expression = face["expression"].as_str().unwrap();
    assert_eq!(probabilities[expression], face["confidence"]);
}

#[test]
fn drawings_go_into_a_file_or_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (one, two) = (path("one.png"), path("two.png"));
    blank(&one);
    blank(&two);
    let drawn = path("drawn.png");
    // The whole picture is taken as a face.
    succeed(&["predict", text(&one), "--aligned", "--draw", text(&drawn)]);
    let (before, after) = (image::open(&one).unwrap(), image::open(&drawn).unwrap());
    assert_eq!((after.width(), after.height()), (200, 160));
    assert_ne!(before.to_rgb8(), after.to_rgb8());

    let out = path("out");
    succeed(&["predict", text(&one), text(&two), "--draw", text(&out)]);
    // No face, so nothing is drawn.
    for name in ["one.png", "two.png"] {
        assert_eq!(image::open(out.join(name)).unwrap(), before);
    }
    let same = common::program::fail(&["predict", text(&one), text(&one), "--draw", text(&out)]);
    assert!(same.contains("two pictures would be drawn"), "{same}");
}

#[test]
fn a_drawing_has_the_format_of_its_ending_and_spares_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let one = path("one.png");
    blank(&one);
    for ending in ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tiff", "ppm"] {
        let drawn = path(&format!("drawn.{ending}"));
        succeed(&["predict", text(&one), "--draw", text(&drawn)]);
        let bytes = std::fs::read(&drawn).unwrap();
        let format = image::guess_format(&bytes).unwrap();
        assert_eq!(Some(format), image::ImageFormat::from_extension(ending));
        let drawn = image::load_from_memory(&bytes).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (200, 160), "{ending}");
    }
    for unknown in ["drawn", "drawn.mp4"] {
        let said = common::program::fail(&["predict", text(&one), "--draw", text(&path(unknown))]);
        assert!(said.contains("no format that is written"), "{said}");
    }
    let before = std::fs::read(&one).unwrap();
    let (same, hard, soft) = (path("./one.png"), path("hard.png"), path("soft.png"));
    std::fs::hard_link(&one, &hard).unwrap();
    std::os::unix::fs::symlink(&one, &soft).unwrap();
    for target in [&one, &same, &hard, &soft, &folder.path().to_owned()] {
        let said = common::program::fail(&["predict", text(&one), "--draw", text(target)]);
        assert!(said.contains("would write over"), "{said}");
    }
    assert_eq!(std::fs::read(&one).unwrap(), before);
}

#[test]
fn stills_of_every_kind_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut pixels, side) = (common::face(1, &mut Rng::new(1)), SIDE as u32);
    // Greys that a palette of 256 colours holds.
    pixels.iter_mut().for_each(|p| *p &= 0xfe);
    let picture = image::GrayImage::from_raw(side, side, pixels).unwrap();
    let picture = image::DynamicImage::from(picture).into_rgb8();
    let mut answers = Vec::new();
    for ending in ["png", "gif", "bmp", "tiff", "webp", "pgm"] {
        let file = folder.path().join(format!("face.{ending}"));
        picture.save(&file).unwrap();
        let printed = succeed(&["predict", text(&file)]);
        answers.push(printed.replace(&format!(".{ending}:"), ":"));
    }
    assert!(
        answers[0].contains("face 1 at 0,0 (48 x 48)"),
        "{answers:?}"
    );
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

#[test]
fn the_models_that_are_built_in_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("face.png");
    face(&path);
    let ask = |which: &str| {
        let args = ["predict", "--json", "--builtin-model", which, text(&path)];
        succeed(&args)
    };
    let answers = ["standard", "small", "accurate"].map(ask);
    assert_eq!(answers[0], succeed(&["predict", "--json", text(&path)]));
    assert!(answers[0] != answers[1] && answers[1] != answers[2] && answers[0] != answers[2]);
    // And the measures are of the one that was named.
    let data = folder.path().join("data");
    common::sets::fer2013(&data, 1, 1);
    let printed = succeed(&["eval", "--builtin-model", "small", "--data", text(&data)]);
    assert!(printed.contains("model bundled-small"), "{printed}");
    let both = [
        "predict",
        "--builtin-model",
        "small",
        "--model",
        "a.onnx",
        "a.png",
    ];
    assert!(!run(&both).status.success());
}

#[test]
fn a_picture_is_turned_as_its_camera_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.jpg");
    let picture = image::RgbImage::from_pixel(200, 160, image::Rgb([90, 120, 60]));
    picture.save(&path).unwrap();
    // An Exif block whose only entry is the orientation (0x0112): 6, a quarter to the right.
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    let mut jpeg = std::fs::read(&path).unwrap();
    jpeg.splice(2..2, exif);
    std::fs::write(&path, jpeg).unwrap();
    let printed = succeed(&["predict", "--aligned", text(&path)]);
    assert!(printed.contains("at 0,0 (160 x 200)"), "{printed}");
}

/// A portrait: in `FER_MEDIA_DIR`, in what `make test` fetched, or beside the checkout.
#[test]
fn the_face_of_a_portrait_is_found_and_labelled() {
    let Some(portrait) = media::find("astronaut.png") else {
        return skip("no astronaut.png");
    };
    let folder = tempfile::tempdir().unwrap();
    let drawn = folder.path().join("drawn.png");
    let args = ["predict", "--json", text(&portrait), "--draw", text(&drawn)];
    let document: Value = serde_json::from_str(&succeed(&args)).unwrap();
    let faces = document["faces"].as_array().unwrap();
    assert_eq!(faces.len(), 1, "{document}");
    // She smiles, at about 177, 66 with a side of 97.
    assert_eq!(faces[0]["expression"], "happy", "{document}");
    let value = |key: &str| faces[0]["box"][key].as_f64().unwrap() as f32;
    let found = fer::Rect::new(value("x"), value("y"), value("width"), value("height"));
    let by_eye = fer::Rect::new(177.0, 66.0, 97.0, 97.0);
    assert!(found.iou(&by_eye) > 0.5, "{found:?}");
    let (before, after) = (
        image::open(&portrait).unwrap(),
        image::open(&drawn).unwrap(),
    );
    let (before, after) = (before.to_rgb8(), after.to_rgb8());
    assert_ne!(before, after);
    // Far from the face nothing changes.
    assert_eq!(before.get_pixel(500, 500), after.get_pixel(500, 500));
}

#[test]
fn a_network_of_another_tool_is_described_by_options() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (model, red) = (path("own.onnx"), path("red.png"));
    let network = mean::MeanModel {
        input: vec![1, 3, -1, -1],
        outputs: vec![
            ("scores", mean::DataType::Float, vec![1, 3]),
            ("output", mean::DataType::Float, vec![1, 3]),
        ],
        ..Default::default()
    };
    std::fs::write(&model, network.bytes()).unwrap();
    image::RgbImage::from_pixel(64, 64, image::Rgb([255, 0, 0]))
        .save(&red)
        .unwrap();
    let given = [
        "predict",
        "--json",
        "--aligned",
        text(&red),
        "--model",
        text(&model),
        "--labels=red,green,blue",
        "--input-mean=-0.5",
        "--input-std=255",
    ];
    let refused = |more: &[&str]| {
        let output = run(&[&given[..], more].concat());
        assert!(!output.status.success(), "{more:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&[]).contains("input-size"));
    assert!(refused(&["--input-size=64"]).contains("48x48"));
    assert!(refused(&["--input-color=pink"]).contains("`bgr`"));
    let sized = ["--input-size=64x64", "--output-name=output"];
    assert!(refused(&sized[..1]).contains("output-name"));
    let logits = succeed(&[&given[..], &sized].concat());
    assert!(logits.contains("\"expression\":\"red\""), "{logits}");
    let said = refused(&[&sized[..], &["--output=probabilities"]].concat());
    assert!(said.contains("output is probabilities"), "{said}");
}

#[test]
fn faces_of_a_group_are_numbered_row_by_row() {
    let Some(portrait) = media::find("astronaut.png") else {
        return skip("no picture of a face");
    };
    let portrait = image::open(portrait).unwrap().into_rgb8();
    let folder = tempfile::tempdir().unwrap();
    let (path, drawn) = (
        folder.path().join("group.png"),
        folder.path().join("drawn.png"),
    );
    // Two rows of three, each face a little above or below its neighbours.
    let mut group = image::RgbImage::from_pixel(960, 640, image::Rgb([120, 120, 120]));
    let portrait = image::imageops::thumbnail(&portrait, 240, 240);
    for (i, shift) in [20, 0, 30, 10, 25, 0].into_iter().enumerate() {
        let (column, row) = (i as i64 % 3, i as i64 / 3);
        image::imageops::replace(&mut group, &portrait, 40 + 310 * column, 320 * row + shift);
    }
    group.save(&path).unwrap();
    let said = succeed(&["predict", text(&path), "--json", "--draw", text(&drawn)]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let places: Vec<(bool, i64)> = said["faces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|face| {
            let at = |axis: &str| face["box"][axis].as_f64().unwrap();
            (at("y") > 300.0, at("x") as i64 / 310)
        })
        .collect();
    let rows = [false, true].map(|row| [0, 1, 2].map(|column| (row, column)));
    assert_eq!(places, rows.concat());
    assert!(drawn.exists());
}
