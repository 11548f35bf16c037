//! A narrow student learns from a wider teacher's answers.

mod common;

use std::path::Path;

use common::program::{fail, succeed};
use common::sets;

const RECIPE: &str = r#"
width = 0.25
batch = 16
ghost_batch = 8
dropout = 0.0
label_smoothing = 0.0
ema = 0.9
[optimizer]
lr = 5e-3
[center]
lambda = 0.0
[augment]
flip = 0.0
erase = 0.0
rotation = 5.0
shift = 1.0
"#;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn number_after(said: &str, words: &str) -> f64 {
    let (_, rest) = said.split_once(words).unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_narrow_student_learns_from_a_wide_teacher_and_resumes_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (data, teacher, labels) = (at("fer2013"), at("teacher"), at("labels.safetensors"));
    let recipe = at("recipe.toml");
    sets::fer2013(&data, 48, 8);
    std::fs::write(&recipe, RECIPE).unwrap();
    let (data, recipe) = (text(&data), text(&recipe));
    let base = ["--data", data, "--config", recipe];

    // The teacher sees twice the resolution.
    let wide = at("wide.toml");
    std::fs::write(
        &wide,
        format!("stem_stride = 1\n{}", RECIPE.replace("0.25", "0.5")),
    )
    .unwrap();
    succeed(&[
        "train",
        "--data",
        data,
        "--config",
        text(&wide),
        "--epochs",
        "10",
        "--out",
        text(&teacher),
    ]);
    let teach = [
        "--teacher",
        text(&teacher),
        "--views",
        "3",
        "--out",
        text(&labels),
    ];
    let said = succeed(&[&["teach"], &base[..], &teach].concat());
    assert!(said.contains("3 views of 192 pictures"), "{said}");
    assert!(number_after(&said, "label of ") > 60.0, "{said}");

    // Half as wide again, out of the teacher's strongest channels.
    let student = at("student");
    let narrow = ["--epochs", "10", "--init", text(&teacher)];
    let taught = ["--soft-labels", text(&labels), "--out", text(&student)];
    let said = succeed(&[&["train"], &base[..], &narrow, &taught].concat());
    assert!(
        said.contains("27 of 27 convolutions, 4 of 4 classes"),
        "{said}"
    );
    assert!(
        number_after(&said, "best: ") > 60.0,
        "chance is 25 %: {said}"
    );

    // The answers lie in the run's folder, and resuming reads them there.
    std::fs::remove_file(&labels).unwrap();
    let resume = ["train", "--data", data, "--out", text(&student), "--resume"];
    assert!(succeed(&resume).contains("best: "));
    std::fs::write(student.join("soft-labels.safetensors"), "torn").unwrap();
    assert!(fail(&resume).contains("soft-labels.safetensors"));
}

#[test]
fn answers_about_other_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (data, other, labels) = (at("fer2013"), at("other"), at("labels.safetensors"));
    let (recipe, run) = (at("recipe.toml"), at("run"));
    sets::fer2013(&data, 8, 2);
    sets::fer2013(&other, 9, 2);
    std::fs::write(&recipe, RECIPE).unwrap();
    let base = ["train", "--config", text(&recipe), "--epochs", "1"];
    succeed(&[&base[..], &["--data", text(&data), "--out", text(&run)]].concat());
    succeed(&[
        "teach",
        "--data",
        text(&data),
        "--config",
        text(&recipe),
        "--teacher",
        text(&run),
        "--views",
        "1",
        "--out",
        text(&labels),
    ]);
    let second = at("second");
    let refused = |data: &Path, labels: &Path| {
        let more = [
            "--data",
            text(data),
            "--out",
            text(&second),
            "--soft-labels",
            text(labels),
        ];
        let said = fail(&[&base[..], &more].concat());
        assert!(
            !second.exists(),
            "nothing is left of a run that did not start"
        );
        said
    };
    let said = refused(&other, &labels);
    assert!(said.contains("other training pictures"), "{said}");
    let said = refused(&data, &run.join("best.safetensors"));
    assert!(said.contains("not written by `teach`"), "{said}");
}
