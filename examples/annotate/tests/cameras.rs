//! Network cameras: what comes of them, and when they go away and come again.

#[path = "cameras/mod.rs"]
mod camera;
mod common;
mod live;
#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
mod skip;
#[path = "cameras/wire.rs"]
mod wire;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use camera::{Camera, H264, SOUND, clip, h264};
use common::{annotate, folder, said};
use live::Live;
use serde_json::Value;
use wire::Wire;

const UP: &str = "fer_up{input=\"0\"";

/// Kinds of the streams in a file that plays to its end without complaints.
fn played(path: &Path) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=codec_type"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn people(record: &Value) -> Vec<i64> {
    let faces = record["faces"].as_array().unwrap().iter();
    faces.map(|face| face["id"].as_i64().unwrap()).collect()
}

#[test]
fn what_is_written_of_a_camera_goes_on_when_it_comes_again() {
    let folder = folder("what_is_written_of_a_camera_goes_on_when_it_comes_again");
    let Some(clip) = h264() else {
        return;
    };
    let mount = format!("/yard={clip} {SOUND}");
    let Some(mut camera) = Camera::new(&["--tcp", "--login", "jo:hunter2", &mount]) else {
        return;
    };
    let path = |name: &str| folder.join(name).display().to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"));
    program
        .args([&camera.url("jo:hunter2@", "/yard"), "--serve", "0"])
        .args([
            "--records",
            &path("yard.jsonl"),
            "--output",
            &path("yard.mkv"),
        ])
        .args(["--still", &path("yard.jpg")])
        .stderr(File::create(folder.join("said")).unwrap());
    let live = Live::of(program);
    live.until("fer_faces", |faces| faces == 2);
    // Its sound begins later than its pictures.
    live.until("fer_frames_total", |frames| frames > 100);
    camera.switch_off();
    live.until(UP, |up| up == 0);
    live.until_told("\"status\":\"failed\"");
    let before = live.metric("fer_frames_total");
    camera.switch_on();
    live.until(UP, |up| up == 1);
    live.until("fer_faces", |faces| faces == 2);
    live.until("fer_frames_total", |frames| frames > before + 100);
    let told = live.answer("/metrics", "") + &live.answer("/", "");
    live.end();

    let records = records(&folder.join("yard.jsonl"));
    let numbers: Vec<u64> = records
        .iter()
        .map(|r| r["frame"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, Vec::from_iter(0..records.len() as u64));
    let times: Vec<u64> = records.iter().map(|r| r["pts"].as_u64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    // Who comes later may be somebody else.
    let (first, second) = records.split_at(before as usize);
    let first: Vec<i64> = first.iter().flat_map(people).collect();
    let mut second = second.iter().flat_map(people).peekable();
    assert!(second.peek().is_some());
    assert!(second.all(|id| !first.contains(&id)), "{first:?}");
    // The copies before and after.
    for name in ["yard.part.mkv", "yard.mkv"] {
        assert_eq!(played(&folder.join(name)), ["video", "audio"], "{name}");
    }
    assert!(annotate(&[&path("yard.jpg")]).status.success());
    let complaints = std::fs::read_to_string(folder.join("said")).unwrap();
    assert!(complaints.contains("yard.part.mkv"), "{complaints}");
    let everything = std::fs::read_to_string(folder.join("yard.jsonl")).unwrap();
    for text in [&complaints, &told, &everything] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn sound_of_a_camera_is_in_the_copy_and_ctrl_c_ends_it() {
    let folder = folder("sound_of_a_camera_is_in_the_copy_and_ctrl_c_ends_it");
    let Some(clip) = h264() else {
        return;
    };
    let Some(camera) = Camera::new(&[&format!("/hall={clip} {SOUND}")]) else {
        return;
    };
    for end in ["mkv", "mp4"] {
        let path = |end: &str| folder.join(format!("hall.{end}"));
        let program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
            .arg(camera.url("", "/hall"))
            .args([Path::new("--output"), &path(end), Path::new("--records")])
            .args([Path::new("-"), Path::new("--report"), &path("html")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut program = program.unwrap();
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(program.stdout.take().unwrap()));
        let seen = lines
            .by_ref()
            .filter(|line| line.as_ref().unwrap().contains("\"id\":"));
        assert_eq!(seen.take(100).count(), 100);
        let id = program.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let rest = std::thread::spawn(move || lines.count());
        let output = program.wait_with_output().unwrap();
        rest.join().unwrap();
        assert!(output.status.success(), "{end}: {}", said(&output));
        assert_eq!(played(&path(end)), ["video", "audio"], "{end}");
        assert!(
            std::fs::read_to_string(path("html"))
                .unwrap()
                .contains("Person 1")
        );
    }
}

#[test]
fn a_camera_that_goes_away_leaves_parts() {
    let folder = folder("a_camera_that_goes_away_leaves_parts");
    let Some(clip) = h264() else {
        return;
    };
    let Some(mut camera) = Camera::new(&["--tcp", &format!("/hall={clip}")]) else {
        return;
    };
    let path = |name: &str| folder.join(name).display().to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
        .args([&camera.url("", "/hall"), "--output", &path("hall.mkv")])
        .args(["--records", &path("hall.csv")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let written = || {
        let files = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap());
        let mut files = files.filter(|file| file.file_name().to_string_lossy().contains("csv"));
        files.any(|file| file.metadata().unwrap().len() > 2000)
    };
    while !written() {
        assert_eq!(program.try_wait().unwrap(), None, "it ended too soon");
        std::thread::sleep(Duration::from_millis(50));
    }
    camera.switch_off();
    let output = program.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for part in ["the stream has ended", "hall.part.mkv", "hall.part.csv"] {
        assert!(said(&output).contains(part), "{}", said(&output));
    }
    assert_eq!(played(&folder.join("hall.part.mkv")), ["video"]);
}

#[test]
fn a_stream_that_comes_by_tcp_alone_is_whole_at_its_end() {
    let folder = folder("a_stream_that_comes_by_tcp_alone_is_whole_at_its_end");
    let Some(long) = clip("libx264 -preset ultrafast -g 25") else {
        return;
    };
    let once = long.with_file_name("libx264.mkv");
    let once = format!("/hall=pushfilesrc location={} {H264}", once.display());
    let Some(camera) = Camera::new(&["--firewall", &once]) else {
        return;
    };
    let copy = folder.join("hall.mkv");
    let url = camera.url("", "/hall");
    let output = annotate(&[&url, "--output", copy.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!said(&output).contains("ended"), "{}", said(&output));
    assert_eq!(played(&copy), ["video"]);
}

#[test]
fn a_stream_that_is_cut_twice_is_tried_a_third_time() {
    let folder = folder("a_stream_that_is_cut_twice_is_tried_a_third_time");
    let Some(long) = clip("libx264 -preset ultrafast -g 25") else {
        return;
    };
    // It says how long it is before anything else, and ends before.
    let (whole, cut) = (folder.join("whole.mp4"), folder.join("cut.mp4"));
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(long)
        .args(["-t", "8", "-c", "copy", "-movflags", "+faststart"])
        .arg(&whole)
        .status();
    assert!(made.unwrap().success());
    let mut bytes = std::fs::read(whole).unwrap();
    bytes.truncate(bytes.len() * 2 / 3);
    std::fs::write(&cut, &bytes).unwrap();
    let output = annotate(&[cut.to_str().unwrap(), "--records", "-"]);
    let frames = String::from_utf8(output.stdout).unwrap().lines().count() as u64;
    assert!(frames > 0);
    let url = format!("http://127.0.0.1:{}/clip.mp4", wire::recording(bytes));
    let live = Live::new(&[&url, "--serve", "0"], &[]);
    live.until("fer_frames_total", |now| now > frames * 5 / 2);
    live.end();
}

#[test]
fn a_camera_that_falls_silent_is_tried_again() {
    let Some(clip) = h264() else {
        return;
    };
    let Some(camera) = Camera::new(&["--tcp", &format!("/hall={clip}")]) else {
        return;
    };
    let wire = Wire::to(camera.port());
    let url = format!("rtsp://127.0.0.1:{}/hall", wire.port);
    let live = Live::new(&[&url, "--serve", "0"], &[]);
    live.until(UP, |up| up == 1);
    wire.cut();
    live.until(UP, |up| up == 0);
    live.until(UP, |up| up == 1);
    live.until("fer_faces", |faces| faces == 2);
    live.end();
}

#[test]
fn one_camera_of_two_that_goes_away_leaves_the_other_alone() {
    let (Some(h264), Some(h265), Some(jpegs)) = (
        h264(),
        clip("libx265 -preset ultrafast -x265-params log-level=error:keyint=25"),
        // RTP has no room for other tables.
        clip("mjpeg -huffman default -q:v 4 -pix_fmt yuvj420p"),
    ) else {
        return;
    };
    let h265 = format!(
        "/2=pushfilesrc location={} ! matroskademux ! h265parse ! rtph265pay name=pay0 config-interval=-1",
        h265.display()
    );
    let jpegs = format!(
        "/3=pushfilesrc location={} ! matroskademux ! jpegparse ! rtpjpegpay name=pay0",
        jpegs.display()
    );
    let (Some(mut first), Some(other)) = (
        Camera::new(&[&format!("/1={h264}")]),
        Camera::new(&[&h265, &jpegs]),
    ) else {
        return;
    };
    let inputs = [
        first.url("", "/1"),
        other.url("", "/2"),
        other.url("", "/3"),
    ];
    let live = Live::new(&[&inputs[0], &inputs[1], &inputs[2], "--serve", "0"], &[]);
    for number in 0..3 {
        live.until(&format!("fer_faces{{input=\"{number}\""), |faces| {
            faces == 2
        });
    }
    first.switch_off();
    live.until(UP, |up| up == 0);
    for number in 1..3 {
        let frames = format!("fer_frames_total{{input=\"{number}\"");
        let before = live.metric(&frames);
        live.until(&frames, |now| now > before + 10);
    }
    live.end();
}

#[test]
fn what_a_camera_refuses_is_said_in_a_line() {
    let Some(clip) = h264() else {
        return;
    };
    let sound = format!("/sound={}", SOUND.replace("pay1", "pay0"));
    let options = ["--login", "jo:hunter2", &format!("/hall={clip}"), &sound];
    let Some(camera) = Camera::new(&options) else {
        return;
    };
    for (login, path, part) in [
        ("jo:wrong-word@", "/hall", "Unauthorized"),
        ("", "/hall", "Unauthorized"),
        ("jo:hunter2@", "/attic", "Not found"),
        ("jo:hunter2@", "/sound", "no picture in it"),
    ] {
        let output = annotate(&[&camera.url(login, path), "--records", "-"]);
        assert_eq!(output.status.code(), Some(1), "{login}{path}");
        let (complaint, address) = (said(&output), camera.url("", path));
        assert!(complaint.contains(part), "{complaint}");
        assert!(complaint.contains(&address), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(
            !complaint.contains("wrong-word") && !complaint.contains("hunter2"),
            "{complaint}"
        );
    }
    // What would never work is not tried again.
    let url = camera.url("jo:hunter2@", "/hall");
    let output = annotate(&[&url, "--serve", "0", "--model", "/nonexistent.onnx"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("/nonexistent.onnx"),
        "{}",
        said(&output)
    );
    let url = camera.url("jo:wrong-word@", "/hall");
    let live = Live::new(&[&url, "--serve", "0"], &[]);
    live.until_told("Unauthorized");
    live.end();
}

#[test]
fn a_camera_that_sends_jpegs_over_http_is_seen_at_its_own_speed() {
    let folder = folder("a_camera_that_sends_jpegs_over_http_is_seen_at_its_own_speed");
    let Some(portrait) = media_file::find("astronaut.png") else {
        skip::skip("astronaut.png is missing");
        return;
    };
    let jpeg = folder.join("portrait.jpg");
    let portrait = portrait.display().to_string();
    assert!(
        annotate(&[&portrait, "--output", jpeg.to_str().unwrap()])
            .status
            .success()
    );
    let port = wire::http(vec![std::fs::read(&jpeg).unwrap()]);
    let url = format!("http://127.0.0.1:{port}/");
    let file = folder.join("faces.jsonl");
    let records_option = ["--records", file.to_str().unwrap()];
    let live = Live::new(
        &[&[url.as_str(), "--serve", "0"], &records_option[..]].concat(),
        &[],
    );
    live.until("fer_faces", |faces| faces == 1);
    live.until("fer_frames_total", |frames| frames > 20);
    live.end();
    let times: Vec<u64> = records(&file)
        .iter()
        .map(|r| r["pts"].as_u64().unwrap())
        .collect();
    // At least a tenth of a second lies between two of them, on average.
    let last = times.len() - 1;
    assert!(times[last] >= last as u64 * 95_000_000, "{times:?}");
}
