//! What people get wrong, told at once, and what they must know before they believe a number.

mod common;

use std::path::Path;

use common::program::{fail, run, succeed};
use common::sets;

const SMALL: &str = "epochs = 1\nwidth = 0.25\nbatch = 8\nghost_batch = 8\n";

/// A folder with a data set, a recipe and a run of one epoch.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        sets::fer2013(Path::new(&place.at("data")), 8, 4);
        std::fs::write(place.at("recipe.toml"), SMALL).unwrap();
        succeed(&place.train("run"));
        place
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn train(&self, out: &str) -> Vec<&'static str> {
        let args = [
            "train",
            "--data",
            &self.at("data"),
            "--config",
            &self.at("recipe.toml"),
            "--out",
            &self.at(out),
        ]
        .map(str::to_owned);
        // A few words for as long as the test runs.
        args.into_iter().map(|arg| &*arg.leak()).collect()
    }
}

fn stderr(args: &[&str]) -> String {
    String::from_utf8(run(args).stderr).unwrap()
}

#[test]
fn outputs_that_can_not_be_written_are_told_before_anything_is_read() {
    let place = Place::new();
    // The data isn't there either, and would be named if it had been looked for.
    let mut args = place.train("run");
    args[2] = "/nonexistent";
    let said = fail(&args);
    assert!(said.contains("holds a run already"), "{said}");

    let (file, absent) = (place.at("recipe.toml"), place.at("absent/measures.json"));
    let judge = |command: &'static str, option: &'static str, value: &str| {
        fail(&[command, "--data", "/nonexistent", option, value])
    };
    for command in ["eval", "cross-validate"] {
        let said = judge(command, "--report", &file);
        assert!(said.contains("recipe.toml"), "{said}");
        let said = judge(command, "--json", &absent);
        assert!(said.contains("measures.json can't be written"), "{said}");
    }
    let said = fail(&["train", "--data", "/nonexistent", "--out", "/proc/x/y"]);
    assert!(said.contains("/proc/x/y"), "{said}");
    let (run, out) = (place.at("run"), place.at("absent/x"));
    for args in [
        vec![
            "teach",
            "--data",
            "/nonexistent",
            "--teacher",
            &run,
            "--out",
            &out,
        ],
        vec![
            "export",
            "--onnx",
            "--model",
            "/nonexistent",
            "--output",
            &out,
        ],
    ] {
        let said = fail(&args);
        assert!(said.contains("absent/x can't be written"), "{said}");
    }
    // Nothing is left where the rest fails.
    let report = place.at("report");
    fail(&["eval", "--data", "/nonexistent", "--report", &report]);
    assert!(!Path::new(&report).exists());
}

#[test]
fn a_run_is_asked_as_it_is() {
    let place = Place::new();
    let data = place.at("data");
    for model in [place.at("run"), place.at("run/best.safetensors")] {
        let said = succeed(&[
            "eval",
            "--data",
            &data,
            "--split",
            "validation",
            "--model",
            &model,
        ]);
        assert!(
            said.contains("best.safetensors in") && said.contains("of 16 pictures"),
            "{said}"
        );
    }
    let picture = place.at("data/validation/happy/PublicTest_0.png");
    let said = succeed(&["predict", &picture, "--model", &place.at("run")]);
    assert!(said.contains("happy"), "{said}");
}

#[test]
fn numbers_out_of_range_are_told_as_such() {
    let place = Place::new();
    for (option, value) in [("--threads", "2000"), ("--threads", "-1"), ("--seed", "-3")] {
        let said = stderr(&[&place.train("other")[..], &[option, value]].concat());
        assert!(said.contains(option) && said.contains(value), "{said}");
        assert!(!said.contains("unexpected argument"), "{said}");
    }
    let folds = ["cross-validate", "--by", "random", "--folds", "1", "--data"];
    let said = fail(&[&folds[..], &[&place.at("data")]].concat());
    assert!(
        said.contains("at least 2 are needed, and no more than the 48 pictures"),
        "{said}"
    );
}

#[test]
fn subjects_who_keep_nothing_apart_are_told() {
    let place = Place::new();
    let data = place.at("data");
    let alone = "each of the 48 pictures is of a subject of its own";
    let said = succeed(&["data", "summary", &data, "--subject", ".*"]);
    assert!(said.contains(alone), "{said}");
    let folds = [
        "cross-validate",
        "--data",
        &data,
        "--folds",
        "2",
        "--config",
    ];
    let recipe = place.at("recipe.toml");
    let said = succeed(&[&folds[..], &[&recipe, "--subject", ".*"]].concat());
    assert!(said.contains(alone), "{said}");
}

#[test]
fn a_second_stage_without_a_first_is_told() {
    let place = Place::new();
    let said = stderr(&[&place.train("second")[..], &["--stage", "second"]].concat());
    assert!(
        said.contains("warning: a second stage from random weights"),
        "{said}"
    );
}

#[test]
fn many_files_that_are_not_used_are_counted_not_listed() {
    let place = Place::new();
    for i in 0..50 {
        let path = place.at(&format!("data/train/happy/broken_{i}.png"));
        std::fs::write(path, "no picture").unwrap();
    }
    let said = stderr(&["data", "summary", &place.at("data")]);
    assert_eq!(said.lines().count(), 21, "{said}");
    assert!(said.contains("not used: 30 more"), "{said}");
}

#[test]
fn a_temperature_of_few_pictures_is_told() {
    let place = Place::new();
    let (run, data, out) = (place.at("run"), place.at("data"), place.at("own.onnx"));
    let said = stderr(&[
        "export", "--onnx", "--model", &run, "--data", &data, "--output", &out,
    ]);
    assert!(said.contains("warning: "), "{said}");
    assert!(
        said.contains("16 pictures are too few to calibrate by"),
        "{said}"
    );
}

#[test]
fn measures_of_a_built_in_model_on_what_it_learned_from_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("fer2013.csv");
    sets::fer2013_csv(&data, 28);
    let data = data.to_str().unwrap();
    let warning = "learned from the training part of these pictures";
    assert!(succeed(&["eval", "--data", data]).contains(warning));
    assert!(!succeed(&["eval", "--data", data, "--split", "validation"]).contains(warning));
}

#[test]
fn what_is_read_is_never_written_over() {
    let place = Place::new();
    let (data, run) = (place.at("data"), place.at("run"));
    let weights = place.at("run/best.safetensors");
    let said = fail(&["eval", "--data", &data, "--model", &run, "--json", &weights]);
    assert!(said.contains("would be overwritten"), "{said}");
    let csv = place.at("fer2013.csv");
    sets::fer2013_csv(Path::new(&csv), 14);
    let folds = [
        "cross-validate",
        "--by",
        "random",
        "--folds",
        "2",
        "--data",
        &csv,
    ];
    for output in [&csv, &weights] {
        let said = fail(&[&folds[..], &["--init", &run, "--json", output]].concat());
        assert!(said.contains("would be overwritten"), "{said}");
    }
}

#[test]
fn seven_classes_do_not_make_fer_2013() {
    let folder = tempfile::tempdir().unwrap();
    let classes = [
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ];
    let save = |place: &Path, name: &str| {
        for (label, class) in classes.iter().enumerate() {
            let file = place.join(class).join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let rng = &mut fer_trainer::rng::Rng::new(label as u64);
            let face = common::face(label % 4, rng);
            image::save_buffer(&file, &face, 48, 48, image::ExtendedColorType::L8).unwrap();
        }
    };
    let (own, fer) = (folder.path().join("own"), folder.path().join("fer"));
    save(&own, "jo.png");
    save(&fer, "Training_1.png");
    let eval = |data: &Path| succeed(&["eval", "--data", data.to_str().unwrap()]);
    assert!(!eval(&own).contains("FER-2013") && !eval(&own).contains("too good"));
    assert!(eval(&fer).contains("FER-2013") && eval(&fer).contains("too good"));
}

#[test]
fn a_built_in_network_is_known_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let (data, own) = (
        folder.path().join("fer2013.csv"),
        folder.path().join("own.onnx"),
    );
    sets::fer2013_csv(&data, 28);
    let model = fer::Model::built_in(fer::model::Bundled::Small).unwrap();
    std::fs::write(&own, model.bytes()).unwrap();
    let (data, own) = (data.to_str().unwrap(), own.to_str().unwrap());
    assert!(succeed(&["eval", "--data", data, "--model", own]).contains("too good"));
}

#[test]
fn soft_labels_of_an_earlier_run_are_not_taken_up() {
    let place = Place::new();
    std::fs::create_dir(place.at("second")).unwrap();
    let stale = place.at("second/soft-labels.safetensors");
    std::fs::write(&stale, "of another run").unwrap();
    succeed(&place.train("second"));
    assert!(!Path::new(&stale).exists());
}

#[test]
fn a_run_is_resumed_with_its_own_pictures() {
    let place = Place::new();
    let other = place.at("other");
    sets::fer2013(Path::new(&other), 9, 5);
    let said = fail(&[
        "train",
        "--resume",
        "--data",
        &other,
        "--out",
        &place.at("run"),
    ]);
    assert!(said.contains("was begun with other pictures"), "{said}");
    succeed(&[
        "train",
        "--resume",
        "--data",
        &place.at("data"),
        "--out",
        &place.at("run"),
    ]);
}

#[test]
fn a_network_is_not_praised_for_what_it_was_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, other, recipe, run) = (at("data"), at("other"), at("recipe.toml"), at("run"));
    // Without parts, so that the run holds some out itself.
    for (folder, shift) in [(&data, 0), (&other, 50)] {
        for i in 0..40 {
            let file = Path::new(folder)
                .join(["happy", "sad"][i % 2])
                .join(format!("{i}.png"));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let rng = &mut fer_trainer::rng::Rng::new((i + shift) as u64);
            let face = common::face(i % 2, rng);
            image::save_buffer(&file, &face, 48, 48, image::ExtendedColorType::L8).unwrap();
        }
    }
    std::fs::write(&recipe, SMALL).unwrap();
    succeed(&["train", "--data", &data, "--config", &recipe, "--out", &run]);
    let eval = |data: &str| succeed(&["eval", "--model", &run, "--data", data]);
    assert!(eval(&data).contains("was trained on most of these pictures"));
    assert!(!eval(&other).contains("too good"));
}

#[test]
fn data_that_can_not_be_learned_from_is_told_for_what_it_is() {
    let place = Place::new();
    let (data, out) = (place.at("data"), place.at("new"));
    let train = ["train", "--data", &data, "--out"];
    let said = fail(&[&train[..], &[&data]].concat());
    assert!(said.contains("--out is the folder of the data"), "{said}");
    let own = place.at("own");
    for i in 0..20 {
        let file = Path::new(&own)
            .join(["happy", "sad"][i % 2])
            .join(format!("jo_{i}.png"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let face = common::face(i % 2, &mut fer_trainer::rng::Rng::new(i as u64));
        image::save_buffer(&file, &face, 48, 48, image::ExtendedColorType::L8).unwrap();
    }
    let train = ["train", "--data", &own, "--out", &out, "--subject", "jo"];
    let said = fail(&train);
    assert!(
        said.contains("all pictures are of one subject, jo"),
        "{said}"
    );
    let foreign = place.at("foreign.onnx");
    std::fs::write(&foreign, "another network").unwrap();
    let said = fail(&[&train[..5], &["--init", &foreign]].concat());
    assert!(
        said.contains("was not written by fer-trainer export"),
        "{said}"
    );
    std::fs::remove_dir_all(Path::new(&own).join("sad")).unwrap();
    let said = fail(&train[..5]);
    assert!(said.contains("one class alone, happy"), "{said}");
    assert!(!Path::new(&out).exists());
}
