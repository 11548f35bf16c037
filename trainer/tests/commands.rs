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
fn a_run_that_can_not_start_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, out) = (path("data"), path("run"));
    common::sets::fer2013(Path::new(&data), 2, 2);
    let said = fail(&["train", "--data", &data, "--width", "0.125", "--out", &out]);
    assert!(said.contains("fewer than a batch"), "{said}");
    assert!(!Path::new(&out).exists());
}

#[test]
fn class_names_may_have_commas() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, run, again, model) = (path("data"), path("run"), path("again"), path("m.onnx"));
    common::sets::fer2013(Path::new(&data), 6, 2);
    for part in ["train", "validation"] {
        let part = Path::new(&data).join(part);
        std::fs::rename(part.join("happy"), part.join("happy, smiling")).unwrap();
    }
    let recipe = path("recipe.toml");
    std::fs::write(&recipe, RECIPE).unwrap();
    let train = [
        "train", "--data", &data, "--config", &recipe, "--epochs", "1",
    ];
    succeed(&[&train[..], &["--out", &run]].concat());
    // The next stage knows them all again, as does the exported file.
    let printed = succeed(&[&train[..], &["--out", &again, "--init", &run]].concat());
    assert!(printed.contains("4 of 4 classes"), "{printed}");
    let export = [
        "export", "--onnx", "--model", &run, "--data", &data, "--output", &model,
    ];
    succeed(&export);
    let eval = ["eval", "--model", &model, "--data", &data, "--classes"];
    let printed = succeed(&[&eval[..], &["sad,\"happy, smiling\""]].concat());
    assert!(printed.contains("happy, smiling"), "{printed}");
    let said = fail(&[&eval[..], &["sad,happy, smiling"]].concat());
    assert!(said.contains("no class \"happy\""), "{said}");
}

/// Happy and neutral pictures without parts, and a run on them.
fn run_without_parts(folder: &Path) -> [String; 3] {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (data, recipe, run) = (path("data"), path("recipe.toml"), path("run"));
    common::sets::people(Path::new(&data), 20);
    std::fs::write(&recipe, RECIPE).unwrap();
    let subject = ["--subject", r"(\d+)\.png$"];
    let train = [
        "train", "--data", &data, "--config", &recipe, "--epochs", "2", "--out", &run,
    ];
    succeed(&[&train[..], &subject].concat());
    [data, recipe, run]
}

#[test]
fn a_set_without_parts_calibrates_by_what_its_run_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let [data, _, run] = run_without_parts(folder.path());
    let output = folder.path().join("m.onnx").to_str().unwrap().to_owned();
    let export = [
        "export", "--onnx", "--model", &run, "--data", &data, "--output", &output,
    ];
    let named = [&export[..], &["--subject", r"(\d+)\.png$"]].concat();
    let printed = succeed(&named);
    // Two of twenty people, two pictures each.
    let judged = "pictures that the run held out:";
    assert!(
        printed.contains(judged) && printed.contains("% of 4,"),
        "{printed}"
    );
    let printed = succeed(&[&named[..], &["--int8", "--favour-rare", "1"]].concat());
    assert!(
        printed.contains("quantised by 36 training pictures"),
        "{printed}"
    );
    // Read in another way, other pictures would be held out: some that were trained on.
    let said = fail(&export);
    assert!(said.contains("--split names a part"), "{said}");
    let said = fail(&[&export[..], &["--split", "test"]].concat());
    assert!(said.contains("no test part"), "{said}");

    // A part that is named, of another set.
    let other = folder.path().join("other").to_str().unwrap().to_owned();
    common::sets::fer2013(Path::new(&other), 2, 3);
    let other = [
        "export", "--onnx", "--model", &run, "--data", &other, "--output", &output,
    ];
    let classes = ["--classes", "happy,neutral"];
    let printed = succeed(&[&other[..], &classes, &["--split", "train"]].concat());
    assert!(
        printed.contains("train pictures:") && printed.contains("% of 4,"),
        "{printed}"
    );
    let printed = succeed(&[&other[..], &classes].concat());
    assert!(
        printed.contains("validation pictures:") && printed.contains("% of 6,"),
        "{printed}"
    );
}

#[test]
fn a_network_of_seven_of_the_classes_of_ferplus_is_calibrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, plus, recipe) = (path("fer2013.csv"), path("fer2013new.csv"), path("r.toml"));
    let mut rng = fer_trainer::rng::Rng::new(1);
    let (mut rows, mut votes) = (String::new(), String::new());
    for i in 0..32 {
        let usage = if i % 4 == 0 { "PublicTest" } else { "Training" };
        let (label, vote) = [("3", "0,9,0,0,0,0,0,1,0,0"), ("6", "8,2,0,0,0,0,0,0,0,0")][i % 2];
        let pixels: Vec<String> = common::face(i % 2, &mut rng)
            .iter()
            .map(u8::to_string)
            .collect();
        rows += &format!("{label},{},{usage}\n", pixels.join(" "));
        votes += &format!("{usage},{i}.png,{vote}\n");
    }
    std::fs::write(&data, format!("emotion,pixels,Usage\n{rows}")).unwrap();
    let header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,\
                  contempt,unknown,NF";
    std::fs::write(&plus, format!("{header}\n{votes}")).unwrap();
    std::fs::write(&recipe, RECIPE).unwrap();
    let seven = "angry,disgust,fear,happy,sad,surprise,neutral";
    let reading = ["--data", &data, "--ferplus", &plus, "--classes", seven];
    let train = [
        "train",
        "--config",
        &recipe,
        "--epochs",
        "1",
        "--out",
        &path("run"),
    ];
    succeed(&[&train[..], &reading].concat());
    let export = ["export", "--onnx", "--model", &path("run")];
    let printed = succeed(&[&export[..], &reading].concat());
    assert!(
        printed.contains("validation pictures:") && printed.contains("% of 8,"),
        "{printed}"
    );
    // Without the same classes it is refused, and how to name them is said.
    let said = fail(&[&export[..], &reading[..4]].concat());
    assert!(
        said.contains("contempt") && said.contains("--classes"),
        "{said}"
    );
}

#[test]
fn a_width_that_contradicts_the_weights_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [data, recipe, run] = run_without_parts(folder.path());
    let folds = ["--subject", r"(\d+)\.png$", "--folds", "2", "--epochs", "1"];
    let validate = ["cross-validate", "--data", &data, "--init", &run];
    let small = folder
        .path()
        .join("small.toml")
        .to_str()
        .unwrap()
        .to_owned();
    std::fs::write(&small, "batch = 8\nghost_batch = 8\n").unwrap();
    // The width is that of the run.
    succeed(&[&validate[..], &folds, &["--config", &small]].concat());
    let said = fail(
        &[
            &validate[..],
            &folds,
            &["--config", &recipe, "--width", "1"],
        ]
        .concat(),
    );
    assert!(
        said.contains("fits width 1: they are of width 0.25"),
        "{said}"
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
    let mut trainer = fer_trainer::train::load_state(&state).unwrap();
    trainer.config.epochs = trainer.progress.epoch + 2;
    fer_trainer::train::save_state(&trainer, &state).unwrap();
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

/// A slip of the keyboard must not cost a data set or a network.
#[test]
fn what_is_read_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, out) = (path("data"), path("recipe.toml"), path("run"));
    let table = path("data/train.csv");
    common::sets::fer2013(Path::new(&data), 4, 2);
    std::fs::write(&recipe, RECIPE).unwrap();
    let train = ["train", "--data", &data, "--config", &recipe, "--out", &out];
    succeed(&[&train[..], &["--epochs", "1"]].concat());
    let pixels = ["128"; 48 * 48].join(" ");
    std::fs::write(&table, format!("emotion,pixels\n3,{pixels}\n4,{pixels}\n")).unwrap();
    let weights = path("run/best.safetensors");
    let link = path("link.csv");
    std::fs::hard_link(&table, &link).unwrap();
    let before = [&table, &weights].map(|file| std::fs::read(file).unwrap());
    for command in [
        &["eval", "--data", &table, "--json", &link][..],
        &[
            "teach",
            "--data",
            &table,
            "--teacher",
            &out,
            "--out",
            &table,
        ],
        &[
            "teach",
            "--data",
            &table,
            "--teacher",
            &out,
            "--out",
            &weights,
        ],
        &["export", "--onnx", "--model", &out, "--output", &weights],
    ] {
        let why = fail(command);
        assert!(why.contains("would be overwritten"), "{why}");
    }
    assert!(before == [&table, &weights].map(|file| std::fs::read(file).unwrap()));
}
