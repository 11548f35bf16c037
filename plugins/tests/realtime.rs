//! `ferfacedetect` in live pipelines, while it is paused, sought and flushed, and from files.

mod common;

use common::{PORTRAIT_FACE, Run, Seen, demo, media, picture, run, run_with};
use gst::prelude::*;

/// So many and so small windows that a scan takes as long as many frames.
const SLOW: &str = "scale-factor=1.01 min-size=2 min-neighbors=50 interval=1";

/// A live camera that sees the picture at `path`.
fn camera(path: &std::path::Path, frames: u32) -> String {
    format!(
        "filesrc location=\"{}\" ! decodebin ! imagefreeze is-live=true num-buffers={frames} \
         ! videoconvert ! videoscale ! video/x-raw,format=I420,width=640,height=480,framerate=30/1",
        path.display()
    )
}

fn mode(run: &Run) -> String {
    run.stats["ferfacedetect"].get("mode").unwrap()
}

/// What is to be the same from run to run.
fn faces(frames: &[Seen]) -> Vec<Vec<(i32, fer::Rect)>> {
    let of = |frame: &Seen| frame.faces.iter().map(|f| (f.id, f.rect)).collect();
    frames.iter().map(of).collect()
}

#[test]
fn a_live_stream_does_not_wait_for_a_slow_detector_and_says_so() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! ferfacedetect {SLOW} ! fakesink name=end sync=true",
        camera(&path, 60)
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.frames.len(), 60);
    assert_eq!(mode(&run), "async");
    let stats = &run.stats["ferfacedetect"];
    let count = |field: &str| stats.get::<u64>(field).unwrap();
    // Each frame was to be scanned, and most passed while the detector was busy.
    assert!(count("skipped-scans") > 30, "{stats:?}");
    assert_eq!(count("frames"), 60);
    let behind: Vec<_> = run
        .messages
        .iter()
        .filter(|m| m.name() == "fer-behind")
        .collect();
    let told: u64 = behind
        .iter()
        .map(|m| m.get::<u64>("skipped-scans").unwrap())
        .sum();
    assert!((1..=count("skipped-scans")).contains(&told), "{behind:?}");
    assert!(behind[0].get::<u64>("running-time").is_ok(), "{behind:?}");
    assert!(behind.len() < 20, "{} messages", behind.len());
}

#[test]
fn live_pipelines_are_async_and_others_sync_unless_told_otherwise() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for (source, asked, used) in [
        (camera(&path, 5), "auto", "async"),
        (camera(&path, 5), "sync", "sync"),
        (picture(&path, 5), "auto", "sync"),
        (picture(&path, 5), "async", "async"),
        (camera(&path, 5), "aligned", "aligned"),
        (picture(&path, 5), "aligned", "aligned"),
    ] {
        let run = run(&format!(
            "{source} ! ferfacedetect mode={asked} ! fakesink name=end"
        ));
        assert_eq!(run.error, None);
        assert_eq!(mode(&run), used, "{asked}");
        assert_eq!(run.frames.len(), 5);
    }
}

#[test]
fn frames_too_late_downstream_are_not_looked_at_only_where_none_waits_for_the_detector() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // A file is never thinned unless it is asked for.
    for (options, late) in [
        ("mode=async", 9),
        ("mode=async qos=false", 0),
        ("mode=auto", 0),
        ("mode=sync", 0),
    ] {
        let description = format!(
            "{} ! ferfacedetect name=finder {options} ! fakesink name=end",
            picture(&path, 10)
        );
        let run = run_with(&description, |pipeline| {
            let pad = pipeline.by_name("end").unwrap().static_pad("sink").unwrap();
            // What is upstream of the finder would leave out frames.
            let finder = pipeline.by_name("finder").unwrap();
            let source = finder.static_pad("sink").unwrap().peer().unwrap();
            source.add_probe(gst::PadProbeType::EVENT_UPSTREAM, |_, info| {
                match info.event().map(|event| event.type_()) {
                    Some(gst::EventType::Qos) => gst::PadProbeReturn::Handled,
                    _ => gst::PadProbeReturn::Ok,
                }
            });
            pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
                // After the first frame, the sink asks to be spared the next minute.
                let start = gst::ClockTime::ZERO;
                if info.buffer().unwrap().pts() == Some(start) {
                    let kind = gst::QOSType::Underflow;
                    pad.push_event(gst::event::Qos::new(kind, 2.0, 30_000_000_000, start));
                }
                gst::PadProbeReturn::Ok
            });
        });
        assert_eq!(run.error, None);
        let stats = &run.stats["ferfacedetect"];
        assert_eq!(stats.get::<u64>("late-frames").unwrap(), late, "{stats:?}");
        assert_eq!(run.frames.len(), 10);
        let qos = run.others.iter().filter(|m| {
            matches!(m.view(), gst::MessageView::Qos(_))
                && m.src().is_some_and(|s| s.name() == "finder")
        });
        assert_eq!(qos.count() as u64, late, "{options}");
        let told = run.messages.iter().filter(|m| m.name() == "fer-behind");
        assert_eq!(told.count() > 0, late > 0);
    }
}

#[test]
fn a_live_stream_has_its_faces() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! ferfacedetect ! ferclassify ! fakesink name=end",
        camera(&path, 60)
    ));
    assert_eq!(run.error, None);
    let last = &run.frames.last().unwrap().faces;
    let want = fer::Rect::new(
        PORTRAIT_FACE.x * 640.0 / 512.0,
        PORTRAIT_FACE.y * 480.0 / 512.0,
        PORTRAIT_FACE.width * 640.0 / 512.0,
        PORTRAIT_FACE.height * 480.0 / 512.0,
    );
    assert!(last.len() == 1 && last[0].rect.iou(&want) > 0.4, "{last:?}");
    assert!(last[0].expression.is_some());
}

#[test]
fn stopping_in_the_midst_of_a_scan_is_no_error() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for _ in 0..3 {
        let run = run(&format!(
            "{} ! ferfacedetect mode=async {SLOW} ! fakesink name=end",
            picture(&path, 2)
        ));
        assert_eq!(run.error, None);
        assert_eq!(run.frames.len(), 2);
    }
}

#[test]
fn the_same_file_gives_the_same_faces() {
    let Some(clip) = demo() else {
        return;
    };
    let once = || {
        let run = run(&format!(
            "{clip} ! ferfacedetect mode=sync ! fakesink name=end"
        ));
        assert_eq!(run.error, None);
        faces(&run.frames)
    };
    let first = once();
    assert!(first.iter().any(|f| f.len() == 2));
    assert_eq!(first, once());
}

#[test]
fn aligned_frames_of_a_file_have_the_faces_that_sync_ones_have() {
    let Some(clip) = demo() else {
        return;
    };
    let seen = ["sync", "aligned"].map(|mode| {
        let run = run(&format!(
            "{clip} ! ferfacedetect mode={mode} ! fakesink name=end"
        ));
        assert_eq!(run.error, None);
        faces(&run.frames)
    });
    assert!(seen[0].iter().any(|f| f.len() == 2));
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn aligned_frames_of_a_live_stream_wait_for_their_faces_but_not_for_long() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // The first frame already has its face.
    let patient = run(&format!(
        "{} ! ferfacedetect mode=aligned max-delay=10000000000 ! fakesink name=end",
        camera(&path, 5)
    ));
    assert_eq!(patient.error, None);
    assert!(patient.frames.iter().all(|f| f.faces.len() == 1));
    // A scan takes longer than a frame may wait.
    let hasty = run(&format!(
        "{} ! ferfacedetect {SLOW} mode=aligned max-delay=1000000 ! fakesink name=end",
        camera(&path, 10)
    ));
    assert_eq!(hasty.error, None);
    assert_eq!(hasty.frames.len(), 10);
    assert!(hasty.frames[0].faces.is_empty());
    let stats = &hasty.stats["ferfacedetect"];
    assert!(stats.get::<u64>("skipped-scans").unwrap() > 0, "{stats:?}");
}

#[test]
fn the_delay_of_aligned_frames_is_reported_as_latency() {
    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! ferfacedetect name=finder mode=aligned max-delay=0 ! fakesink sync=true",
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(20)).0.unwrap();
    let latency = || {
        let mut query = gst::query::Latency::new();
        assert!(pipeline.query(&mut query));
        query.result().1
    };
    let before = latency();
    let bus = pipeline.bus().unwrap();
    while bus.pop_filtered(&[gst::MessageType::Latency]).is_some() {}
    let finder = pipeline.by_name("finder").unwrap();
    finder.set_property("max-delay", 50_000_000u64);
    let message = bus.pop_filtered(&[gst::MessageType::Latency]);
    assert_eq!(message.unwrap().src(), Some(finder.upcast_ref()));
    assert_eq!(latency(), before + gst::ClockTime::from_mseconds(50));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn pausing_changes_nothing() {
    let Some(clip) = demo() else {
        return;
    };
    let description = format!("{clip} ! ferfacedetect mode=sync ! fakesink name=end");
    let straight = run(&description);
    let paused = run_with(&description, |pipeline| {
        for _ in 0..3 {
            // A change of state that comes before the one before it has ended may be lost
            // by decodebin and the sink, on a machine with much to do.
            for state in [gst::State::Playing, gst::State::Paused] {
                pipeline.set_state(state).unwrap();
                let (settled, ..) = pipeline.state(gst::ClockTime::from_seconds(20));
                settled.unwrap();
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
    });
    assert_eq!(paused.error, None);
    assert_eq!(faces(&paused.frames), faces(&straight.frames));
}

#[test]
fn after_a_seek_faces_are_found_anew_and_no_id_is_used_again() {
    let Some(clip) = demo() else {
        return;
    };
    for mode in ["sync", "async"] {
        let (mut seen, mut known) = (0, std::collections::HashSet::new());
        common::init();
        let description = format!(
            "{clip} ! ferfacedetect mode={mode} ! ferclassify ! fakesink name=end sync=false"
        );
        let pipeline = gst::parse::launch(&description).unwrap();
        let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
        let frames = common::watch(&pipeline);
        pipeline.set_state(gst::State::Paused).unwrap();
        let settle = || pipeline.state(gst::ClockTime::from_seconds(20)).0.unwrap();
        settle();
        for second in [1, 3, 0, 2, 1, 4] {
            pipeline.set_state(gst::State::Playing).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(60));
            let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
            let at = gst::ClockTime::from_seconds(second);
            pipeline.seek_simple(flags, at).unwrap();
            settle();
            let frames = std::mem::take(&mut *frames.lock().unwrap());
            // Frames from before and after the flush may stand here together.
            let after = frames.iter().rposition(|f| f.pts == Some(at));
            let before = &frames[..after.unwrap_or(frames.len())];
            let ids: std::collections::HashSet<i32> =
                before.iter().flat_map(|f| &f.faces).map(|f| f.id).collect();
            if mode == "sync" {
                assert!(ids.is_disjoint(&known), "{ids:?} {known:?}");
                known.extend(ids);
            }
            seen += frames.len();
        }
        let bus = pipeline.bus().unwrap();
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(error.is_none(), "{error:?}");
        assert!(seen > 6, "{seen} frames");
    }
}

#[test]
fn the_size_of_the_frame_may_change_while_a_scan_is_under_way() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let source = picture(&path, 100);
    let run = run(&format!(
        "concat name=c ! identity sleep-time=5000 ! ferfacedetect mode=async ! fakesink name=end \
         {source} ! video/x-raw,format=I420,width=512,height=512 ! c. \
         {source} ! video/x-raw,format=NV12,width=256,height=256,pixel-aspect-ratio=1/1 ! c."
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.frames.len(), 200);
    for (frame, scale) in [(99, 1.0), (199, 0.5)] {
        let faces = &run.frames[frame].faces;
        let found = faces
            .iter()
            .any(|f| f.rect.iou(&PORTRAIT_FACE.scale(scale)) >= 0.5);
        assert!(found, "frame {frame}: {faces:?}");
    }
    // No box of the large frames is left on the small ones.
    let inside = |f: &fer::Rect| f.right() <= 256.0 && f.bottom() <= 256.0;
    assert!(
        run.frames[100..]
            .iter()
            .flat_map(|f| &f.faces)
            .all(|f| inside(&f.rect))
    );
}

#[test]
fn faces_are_found_and_read_when_a_clip_is_played_backwards() {
    let Some(clip) = demo() else {
        return;
    };
    let pipeline = common::pipeline(&format!(
        "{clip} ! ferfacedetect ! ferclassify ! feroverlay ! fakesink name=end"
    ));
    let frames = common::watch(&pipeline);
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    let seek = pipeline.seek(
        -1.0,
        gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(2),
    );
    seek.unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let wait = gst::ClockTime::from_seconds(60);
    let end = pipeline.bus().unwrap().timed_pop_filtered(wait, &ends);
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.map(|m| m.type_()), Some(gst::MessageType::Eos));
    let frames = std::mem::take(&mut *frames.lock().unwrap());
    // The frames from before the seek are at the beginning.
    let start = frames
        .iter()
        .rposition(|f| f.pts >= Some(gst::ClockTime::from_seconds(1)));
    let backwards = &frames[start.unwrap()..];
    assert!(backwards.len() > 20, "{}", backwards.len());
    assert!(backwards.windows(2).all(|pair| pair[1].pts < pair[0].pts));
    let ids: std::collections::HashSet<i32> = backwards
        .iter()
        .flat_map(|f| &f.faces)
        .map(|f| f.id)
        .collect();
    assert_eq!(ids.len(), 1, "one face all along");
    assert!(backwards.iter().all(|f| f.faces[0].expression.is_some()));
}
