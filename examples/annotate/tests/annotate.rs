//! The program as a user runs it, on real pictures and clips.

mod common;
#[path = "../../../tests/lines/mod.rs"]
mod lines;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{annotate, folder};
use serde_json::Value;
use skip::skip;

fn media(name: &str) -> Option<PathBuf> {
    let found = media_file::find(name);
    if found.is_none() {
        skip(format!("no {name}"));
    }
    found
}

fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Frames and sound streams of a file, as GStreamer's discoverer tells them.
fn discover(path: &Path) -> String {
    let output = Command::new("gst-discoverer-1.0")
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_clip_becomes_a_video_a_still_and_one_record_a_frame() {
    let test = "a_clip_becomes_a_video_a_still_and_one_record_a_frame";
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let folder = folder(test);
    let path = |name: &str| folder.join(name).display().to_string();
    let (video, still, records) = (path("out.mkv"), path("still.png"), path("faces.jsonl"));
    let output = annotate(&[
        &clip.display().to_string(),
        "--output",
        &video,
        "--still",
        &still,
        "--records",
        &records,
    ]);
    assert!(output.status.success(), "{output:?}");
    let summary = String::from_utf8_lossy(&output.stdout);
    assert!(
        summary.contains("200 frames") && summary.contains("ms a frame"),
        "{summary}"
    );

    lines::assert_valid(&std::fs::read_to_string(&records).unwrap());
    let records = self::records(Path::new(&records));
    assert_eq!(records.len(), 200);
    for (i, record) in records.iter().enumerate() {
        assert_eq!(record["frame"], i);
        assert_eq!(record["stream"], clip.display().to_string());
        assert_eq!([&record["width"], &record["height"]], [640, 480]);
        assert_eq!(record["pts"].as_u64().unwrap() / 1_000_000, i as u64 * 40);
        for face in record["faces"].as_array().unwrap() {
            let sum: f64 = face["probabilities"]
                .as_object()
                .unwrap()
                .values()
                .map(|p| p.as_f64().unwrap())
                .sum();
            assert!((sum - 1.0).abs() < 1e-3, "{face}");
            assert!(face["id"].as_i64().unwrap() > 0 && face["smoothed_label"].is_string());
        }
    }
    let count = |i: usize| records[i]["faces"].as_array().unwrap().len();
    assert_eq!(count(30), 1, "one person");
    assert_eq!(count(120), 2, "two people");
    assert_eq!(count(199), 0, "nobody");

    let found = discover(Path::new(&video));
    assert!(found.contains("audio"), "the sound is kept: {found}");
    assert!(found.contains("0:00:08.0"), "as long as the input: {found}");
    assert!(std::fs::read(&still).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_picture_becomes_an_annotated_picture() {
    let test = "a_picture_becomes_an_annotated_picture";
    let Some(picture) = media("astronaut.png") else {
        return;
    };
    let folder = folder(test);
    let (drawn, rows) = (folder.join("drawn.png"), folder.join("faces.csv"));
    let output = annotate(&[
        &picture.display().to_string(),
        "--output",
        &drawn.display().to_string(),
        "--records",
        &rows.display().to_string(),
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read(&drawn).unwrap().starts_with(b"\x89PNG"));
    let text = std::fs::read_to_string(&rows).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert_eq!(rows[0].len(), rows[1].len(), "{text}");
    let number = |i: usize| rows[1][i].parse::<f32>().unwrap();
    let face = overlap_with_portrait(number(3), number(4), number(5), number(6));
    assert!(face >= 0.5, "{text}");
    assert_eq!(rows[1][8], "happy", "{text}");
}

/// Overlap (IoU) of a box with the face in the portrait, found by eye.
fn overlap_with_portrait(x: f32, y: f32, width: f32, height: f32) -> f32 {
    let (left, top) = (x.max(177.0), y.max(66.0));
    let (right, bottom) = ((x + width).min(274.0), (y + height).min(163.0));
    let shared = (right - left).max(0.0) * (bottom - top).max(0.0);
    shared / (width * height + 97.0 * 97.0 - shared)
}

#[test]
fn what_can_not_work_is_one_line_and_a_failure() {
    let folder = folder("what_can_not_work_is_one_line_and_a_failure");
    let text = folder.join("notes.txt");
    std::fs::write(&text, "no video at all").unwrap();
    let text = text.display().to_string();
    for (args, said) in [
        (vec!["/nonexistent/clip.mp4"], "/nonexistent/clip.mp4"),
        (vec!["/dev/video99"], "no such camera"),
        (vec![text.as_str()], "notes.txt"),
        (vec![text.as_str(), "--output", "x.avi"], "must end in"),
        (
            vec![text.as_str(), "--output", "/nonexistent/x.mkv"],
            "no such folder",
        ),
        (vec![text.as_str(), "--records", text.as_str()], "same file"),
        (vec![text.as_str(), "--engine", "warp"], "warp"),
        (
            vec![text.as_str(), "--records", "/nonexistent/r.csv"],
            "/nonexistent/r.csv",
        ),
    ] {
        let output = annotate(&args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "no video at all");
}
