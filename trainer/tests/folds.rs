//! `fer-trainer cross-validate` and `fer-trainer ablate` on small sets in the forms of
//! JAFFE and CK+.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::page::{Page, csv};
use common::program::{fail, succeed};
use common::sets;
use serde_json::Value;

const RECIPE: &str = "width = 0.125\nepochs = 30\nbatch = 16\nghost_batch = 16\ndropout = 0.1\n\
                      ema = 0.9\nfreeze_blocks = 0\nlabel_smoothing = 0\n[optimizer]\nlr = 1e-2\n\
                      [augment]\nflip = 0\nrotation = 5\nshift = 1\nerase = 0\n";

/// Subject of a picture of JAFFE.
fn subject(picture: &str) -> &str {
    picture.split('.').next().unwrap()
}

#[test]
fn jaffe_leaves_one_subject_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, json, report) = (path("jaffe"), path("r.toml"), path("cv.json"), path("r"));
    sets::jaffe(Path::new(&data), &["KA", "KL", "KM", "KR"], 5);
    std::fs::write(&recipe, RECIPE).unwrap();
    let args = ["cross-validate", "--data", &data, "--config", &recipe];
    let options = ["--seeds", "1,2", "--json", &json, "--report", &report];
    let printed = succeed(&[&args[..], &options].concat());
    assert!(printed.contains("8 of 8 done"), "{printed}");
    assert!(printed.contains("subject-disjoint"), "{printed}");
    assert!(printed.contains("RT-FER, six classes"), "{printed}");
    assert!(printed.contains("standard deviation"), "{printed}");

    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(json["warning"], Value::Null);
    assert_eq!(json["seeds"][0]["folds"].as_array().unwrap().len(), 4);
    assert_eq!(json["seeds"][0]["metrics"]["n"], 80);
    assert_eq!(json["pooled"]["metrics"]["n"], 160);
    // Chance is a quarter.
    let accuracy = json["pooled"]["accuracy"]["mean"].as_f64().unwrap();
    assert!(accuracy > 0.6, "{accuracy}");

    let page = Page::read(Path::new(&report));
    assert_eq!(page.value("answers"), "160");
    // Rounded to two places, either way at the middle.
    let shown: f64 = page.value("accuracy").replace(" %", "").parse().unwrap();
    assert!((shown - 100.0 * accuracy).abs() < 0.0051, "{shown}");
    assert!(page.warnings.is_empty());

    // Every picture is tested once a seed, and a fold tests one person.
    let answers = csv(&Path::new(&report).join("predictions.csv"));
    let mut people: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut right = 0;
    for row in &answers {
        let key = (row[0].as_str(), row[1].as_str());
        people.entry(key).or_default().insert(subject(&row[2]));
        right += usize::from(row[3] == row[4]);
    }
    assert!(people.len() == 8 && people.values().all(|p| p.len() == 1));
    let tested: BTreeSet<_> = answers.iter().map(|row| (&row[0], &row[2])).collect();
    assert_eq!((answers.len(), tested.len()), (160, 160));
    assert!((right as f64 / 160.0 - accuracy).abs() < 1e-9);

    // The same seed gives the same answers, with any number of threads.
    let again = path("again");
    let options = ["--seeds", "2", "--report", &again, "--threads", "1"];
    succeed(&[&args[..], &options].concat());
    let second: Vec<_> = answers.into_iter().filter(|row| row[0] == "2").collect();
    assert_eq!(csv(&Path::new(&again).join("predictions.csv")), second);
}

#[test]
fn the_protocol_of_the_reference_system_is_marked_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, report) = (path("ck"), path("r.toml"), path("report"));
    sets::ck_plus(Path::new(&data), 12);
    std::fs::write(&recipe, RECIPE.replace("epochs = 30", "epochs = 2")).unwrap();
    let args = ["cross-validate", "--data", &data, "--config", &recipe];
    let options = ["--protocol", "seed", "--folds", "3", "--report", &report];
    let printed = succeed(&[&args[..], &options].concat());
    assert!(printed.contains("too good"), "{printed}");
    let page = Page::read(Path::new(&report));
    assert!(page.warnings[0].contains("chosen by the test pictures"));

    // Ten folds, since it has more subjects than that.
    let printed = succeed(&args);
    assert!(printed.contains("10 of 10 done"), "{printed}");
    assert!(!printed.contains("too good"), "{printed}");

    let by = ["--by", "random", "--protocol", "seed"];
    let output = common::program::run(&[&args[..], &by].concat());
    assert!(!output.status.success());
    let said = fail(&[&args[..], &["--folds", "13"]].concat());
    assert!(
        said.contains("13 folds") && said.contains("12 subjects"),
        "{said}"
    );
    let said = fail(&[&args[..], &["--seeds", "1,1"]].concat());
    assert!(said.contains("--seeds"), "{said}");
}

#[test]
fn from_jaffe_to_ck_plus_on_the_classes_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (jaffe, ck, recipe) = (path("jaffe"), path("ck"), path("r.toml"));
    let report = path("report");
    sets::jaffe(Path::new(&jaffe), &["KA", "KL", "KM", "KR", "MK"], 8);
    sets::ck_plus(Path::new(&ck), 6);
    std::fs::write(&recipe, RECIPE).unwrap();
    let printed = succeed(&[
        "cross-validate",
        "--data",
        &jaffe,
        "--test-data",
        &ck,
        "--config",
        &recipe,
        "--report",
        &report,
    ]);
    assert!(
        printed.contains("Classes of both: angry, happy, sad."),
        "{printed}"
    );
    let answers = csv(&Path::new(&report).join("predictions.csv"));
    assert_eq!(answers.len(), 18);
    assert!(answers.iter().all(|row| row[2].starts_with("cohn-kanade")));
    let right = answers.iter().filter(|row| row[3] == row[4]).count();
    // Chance is a third.
    assert!(right >= 11, "{right} of 18");
}

#[test]
fn pictures_that_are_trained_on_are_not_tested_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (people, others, recipe) = (path("p"), path("o"), path("r.toml"));
    sets::people(Path::new(&people), 8);
    sets::people_from(Path::new(&others), 20, 4);
    let text = RECIPE.replace("batch = 16", "batch = 8");
    std::fs::write(&recipe, text.replace("epochs = 30", "epochs = 1")).unwrap();
    let validate = ["cross-validate", "--data", &people, "--config", &recipe];
    let said = fail(&[&validate[..], &["--test-data", &people]].concat());
    assert!(
        said.contains("16 of the 16 pictures of --test-data are also in --data, to train on"),
        "{said}"
    );

    let across = [&validate[..], &["--test-data", &others]].concat();
    let unknown = "Subjects are not known in both data sets";
    let printed = succeed(&across);
    assert!(printed.contains(unknown), "{printed}");
    let printed = succeed(&[&across[..], &["--subject", r"(\d+)\.png$"]].concat());
    assert!(!printed.contains("too good"), "{printed}");

    // One picture of the other set is enough.
    let copy = Path::new(&others).join("happy/99.png");
    std::fs::copy(Path::new(&people).join("happy/01.png"), copy).unwrap();
    let said = fail(&across);
    assert!(said.contains("1 of the 9 pictures"), "{said}");
}

#[test]
fn an_ablation_compares_settings_on_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (fer, jaffe, recipe) = (path("fer"), path("jaffe"), path("r.toml"));
    let (first, report) = (path("first"), path("report"));
    sets::fer2013(Path::new(&fer), 48, 8);
    sets::jaffe(Path::new(&jaffe), &["KA", "KL", "KM"], 4);
    let short = RECIPE.replace("epochs = 30", "epochs = 6");
    std::fs::write(&recipe, &short).unwrap();
    let train = [
        "train", "--data", &fer, "--config", &recipe, "--out", &first,
    ];
    succeed(&[&train[..], &["--epochs", "15"]].concat());

    let args = [
        "ablate", "--data", &jaffe, "--config", &recipe, "--init", &first,
    ];
    let options = ["--seeds", "1,2", "--report", &report];
    let printed = succeed(&[&args[..], &options].concat());
    assert!(printed.contains("24 of 24 done"), "{printed}");
    // Both arms of two stages have a first stage with center loss.
    let alone = "center loss is compared in the second stage alone";
    assert!(printed.contains(alone), "{printed}");

    let report = Path::new(&report);
    let settings = csv(&report.join("settings.csv"));
    let names: Vec<&str> = settings.iter().map(|row| row[0].as_str()).collect();
    let want = [
        "one stage, softmax",
        "one stage, center loss",
        "two stages, softmax",
        "two stages, center loss",
    ];
    assert_eq!(names, want);
    let number = |cell: &String| cell.parse::<f64>().unwrap();
    let accuracy: Vec<f64> = settings.iter().map(|row| number(&row[2])).collect();
    for row in &settings {
        assert_eq!(row[1], "48");
        // The interval by subjects is about the accuracy.
        assert!(number(&row[6]) <= number(&row[2]) && number(&row[2]) <= number(&row[7]));
        assert!((number(&row[2]) - (number(&row[10]) + number(&row[11])) / 2.0).abs() < 1e-9);
    }
    // Six epochs over 16 pictures teach little to a network that knows nothing.
    assert!(accuracy[2] > accuracy[0] + 0.2, "{accuracy:?}");

    // Tests agree with the accuracies that they are about.
    let tests = csv(&report.join("tests.csv"));
    assert_eq!(tests.len(), 8);
    for row in &tests {
        let difference = number(&row[5]) - number(&row[4]);
        assert!((difference / 48.0 - (number(&row[3]) - number(&row[2]))).abs() < 1e-9);
        assert!((0.0..=1.0).contains(&number(&row[6])));
    }
    let by_subject = csv(&report.join("tests-by-subject.csv"));
    assert_eq!(by_subject.len(), 4);
    for row in &by_subject {
        // With three people the smallest p of two sides is 2 / 2^3.
        assert!(row[3] == "3" && number(&row[6]) >= 0.25, "{row:?}");
    }
    assert_eq!(csv(&report.join("confusion.csv")).len(), 4 * 7);

    let page = Page::read(report);
    assert!(page.warnings[0].contains(alone), "{:?}", page.warnings);
    // Four confusion matrices and four planes of features.
    assert_eq!(page.drawings.len(), 8);
    for (name, accuracy) in want.iter().zip(&accuracy) {
        let row = page.rows.iter().find(|row| row[0] == *name).unwrap();
        assert_eq!(row[2], format!("{:.2} %", 100.0 * accuracy));
        assert!(
            page.drawings[4..]
                .iter()
                .any(|d| d.contains(&name.to_string()))
        );
    }
    assert!(page.rows.iter().any(|r| r[0].contains("JAFFE, one stage")));

    let none = path("none.toml");
    std::fs::write(&none, format!("{short}[center]\nlambda = 0\n")).unwrap();
    let args = [
        "ablate", "--data", &jaffe, "--config", &none, "--init", &first,
    ];
    let said = fail(&[&args[..], &["--report", report.to_str().unwrap()]].concat());
    assert!(said.contains("center.lambda"), "{said}");
}

#[test]
fn each_arm_of_an_ablation_has_its_own_first_stage() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (people, others, recipe, report) = (path("p"), path("o"), path("r.toml"), path("report"));
    sets::people(Path::new(&people), 8);
    sets::people_from(Path::new(&others), 20, 5);
    let subject = ["--subject", r"(\d+)\.png$"];
    let (with, without) = (path("with"), path("without"));
    for (out, lambda) in [(&with, 0.1), (&without, 0.0)] {
        let text = RECIPE
            .replace("epochs = 30", "epochs = 1")
            .replace("batch = 16", "batch = 8");
        std::fs::write(&recipe, format!("{text}[center]\nlambda = {lambda}\n")).unwrap();
        let train = [
            "train", "--data", &people, "--config", &recipe, "--out", out,
        ];
        succeed(&[&train[..], &subject].concat());
    }
    std::fs::write(
        &recipe,
        std::fs::read_to_string(&recipe)
            .unwrap()
            .replace("lambda = 0", "lambda = 0.1"),
    )
    .unwrap();
    let ablate = [
        "ablate", "--data", &people, "--config", &recipe, "--report", &report,
    ];
    let ablate = [&ablate[..], &subject].concat();
    let swapped = ["--init", &without, "--init-softmax", &with];
    let said = fail(&[&ablate[..], &swapped].concat());
    assert!(said.contains("was trained with center loss"), "{said}");

    // One that was trained for longer is no partner.
    let longer = path("longer");
    let train = [
        "train", "--data", &people, "--config", &recipe, "--epochs", "2", "--out", &longer,
    ];
    succeed(&[&train[..], &subject].concat());
    let own = ["--init", &longer, "--init-softmax", &without];
    let said = fail(&[&ablate[..], &own].concat());
    assert!(said.contains("center loss: epochs 2 and 1\n"), "{said}");

    // Across to other people, with island loss and two more depths of freezing.
    let own = [
        "--init",
        &with,
        "--init-softmax",
        &without,
        "--test-data",
        &others,
    ];
    let more = ["--island", "10", "--freeze", "1,13,0,1"];
    let printed = succeed(&[&ablate[..], &own, &more].concat());
    assert!(printed.contains("7 of 7 done"), "{printed}");
    // One block twice is one setting, and none is what the others have.
    let page = Page::read(Path::new(&report));
    assert!(page.warnings.is_empty(), "{:?}", page.warnings);
    let settings = csv(&Path::new(&report).join("settings.csv"));
    assert!(settings.iter().all(|row| row[1] == "10"), "{settings:?}");
    let last = [
        "two stages, center and island loss",
        "two stages, center loss, 1 blocks frozen",
    ];
    assert_eq!([&settings[4][0], &settings[5][0]], last);
    let tests = csv(&Path::new(&report).join("tests-by-subject.csv"));
    assert!(
        tests.len() == 7 && tests.iter().all(|row| row[3] == "5"),
        "{tests:?}"
    );
}
