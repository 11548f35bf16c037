//! Who is in a picture: named by a pattern, a folder's level or a table, and what depends on it.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::page::{Page, csv};
use common::program::{fail, run, succeed};
use common::sets;
use fer_trainer::data::{self, Dataset, ReadOptions};
use serde_json::Value;

const RECIPE: &str = "width = 0.125\nepochs = 3\nbatch = 8\nghost_batch = 8\nema = 0\n\
                      freeze_blocks = 0\n[augment]\nflip = 0\n";

fn open(path: &Path, rule: &str) -> Dataset {
    let subject = Some(rule.parse().unwrap());
    let options = ReadOptions {
        subject,
        ..ReadOptions::default()
    };
    data::open(path, &options).unwrap()
}

fn people(data: &Dataset) -> Vec<(&str, &str)> {
    let samples = data.samples.iter();
    samples
        .map(|s| {
            (
                data.classes[s.label].as_str(),
                s.subject.as_deref().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_pattern_a_level_and_a_table_name_the_same_people() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let want = [
        ("happy", "01"),
        ("happy", "02"),
        ("neutral", "01"),
        ("neutral", "02"),
    ];

    sets::people(&path("flat"), 2);
    let data = open(&path("flat"), r"(\d+)\.png$");
    assert_eq!(people(&data), want);
    assert_eq!(data.subjects().unwrap().len(), 2);

    let table =
        "subject;picture\n01;happy/01.png\n02;happy/02.png\n01;neutral/01.png\n02;neutral/02.png\n";
    std::fs::write(path("who.csv"), table).unwrap();
    let who = path("who.csv");
    assert_eq!(people(&open(&path("flat"), who.to_str().unwrap())), want);

    // Folders of people above those of classes, and below them.
    for (name, level) in [("above", "1"), ("below", "2")] {
        for (class, person) in want {
            let (outer, inner) = if level == "1" {
                (person, class)
            } else {
                (class, person)
            };
            let file = path(name).join(outer).join(inner).join("face.png");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::copy(path("flat").join(class).join(format!("{person}.png")), file).unwrap();
        }
        assert_eq!(people(&open(&path(name), level)), want, "{name}");
    }
    // In a folder of its archive, levels and paths are counted from the folder that is named.
    std::fs::create_dir_all(path("packed/set")).unwrap();
    std::fs::rename(path("below"), path("packed/set/below")).unwrap();
    assert_eq!(people(&open(&path("packed"), "4")), want);
    let pattern = r"^set/below/\w+/(\d+)/face";
    assert_eq!(people(&open(&path("packed"), pattern)), want);
    let table: String = want
        .iter()
        .map(|(class, who)| format!("set/below/{class}/{who}/face.png,{who}\n"))
        .collect();
    std::fs::write(path("who.csv"), format!("picture,subject\n{table}")).unwrap();
    assert_eq!(people(&open(&path("packed"), who.to_str().unwrap())), want);
    let packed = path("packed");
    for (level, word) in [
        ("1", "but one folder"),
        ("2", "but one folder"),
        ("3", "of classes"),
    ] {
        let said = fail(&[
            "data",
            "summary",
            packed.to_str().unwrap(),
            "--subject",
            level,
        ]);
        assert!(said.contains(word), "{said}");
    }

    // Classes are told by their names, though people's folders are above; subjects are not guessed.
    let data = data::open(&path("above"), &ReadOptions::default()).unwrap();
    assert_eq!(data.classes, ["happy", "neutral"]);
    assert_eq!(data.subjects(), None);

    let flat = path("flat");
    let flat = flat.to_str().unwrap();
    let summary = succeed(&["data", "summary", flat, "--subject", r"(\d+)\.png$"]);
    let line = r"2 subjects by the pattern (\d+)\.png$, with 2 to 2 pictures each";
    assert!(summary.contains(line), "{summary}");
    let summary = succeed(&["data", "summary", flat]);
    assert!(summary.contains("subjects are not known"), "{summary}");
}

#[test]
fn a_rule_that_does_not_name_everyone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    sets::people(Path::new(&path("data")), 2);
    std::fs::write(path("some.csv"), "picture,subject\n01.png,01\n").unwrap();
    std::fs::write(path("wrong.csv"), "file,person\n01.png,01\n").unwrap();
    std::fs::write(path("two.csv"), "picture,subject\n01.png,01\n01.png,02\n").unwrap();
    for (rule, word) in [
        (
            r"S(\d+)\.png".to_owned(),
            "names no subject of happy/01.png",
        ),
        ("2".to_owned(), "no folder of level 2"),
        (path("some.csv"), "names no subject of happy/02.png"),
        (path("wrong.csv"), "picture and subject was expected"),
        (path("two.csv"), "has two subjects"),
        (path("absent.csv"), "absent.csv"),
    ] {
        let said = fail(&["data", "summary", &path("data"), "--subject", &rule]);
        assert!(said.contains(word), "{rule}: {said}");
    }
    assert!(
        !run(&["data", "summary", &path("data"), "--subject", "("])
            .status
            .success()
    );
}

#[test]
fn people_are_kept_apart_where_they_are_known_and_mixed_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, report, json) = (path("data"), path("r.toml"), path("cv"), path("cv.json"));
    sets::people(Path::new(&data), 9);
    std::fs::write(&recipe, RECIPE).unwrap();
    let args = [
        "cross-validate",
        "--data",
        &data,
        "--config",
        &recipe,
        "--folds",
        "3",
    ];
    let said = fail(&args);
    assert!(
        said.contains("--subject") && said.contains("--by random"),
        "{said}"
    );
    let printed = succeed(&[&args[..], &["--by", "random"]].concat());
    assert!(printed.contains("too good"), "{printed}");
    assert!(!printed.contains("over subjects"), "{printed}");

    let named = [
        "--subject",
        r"(\d+)\.png$",
        "--report",
        &report,
        "--json",
        &json,
    ];
    let printed = succeed(&[&args[..], &named].concat());
    assert!(
        printed.contains("18 pictures of 9 subjects by the pattern"),
        "{printed}"
    );
    assert!(printed.contains("bootstrap over subjects"), "{printed}");
    let answers = csv(&Path::new(&report).join("predictions.csv"));
    let mut folds = BTreeSet::new();
    for row in &answers {
        folds.insert((row[2].rsplit('/').next().unwrap(), row[1].as_str()));
    }
    // Both pictures of everyone are in one fold.
    assert_eq!((answers.len(), folds.len()), (18, 9));
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let low = json["pooled"]["by_subject"]["low"].as_f64().unwrap();
    let page = Page::read(Path::new(&report));
    let shown =
        page.value("95 % interval (bootstrap over subjects; below 30 Wilson's where wider), low");
    assert_eq!(shown, format!("{:.2} %", 100.0 * low));
}

#[test]
fn a_second_stage_says_what_it_is_worth_before_it_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, first) = (path("data"), path("r.toml"), path("first"));
    sets::people(Path::new(&data), 10);
    std::fs::write(&recipe, RECIPE).unwrap();
    let train = ["train", "--data", &data, "--config", &recipe];
    let (others, same) = (path("others"), path("same"));
    sets::fer2013(Path::new(&others), 16, 4);
    let other = ["train", "--data", &others, "--config", &recipe];
    let classes = ["--classes", "happy,neutral", "--out", &first];
    let printed = succeed(&[&other[..], &classes].concat());
    assert!(!printed.contains("expected"), "{printed}");

    let second = [&train[..], &["--stage", "second", "--init", &first]].concat();
    let printed = succeed(
        &[
            &second[..],
            &["--subject", r"(\d+)\.png$", "--out", &path("a")],
        ]
        .concat(),
    );
    assert!(
        printed.contains("expected of people who were never seen"),
        "{printed}"
    );
    assert!(
        printed.contains("points over the first stage's"),
        "{printed}"
    );
    assert!(printed.contains("permutation by subject"), "{printed}");

    let printed = succeed(&[&second[..], &["--out", &path("b")]].concat());
    assert!(
        printed.contains("of the same people") && printed.contains("--subject"),
        "{printed}"
    );
    let printed = succeed(&[&second[..], &["--no-folds", "--out", &path("c")]].concat());
    assert!(printed.contains("cross-validate"), "{printed}");

    // A network that has seen them tells nothing of people who were never seen: a second stage, or
    // a first one of the same pictures, with or without their subjects.
    succeed(&[&train[..], &["--out", &same]].concat());
    for (init, why) in [(path("a"), "a second stage"), (same, "on this data set")] {
        let out = path(&format!("after {why}"));
        let subject = ["--subject", r"(\d+)\.png$", "--init", &init];
        let after = ["--stage", "second", "--out", &out];
        let printed = succeed(&[&train[..], &subject, &after].concat());
        assert!(printed.contains("may have seen these people"), "{printed}");
        assert!(
            printed.contains(why) && !printed.contains("95 %"),
            "{printed}"
        );
        let validate = ["cross-validate", "--data", &data, "--config", &recipe];
        let printed = succeed(&[&validate[..], &subject, &["--folds", "2"]].concat());
        assert!(printed.contains("may have seen the people"), "{printed}");
    }
}

#[test]
fn a_person_in_two_parts_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    sets::people_from(&data.join("train"), 1, 4);
    sets::people_from(&data.join("validation"), 4, 3);
    let subject = ["--subject", r"(\d+)\.png$"];
    let data = data.to_str().unwrap();
    let printed = succeed(&[&["data", "summary", data][..], &subject].concat());
    let warning = "warning: 1 of 3 subjects to validate by are also among those to train on";
    assert!(printed.contains(warning), "{printed}");
}
