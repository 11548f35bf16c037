//! Reports say the same as what is printed and as JSON.

mod common;

use std::path::Path;

use common::page::{Page, csv};
use common::program::succeed;
use serde_json::Value;

#[test]
fn the_report_of_an_evaluation_has_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, json, report) = (path("data"), path("eval.json"), path("new/report"));
    common::sets::fer2013(Path::new(&data), 2, 6);
    // A picture that must be searched, and has no face.
    let blank = image::GrayImage::from_pixel(200, 200, image::Luma([90]));
    let missed = Path::new(&data).join("validation/happy/PublicTest_99.png");
    blank.save(missed).unwrap();

    let args = ["eval", "--data", &data, "--split", "validation"];
    let options = ["--json", &json, "--report", &report];
    let printed = succeed(&[&args[..], &options].concat());
    assert!(printed.contains("report.html"), "{printed}");
    let json: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let metrics = &json["metrics"];
    assert_eq!((&metrics["n"], &json["missed"]), (&24.into(), &1.into()));

    let report = Path::new(&report);
    let page = Page::read(report);
    let percent = |value: &Value| format!("{:.2} %", 100.0 * value.as_f64().unwrap());
    assert_eq!(page.value("pictures"), "24");
    for (name, value) in [
        ("accuracy", &metrics["accuracy"]),
        ("95 % interval (Wilson), low", &metrics["interval"]["low"]),
        ("95 % interval (Wilson), high", &metrics["interval"]["high"]),
        ("balanced accuracy", &metrics["balanced_accuracy"]),
        ("accuracy with them as wrong", &json["accuracy_with_missed"]),
    ] {
        assert_eq!(page.value(name), percent(value), "{name}");
    }
    let four = |value: &Value| format!("{:.4}", value.as_f64().unwrap());
    assert_eq!(page.value("macro F1"), four(&metrics["macro_f1"]));
    assert_eq!(page.value("pictures without a face"), "1");
    assert!(page.value("milliseconds a picture").parse::<f64>().unwrap() > 0.0);
    assert!(page.warnings.is_empty());
    // Nobody else has a figure on these faces, and those on others compare to nothing here.
    assert!(page.rows.iter().all(|row| row[0] != "this model"));
    assert!(!report.join("baselines.csv").exists());

    // The confusion matrix and the reliability diagram.
    let [confusion, reliability] = &page.drawings[..] else {
        panic!("{} drawings", page.drawings.len())
    };
    let row = &metrics["confusion"][1];
    assert!(confusion.contains(&row[1].to_string()) && confusion.contains(&"happy".into()));
    let error = format!("ECE {}", four(&metrics["ece"]));
    assert!(reliability.contains(&error), "{reliability:?}");

    let summary = csv(&report.join("summary.csv"));
    let accuracy: f64 = summary[1][1].parse().unwrap();
    assert_eq!(Some(accuracy), metrics["accuracy"].as_f64());
    let rows = csv(&report.join("confusion.csv"));
    let counts: Vec<u64> = rows
        .iter()
        .flat_map(|row| row[1..].iter().map(|n| n.parse::<u64>().unwrap()))
        .collect();
    assert_eq!((rows.len(), counts.iter().sum::<u64>()), (4, 24));
    assert_eq!(csv(&report.join("classes.csv")).len(), 4);
    let bins = csv(&report.join("reliability.csv"));
    assert_eq!(bins.len(), 15);
}

#[test]
fn figures_of_others_are_those_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, report) = (path("fer2013.csv"), path("report"));
    common::sets::fer2013_csv(Path::new(&data), 14);
    let args = [
        "eval",
        "--data",
        &data,
        "--split",
        "validation",
        "--report",
        &report,
    ];
    succeed(&args);
    let page = Page::read(Path::new(&report));
    assert_eq!(page.value("this model"), "FER-2013");
    assert_eq!(page.value("@vladmandic/human 3.3.6"), "FER-2013");
    assert!(
        page.rows
            .iter()
            .all(|row| !row.contains(&"JAFFE".to_owned()))
    );
    assert_eq!(csv(&Path::new(&report).join("baselines.csv")).len(), 7);
}

#[test]
fn corruptions_are_told_in_text_json_and_report_and_are_the_same_for_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, report) = (path("data"), path("report"));
    common::sets::fer2013(Path::new(&data), 2, 6);
    let run = |seed: &str, json: &str| -> (String, Value) {
        let args = ["eval", "--data", &data, "--split", "validation"];
        let options = ["--corruptions", "--seed", seed, "--json", json];
        let printed = succeed(&[&args[..], &options, &["--report", &report]].concat());
        let json = std::fs::read_to_string(json).unwrap();
        (printed, serde_json::from_str(&json).unwrap())
    };
    let (printed, first) = run("1", &path("a.json"));
    let (_, again) = run("1", &path("b.json"));
    let (_, other) = run("2", &path("c.json"));
    let damage = &first["corruptions"];
    assert_eq!(damage, &again["corruptions"]);
    assert_ne!(damage["rows"], other["corruptions"]["rows"]);

    let rows = damage["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 39);
    let number = |value: &Value| value.as_f64().unwrap();
    let mean = rows.iter().map(|row| number(&row["accuracy"])).sum::<f64>() / 39.0;
    assert!((mean - number(&damage["mean"])).abs() < 1e-9);
    assert_eq!(damage["clean"], first["metrics"]["accuracy"]);
    for row in rows {
        let loss = number(&damage["clean"]) - number(&row["accuracy"]);
        assert!((loss - number(&row["loss"])).abs() < 1e-9, "{row}");
    }
    assert!(printed.contains("out of focus"), "{printed}");
    let share = format!("{:.3} of the", number(&damage["share_of_clean"]));
    assert!(printed.contains(&share), "{printed}");

    let page = Page::read(Path::new(&report));
    let header = page.rows.iter().find(|row| row[0] == "damage");
    assert!(header.is_some(), "no table of damages");
    let pictures = &page.drawings[2];
    assert!(pictures.contains(&"noise".into()) && pictures.contains(&"heavy".into()));
    assert_eq!(csv(&Path::new(&report).join("damage.csv")).len(), 41);
}
