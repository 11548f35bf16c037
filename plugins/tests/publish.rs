//! `ferpublish` in real pipelines: what arrives in files, on standard output and at whom nobody
//! reads.

mod common;
#[path = "../../tests/lines/mod.rs"]
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Run, Seen, demo, mark, pipeline, run, run_with, skip, stat, within_a_minute};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;
use lines::assert_valid;
use serde_json::Value;

/// Frames with a face whose number is 7.
fn frames(count: u32) -> String {
    format!(
        "videotestsrc num-buffers={count} ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 \
         ! identity name=source"
    )
}

fn with_a_face(pipeline: &gst::Pipeline) {
    mark(pipeline, |buffer| {
        VideoRegionOfInterestMeta::add(buffer, "face", (100, 50, 90, 90)).set_id(7);
    });
}

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("publish");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// The demo's clip, of which `ferpublish` with `properties` writes a file.
fn published(name: &str, properties: &str) -> Option<(Run, Vec<Value>)> {
    let (clip, file) = (demo()?, path(name));
    let run = run(&format!(
        "{clip} ! ferfacedetect detector=haar ! ferclassify name=reader engine=builtin \
         ! ferpublish name=teller location=\"{}\" {properties} ! fakesink name=end",
        file.display()
    ));
    assert_eq!(run.error, None);
    let text = std::fs::read_to_string(file).unwrap();
    assert_valid(&text);
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Some((run, lines.collect()))
}

fn close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[test]
fn a_file_has_a_line_for_each_frame_with_all_that_is_known() {
    let Some((run, lines)) = published("frames.jsonl", "stream-name=door") else {
        return;
    };
    assert_eq!((run.frames.len(), lines.len()), (200, 200));
    for (i, (line, seen)) in lines.iter().zip(&run.frames).enumerate() {
        assert_eq!(
            (&line["stream"], &line["element"]),
            (&"door".into(), &"teller".into())
        );
        assert_eq!(
            (
                line["frame"].as_u64(),
                line["pts"].as_u64().map(|t| t / 1_000_000)
            ),
            (Some(i as u64), Some(i as u64 * 40))
        );
        assert!(line["timestamp"].as_u64().unwrap() > 1_700_000_000_000_000_000);
        assert_eq!(
            (line["width"].as_u64(), line["height"].as_u64()),
            (Some(640), Some(480))
        );
        let faces = line["faces"].as_array().unwrap();
        assert_eq!(faces.len(), seen.faces.len(), "{line}");
        for (told, face) in faces.iter().zip(&seen.faces) {
            let expression = face.expression.as_ref().unwrap();
            assert_eq!(told["id"], face.id);
            assert_eq!(told["box"][2], face.rect.width as i32);
            assert_eq!(told["smoothed_label"], expression.smoothed_label.as_str());
            for (label, probability) in &expression.probabilities {
                close(&told["probabilities"][label], *probability);
            }
        }
    }
    let people = |i: usize| lines[i]["faces"].as_array().unwrap().len();
    assert_eq!((people(30), people(120), people(199)), (1, 2, 0));
    let stats = &run.stats["ferpublish"];
    assert_eq!(
        (
            stat(stats, "published"),
            stat(stats, "dropped"),
            stat(stats, "queued")
        ),
        (200, 0, 0)
    );
}

#[test]
fn dl_streamers_words_say_the_same() {
    let Some((run, lines)) = published("objects.jsonl", "schema=dlstreamer stream-name=door")
    else {
        return;
    };
    assert_eq!(lines.len(), 200);
    let mut objects = 0;
    for (line, seen) in lines.iter().zip(&run.frames) {
        assert_eq!(line["timestamp"], seen.pts.unwrap().nseconds());
        assert_eq!(line["source"], "door");
        let told = line["objects"].as_array().unwrap();
        assert_eq!(told.len(), seen.faces.len());
        for (told, face) in told.iter().zip(&seen.faces) {
            objects += 1;
            let expression = face.expression.as_ref().unwrap();
            assert_eq!(
                (&told["id"], &told["roi_type"]),
                (&face.id.into(), &"face".into())
            );
            assert_eq!(
                (&told["x"], &told["h"]),
                (
                    &(face.rect.x as i32).into(),
                    &(face.rect.height as i32).into()
                )
            );
            let place = &told["detection"]["bounding_box"];
            close(&place["x_min"], f64::from(face.rect.x) / 640.0);
            close(&place["y_max"], f64::from(face.rect.bottom()) / 480.0);
            assert_eq!(told["emotion"]["label"], expression.smoothed_label.as_str());
            close(
                &told["emotion"]["confidence"],
                expression.smoothed_confidence,
            );
            assert_eq!(told["emotion"]["model"]["name"], "reader");
        }
    }
    assert!(objects > 100, "{objects} faces");
}

/// The numbers of the faces in a frame, with what they look like over time.
fn people(seen: &Seen) -> BTreeMap<i32, String> {
    let label =
        |face: &gstfer::meta::FaceMeta| face.expression.as_ref().unwrap().smoothed_label.clone();
    seen.faces
        .iter()
        .map(|face| (face.id, label(face)))
        .collect()
}

#[test]
fn changes_alone_tell_who_is_there_in_each_frame() {
    let Some((run, lines)) = published("changes.jsonl", "every=change") else {
        return;
    };
    assert!(lines.len() < 60, "{} lines for 200 frames", lines.len());
    let mut lines = lines.iter().peekable();
    let mut present: BTreeMap<i32, String> = BTreeMap::new();
    let mut since: BTreeMap<i32, (u64, u64)> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for (i, seen) in run.frames.iter().enumerate() {
        if let Some(line) = lines.next_if(|line| line["frame"].as_u64() == Some(i as u64)) {
            let now = line["pts"].as_u64().unwrap();
            for event in line["events"].as_array().unwrap() {
                let id = event["id"].as_i64().unwrap() as i32;
                let label = event["label"].as_str().unwrap().to_owned();
                let kind = event["event"].as_str().unwrap();
                kinds.insert(kind.to_owned());
                match kind {
                    "face-appeared" => {
                        assert_eq!(present.insert(id, label), None);
                        since.insert(id, (now, now));
                    }
                    "face-left" => {
                        assert_eq!(present.remove(&id), Some(label));
                        assert_eq!(event["duration"], now - since[&id].0);
                    }
                    _ => {
                        assert_eq!(event["duration"], now - since[&id].1);
                        let before = present.insert(id, label);
                        assert_eq!(before.as_deref(), event["from"].as_str());
                        since.get_mut(&id).unwrap().1 = now;
                    }
                }
            }
        }
        assert_eq!(present, people(seen), "frame {i}");
    }
    assert_eq!(lines.next(), None);
    assert!(
        kinds.contains("face-appeared") && kinds.contains("face-left"),
        "{kinds:?}"
    );
}

#[test]
fn those_who_are_there_at_the_end_leave_with_it() {
    let file = path("end.jsonl");
    let description = format!(
        "{} ! ferpublish every=change location=\"{}\" ! fakesink name=end",
        frames(25),
        file.display()
    );
    assert_eq!(run_with(&description, with_a_face).error, None);
    let text = std::fs::read_to_string(file).unwrap();
    assert_valid(&text);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["events"][0]["event"], "face-appeared");
    assert_eq!(lines[1]["events"][0]["event"], "face-left");
    assert_eq!(lines[1]["events"][0]["duration"], 1_000_000_000);
}

#[test]
fn intervals_are_summed_up() {
    let Some((run, lines)) = published("intervals.jsonl", "every=interval interval=1000") else {
        return;
    };
    assert_eq!(lines.len(), 8);
    for (line, frames) in lines.iter().zip(run.frames.chunks(25)) {
        assert_eq!(line["frames"], 25);
        assert_eq!(line["start"], frames[0].pts.unwrap().nseconds());
        let counts = frames.iter().map(|seen| seen.faces.len());
        assert_eq!(line["most_faces"], counts.clone().max().unwrap());
        close(&line["mean_faces"], counts.sum::<usize>() as f64 / 25.0);
        let told: Vec<i64> = line["people"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["id"].as_i64().unwrap())
            .collect();
        let seen: BTreeSet<i64> = frames
            .iter()
            .flat_map(|seen| people(seen).into_keys())
            .map(i64::from)
            .collect();
        assert_eq!(told, Vec::from_iter(seen));
        for person in line["people"].as_array().unwrap() {
            let faces = frames.iter().flat_map(|seen| &seen.faces);
            let happy: Vec<f64> = faces
                .filter(|face| person["id"] == face.id)
                .flat_map(|face| &face.expression.as_ref().unwrap().probabilities)
                .filter(|(label, _)| label == "happy")
                .map(|(_, probability)| *probability)
                .collect();
            assert_eq!(person["frames"], happy.len());
            close(
                &person["probabilities"]["happy"],
                happy.iter().sum::<f64>() / happy.len() as f64,
            );
        }
    }
}

#[test]
fn the_senders_time_is_told() {
    let file = path("sender.jsonl");
    let description = format!(
        "{} ! ferpublish schema=dlstreamer location=\"{}\" ! fakesink name=end",
        frames(2),
        file.display()
    );
    let run = run_with(&description, |pipeline| {
        mark(pipeline, |buffer| {
            let clock = gst::Caps::new_empty_simple("timestamp/x-ntp");
            let time = gst::ClockTime::from_nseconds(3_986_339_380_751_188_754);
            gst::ReferenceTimestampMeta::add(buffer, &clock, time, gst::ClockTime::NONE);
        });
    });
    assert_eq!(run.error, None);
    let text = std::fs::read_to_string(file).unwrap();
    assert_valid(&text);
    let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        line["rtp"]["sender_ntp_unix_timestamp_ns"],
        1_777_350_580_751_188_754_u64
    );
    assert_eq!(line["system_timestamp"], "2026-04-28T04:29:40.751Z");
}

/// `gst-launch-1.0` with the plugin that was built with this test.
fn launch(description: &str) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command
        .arg("-q")
        .args(description.split_whitespace())
        .env("GST_PLUGIN_PATH", common::plugin_folder())
        .stdin(Stdio::null());
    command
}

#[test]
fn standard_output_has_nothing_but_lines() {
    let output = launch("videotestsrc num-buffers=50 ! ferpublish location=- ! fakesink")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complained.is_empty(),
        "{complained}"
    );
    assert_eq!(text.lines().count(), 50, "{text}");
    assert_valid(&text);
}

#[test]
fn a_standard_output_that_is_closed_is_told_once_and_video_goes_on() {
    let mut child = launch("videotestsrc num-buffers=3000 ! ferpublish location=- ! fakesink")
        // gst-launch-1.0 prints warnings on the same closed output; this is where they are logged.
        .env("GST_DEBUG", "GST_ERROR_SYSTEM:4")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = within_a_minute(|| child.wait_with_output().unwrap());
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {complained}", output.status);
    assert_eq!(
        complained
            .matches("posting message: Nobody reads standard output")
            .count(),
        1,
        "{complained}"
    );
    assert!(!complained.contains("panicked"), "{complained}");
}

#[test]
fn who_reads_nothing_does_not_hold_up_video() {
    within_a_minute(|| {
        let pipe = path("unread.pipe");
        let name = std::ffi::CString::new(pipe.display().to_string()).unwrap();
        // SAFETY: the name ends in a nought and lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        // Read by someone who never does.
        let mut reader = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&pipe)
            .unwrap();
        let run = run_with(
            &format!(
                "{} ! ferpublish location=\"{}\" queue-size=10 drain-timeout=200 ! fakesink name=end",
                frames(2000),
                pipe.display()
            ),
            with_a_face,
        );
        assert_eq!((run.error.as_ref(), run.frames.len()), (None, 2000));
        let stats = &run.stats["ferpublish"];
        let (published, dropped, queued) = (
            stat(stats, "published"),
            stat(stats, "dropped"),
            stat(stats, "queued"),
        );
        assert_eq!(published + dropped + queued, 2000);
        assert!(queued <= 11 && dropped > 1000, "{stats:?}");
        assert!(
            run.warnings()
                .iter()
                .any(|text| text.contains("could not be sent")),
            "{:?}",
            run.warnings()
        );
        // What was written is whole lines of the first frames, but for the last.
        let mut text = Vec::new();
        let _ = reader.read_to_end(&mut text);
        let text = String::from_utf8(text).unwrap();
        let whole = &text[..=text.rfind('\n').unwrap()];
        assert_eq!(whole.lines().count() as u64, published);
        assert_valid(whole);
    });
}

#[test]
fn a_full_disk_is_told_once_and_video_goes_on() {
    let run = run(&format!(
        "{} ! ferpublish location=/dev/full queue-size=10 drain-timeout=1000 ! fakesink name=end",
        frames(50)
    ));
    assert_eq!((run.error.as_ref(), run.frames.len()), (None, 50));
    let said = run.warnings();
    let full: Vec<&String> = said
        .iter()
        .filter(|text| text.contains("No space"))
        .collect();
    assert_eq!(full.len(), 1, "{said:?}");
    assert_eq!(stat(&run.stats["ferpublish"], "published"), 0);
}

#[test]
fn what_the_documentation_shows_is_what_the_schema_says() {
    let page = include_str!("../../docs/records.md");
    let mut examples = 0;
    for block in page.split("```json\n").skip(1) {
        let example = block.split("```").next().unwrap().replace('\n', "");
        // Events are a part of a line.
        let line = match example.starts_with('{') {
            true => example,
            false => {
                format!(r#"{{"frame":0,"pts":null,"width":1,"height":1,"faces":[],{example}}}"#)
            }
        };
        assert_valid(&format!("{line}\n"));
        examples += 1;
    }
    assert_eq!(examples, 4);
}

#[test]
fn a_pipe_is_written_to_when_a_reader_comes() {
    let file = path("late.pipe");
    let name = std::ffi::CString::new(file.display().to_string()).unwrap();
    // SAFETY: the name ends in a nought and lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let pipe = file.clone();
    within_a_minute(move || {
        let run = std::thread::spawn(move || {
            run_with(
                &format!(
                    "{} ! ferpublish location=\"{}\" drain-timeout=50000 ! fakesink name=end",
                    frames(20),
                    file.display()
                ),
                |_| (),
            )
        });
        while run_is_waiting(&pipe) {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let text = std::fs::read_to_string(&pipe).unwrap();
        let run = run.join().unwrap();
        assert_eq!((run.error.as_ref(), text.lines().count()), (None, 20));
        assert!(
            run.warnings()[0].contains("late.pipe"),
            "{:?}",
            run.warnings()
        );
    });
}

/// Lets a failed attempt go by before the reader comes.
fn run_is_waiting(pipe: &Path) -> bool {
    static LOOKS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    assert!(pipe.exists());
    LOOKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 10
}

#[test]
fn wrong_places_are_errors_at_the_start() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    for (location, said) in [
        ("", "No location"),
        ("http://example.org/topic", "http"),
        ("kafka://127.0.0.1/topic", "Kafka"),
        ("mqtt://127.0.0.1", "topic"),
        ("mqtt://127.0.0.1/a/#", "topic"),
        ("mqtt://jo:hunter2@127.0.0.1/topic", "password"),
        (
            "/nonexistent/folder/faces.jsonl",
            "/nonexistent/folder/faces.jsonl",
        ),
        (folder, folder),
    ] {
        let run = run_with(
            &format!("{} ! ferpublish name=teller ! fakesink name=end", frames(5)),
            |pipeline| {
                pipeline
                    .by_name("teller")
                    .unwrap()
                    .set_property("location", location);
            },
        );
        let (source, text) = run.error.unwrap_or_else(|| panic!("{location}: no error"));
        assert_eq!(source, "teller", "{location}");
        assert!(
            text.contains(said) && !text.contains("hunter2"),
            "{location}: {text}"
        );
        assert!(run.frames.is_empty(), "{location}");
    }
}

#[test]
fn passwords_can_not_be_read_again() {
    common::init();
    let teller = gst::ElementFactory::make("ferpublish").build().unwrap();
    teller.set_property("password", "hunter2");
    teller.set_property("location", "mqtt://jo:hunter2@host/topic");
    assert_eq!(
        teller.property::<String>("location"),
        "mqtt://jo:...@host/topic"
    );
    for property in teller.list_properties() {
        if property.flags().contains(gst::glib::ParamFlags::READABLE) {
            let value = format!("{:?}", teller.property_value(property.name()));
            assert!(!value.contains("hunter2"), "{}: {value}", property.name());
        } else {
            assert_eq!(property.name(), "password");
        }
    }
}

#[test]
fn any_raw_video_passes_untouched_wherever_it_lies() {
    common::init();
    let file = path("memory.jsonl");
    for caps in [
        "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=64,height=48,framerate=25/1",
        "video/x-raw(memory:CUDAMemory),format=P010_10LE,width=64,height=48,framerate=25/1",
        "video/x-raw,format=RGBA64_LE,width=64,height=48,framerate=0/1",
    ] {
        let teller = gst::ElementFactory::make("ferpublish")
            .property("location", file.display().to_string())
            .build()
            .unwrap();
        let mut harness = gst_check::Harness::with_element(&teller, Some("sink"), Some("src"));
        harness.set_src_caps_str(caps);
        let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        let before = buffer.as_ptr();
        // Shared, as behind a tee.
        let _other = buffer.clone();
        harness.push(buffer).unwrap();
        assert_eq!(harness.pull().unwrap().as_ptr(), before, "{caps}");
        assert!(harness.push_event(gst::event::Eos::new()));
        let line: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(
            (&line["width"], &line["height"]),
            (&64.into(), &48.into()),
            "{caps}"
        );
    }
}

#[test]
fn a_stop_and_a_flush_break_off_the_wait_at_the_end() {
    within_a_minute(|| {
        for flush in [true, false] {
            let pipe = path("nobody.pipe");
            let name = std::ffi::CString::new(pipe.display().to_string()).unwrap();
            // SAFETY: the name ends in a nought and lives until the call returns.
            assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
            let pipeline = pipeline(&format!(
                "{} ! ferpublish name=teller location=\"{}\" drain-timeout=3600000 ! fakesink name=end",
                frames(5),
                pipe.display()
            ));
            pipeline.set_state(gst::State::Playing).unwrap();
            let teller = pipeline.by_name("teller").unwrap();
            let queued = || stat(&teller.property("stats"), "queued");
            while queued() < 5 {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            if flush {
                let pad = teller.static_pad("sink").unwrap();
                pad.send_event(gst::event::FlushStart::new());
                // Comes in when the end of the stream has gone.
                pad.send_event(gst::event::FlushStop::new(true));
                assert_eq!(
                    queued(),
                    5,
                    "a flush is of frames, not of what was said of them"
                );
            }
            pipeline.set_state(gst::State::Null).unwrap();
        }
    });
}

#[test]
fn two_elements_do_not_write_over_each_other() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two.jsonl");
    let one = format!("queue ! ferpublish location={} ! fakesink", file.display());
    let run = run(&format!(
        "videotestsrc num-buffers=3 ! video/x-raw,width=320,height=240 ! tee name=split \
         split. ! {one} split. ! {one} name=end"
    ));
    let (_, text) = run.error.unwrap();
    assert!(
        text.contains("another element or program writes to it"),
        "{text}"
    );
}
