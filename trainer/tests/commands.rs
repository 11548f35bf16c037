//! The program as people run it: train, resume, export, evaluate.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::program::{fail, program, succeed};

const RECIPE: &str = "width = 0.25\nbatch = 16\nghost_batch = 16\ndropout = 0.1\nema = 0.9\n\
                      [optimizer]\nlr = 5e-3\n[center]\nlambda = 0\n\
                      [augment]\nflip = 0\nrotation = 5\nshift = 1\nerase = 0\n";

#[test]
fn from_pictures_to_a_model_file_that_tells_them_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, first, second) = (path("data"), path("recipe.toml"), path("a"), path("b"));
    let (model, json) = (path("own.onnx"), path("eval.json"));
    common::sets::fer2013(Path::new(&data), 48, 8);
    std::fs::write(&recipe, RECIPE).unwrap();

    let summary = succeed(&["data", "summary", &data]);
    assert!(
        summary.contains("224 faces") && summary.contains("sum"),
        "{summary}"
    );

    let train = ["train", "--data", &data, "--config", &recipe];
    let printed = succeed(&[&train[..], &["--out", &first, "--epochs", "10"]].concat());
    assert!(
        printed.contains("epoch 10:") && printed.contains("best:"),
        "{printed}"
    );
    let metrics = std::fs::read_to_string(Path::new(&first).join("metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().count(), 10);
    let curves = std::fs::read_to_string(Path::new(&first).join("curves.svg")).unwrap();
    let curves = roxmltree::Document::parse(&curves).unwrap();
    let lines = curves
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "polyline")));
    let points = lines.map(|l| l.attribute("points").unwrap().split_whitespace().count());
    // Two losses and four accuracies, each with ten epochs; axes have two points.
    assert_eq!(points.filter(|n| *n == 10).count(), 6);
    let again = fail(&[&train[..], &["--out", &first]].concat());
    assert!(again.contains("--resume"), "{again}");

    let preset = [
        "train", "--preset", "rt-fer", "--data", &data, "--width", "0.25",
    ];
    let third = path("c");
    let options = ["--stage", "second", "--epochs", "1", "--out", &third];
    succeed(&[&preset[..], &options].concat());
    let written = std::fs::read_to_string(Path::new(&third).join("config.toml")).unwrap();
    assert!(
        written.contains("lr = 0.045") && written.contains("decay_epochs = 15"),
        "{written}"
    );

    let stage = [
        "--stage", "second", "--init", &first, "--out", &second, "--epochs", "2",
    ];
    let printed = succeed(&[&train[..], &stage].concat());
    assert!(
        printed.contains("27 of 27 convolutions, 4 of 4 classes"),
        "{printed}"
    );

    // Without a recipe the network is that of the run it starts from.
    let (fourth, written) = (path("d"), Path::new(&path("d")).join("config.toml"));
    let plain = ["train", "--data", &data, "--init", &first, "--out", &fourth];
    let printed = succeed(&[&plain[..], &["--stage", "second", "--epochs", "1"]].concat());
    assert!(printed.contains("27 of 27 convolutions"), "{printed}");
    let written = std::fs::read_to_string(written).unwrap();
    assert!(written.contains("width = 0.25"), "{written}");

    let export = ["export", "--onnx", "--model", &second, "--data", &data];
    let printed = succeed(&[&export[..], &["--half", "--output", &model]].concat());
    assert!(printed.contains("builtin differs by at most"), "{printed}");
    let eight = ["--int8", "--output", &path("int8.onnx")];
    let printed = succeed(&[&export[..], &eight].concat());
    assert!(printed.contains("192 training pictures"), "{printed}");
    // By ONNX Runtime where it is found, and by the built-in engine.
    let mut percents = printed.lines().filter_map(|line| {
        let int8 = line.trim().strip_prefix("int8: ")?;
        int8.split(' ').next()?.parse::<f64>().ok()
    });
    assert!(percents.next().is_some_and(|p| p > 80.0), "{printed}");
    assert!(percents.all(|p| p > 80.0), "{printed}");

    let eval = [
        "eval",
        "--model",
        &model,
        "--data",
        &data,
        "--split",
        "validation",
    ];
    let options = ["--json", &json, "--mirror", "--engine", "builtin"];
    let printed = succeed(&[&eval[..], &options].concat());
    assert!(printed.contains("95 % interval"), "{printed}");
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(json["metrics"]["n"], 32);
    // Chance is a quarter.
    assert!(
        json["metrics"]["accuracy"].as_f64().unwrap() > 0.8,
        "{json}"
    );
}

#[test]
fn ctrl_c_leaves_a_run_that_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, out) = (path("data"), path("recipe.toml"), path("run"));
    common::sets::fer2013(Path::new(&data), 48, 8);
    std::fs::write(&recipe, format!("epochs = 100000\n{RECIPE}")).unwrap();
    let mut child = program(&["train", "--data", &data, "--config", &recipe, "--out", &out])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let metrics = Path::new(&out).join("metrics.jsonl");
    let begun = || std::fs::read_to_string(&metrics).is_ok_and(|text| !text.is_empty());
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("--resume"),
        "{said}"
    );

    // The recipe of the run holds; it is shortened so that the rest does not take long.
    let state = Path::new(&out).join("last.safetensors");
    let mut trainer = fer_trainer::checkpoint::load_state(&state).unwrap();
    trainer.config.epochs = trainer.progress.epoch + 2;
    fer_trainer::checkpoint::save_state(&trainer, &state).unwrap();
    let printed = succeed(&["train", "--data", &data, "--out", &out, "--resume"]);
    let last = format!("epoch {}:", trainer.config.epochs);
    assert!(printed.contains(&last), "{printed}");
}

#[test]
fn mistakes_are_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, bad, out, absent) = (path("data"), path("bad.toml"), path("run"), path("absent"));
    common::sets::fer2013(Path::new(&data), 48, 8);
    std::fs::write(&bad, "learning_rate = 1").unwrap();
    for (args, word) in [
        (vec!["train", "--data", &absent, "--out", &out], "absent"),
        (
            vec!["train", "--data", &data, "--out", &out, "--config", &bad],
            "learning_rate",
        ),
        (
            vec!["train", "--data", &data, "--out", &out, "--resume"],
            "last.safetensors",
        ),
        (
            vec!["train", "--data", &data, "--out", &out, "--init", &bad],
            "bad.toml",
        ),
        (vec!["export", "--onnx", "--model", &absent], "absent"),
        (vec!["eval", "--data", &data, "--model", &bad], "bad.toml"),
        (vec!["eval", "--data", &data, "--split", "test"], "test"),
    ] {
        let said = fail(&args);
        assert!(said.contains(word), "{args:?}: {said}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    use std::os::unix::process::ExitStatusExt;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    common::sets::fer2013(&data, 2, 2);
    let mut child = program(&["data", "summary", data.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(output.status.signal(), Some(13), "SIGPIPE: {said}");
}
