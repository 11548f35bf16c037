//! `ferfacedetect` in real pipelines.

mod common;

use std::collections::HashSet;

use common::{PORTRAIT_FACE, media, picture, run};
use gst::prelude::*;

const FORMATS: [&str; 19] = [
    "I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "Y42B", "Y444", "GRAY8", "RGB", "BGR", "RGBx",
    "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR",
];

#[test]
fn finds_the_face_in_every_format_and_at_odd_sizes() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for format in FORMATS {
        for (width, height) in [(512, 512), (401, 399)] {
            let run = run(&format!(
                "{} ! video/x-raw,format={format},width={width},height={height},pixel-aspect-ratio=1/1 \
                 ! ferfacedetect ! fakesink name=end",
                picture(&path, 1)
            ));
            assert_eq!(run.error, None, "{format}");
            let faces = &run.frames[0].faces;
            let (sx, sy) = (width as f32 / 512.0, height as f32 / 512.0);
            let want = fer::Rect::new(
                PORTRAIT_FACE.x * sx,
                PORTRAIT_FACE.y * sy,
                PORTRAIT_FACE.width * sx,
                PORTRAIT_FACE.height * sy,
            );
            assert!(
                faces.len() == 1 && faces[0].rect.iou(&want) >= 0.5,
                "{format} {width}x{height}: {faces:?}"
            );
            assert!(faces[0].id > 0 && faces[0].detection.is_some(), "{faces:?}");
        }
    }
}

#[test]
fn interlaced_flags_and_padding_do_not_matter() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // videocrop moves the planes' starts without copying, which leaves strides wider than
    // the frame.
    let run = run(&format!(
        "{} ! video/x-raw,format=I420,width=512,height=512,interlace-mode=progressive \
         ! capssetter caps=video/x-raw,interlace-mode=interleaved,field-order=top-field-first \
         ! videocrop left=40 top=20 right=31 bottom=11 ! ferfacedetect ! fakesink name=end",
        picture(&path, 2)
    ));
    assert_eq!(run.error, None);
    for frame in &run.frames {
        let want = fer::Rect::new(
            PORTRAIT_FACE.x - 40.0,
            PORTRAIT_FACE.y - 20.0,
            PORTRAIT_FACE.width,
            PORTRAIT_FACE.height,
        );
        assert!(frame.faces[0].rect.iou(&want) >= 0.5, "{frame:?}");
    }
}

#[test]
fn a_face_keeps_its_id_and_messages_carry_the_time() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! video/x-raw,format=I420,framerate=25/1 ! ferfacedetect post-messages=true ! fakesink name=end",
        picture(&path, 10)
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.frames.len(), 10);
    assert!(
        run.frames
            .iter()
            .all(|f| f.faces.len() == 1 && f.faces[0].id == run.frames[0].faces[0].id)
    );
    assert_eq!(run.messages.len(), 10);
    let last = &run.messages[9];
    assert_eq!(last.name(), "fer-faces");
    assert_eq!(last.get::<u64>("frame").unwrap(), 9);
    assert_eq!(last.get::<u64>("stream-time").unwrap(), 9 * 40_000_000);
    assert_eq!(last.get::<u64>("running-time").unwrap(), 9 * 40_000_000);
    let faces: gst::Array = last.get("faces").unwrap();
    let face: gst::Structure = faces[0].get().unwrap();
    assert!(face.get::<i32>("width").unwrap() > 50);
}

#[test]
fn the_size_of_the_frame_may_change() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let source = picture(&path, 3);
    let run = run(&format!(
        "concat name=c ! ferfacedetect ! fakesink name=end \
         {source} ! video/x-raw,format=I420,width=512,height=512 ! c. \
         {source} ! video/x-raw,format=NV12,width=256,height=256,pixel-aspect-ratio=1/1 ! c."
    ));
    assert_eq!(run.error, None);
    assert_eq!(run.frames.len(), 6);
    assert!(run.frames[0].faces[0].rect.iou(&PORTRAIT_FACE) >= 0.5);
    let half = PORTRAIT_FACE.scale(0.5);
    assert!(
        run.frames[3].faces[0].rect.iou(&half) >= 0.5,
        "{:?}",
        run.frames[3]
    );
}

#[test]
fn two_people_are_two_faces() {
    // The second one comes in later, and at the end both are gone.
    let Some(path) = media("demo.mkv") else {
        return;
    };
    let run = run(&format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=I420 ! ferfacedetect ! fakesink name=end sync=false",
        path.display()
    ));
    assert_eq!(run.error, None);
    let both = run.frames.iter().filter(|f| f.faces.len() == 2).count();
    assert!(
        both * 10 > run.frames.len() * 3,
        "{both} of {}",
        run.frames.len()
    );
    assert!(run.frames.iter().all(|f| {
        let mut ids: Vec<_> = f.faces.iter().map(|face| face.id).collect();
        ids.sort_unstable();
        ids.windows(2).all(|pair| pair[0] != pair[1])
    }));
    let ids: HashSet<_> = run
        .frames
        .iter()
        .flat_map(|f| &f.faces)
        .map(|f| f.id)
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(run.frames.last().unwrap().faces.is_empty());
}

#[test]
fn a_region_of_interest_limits_the_search() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let faces = |roi: &str| {
        let run = run(&format!(
            "{} ! video/x-raw,format=I420 ! ferfacedetect roi=\"{roi}\" ! fakesink name=end",
            picture(&path, 1)
        ));
        assert_eq!(run.error, None);
        run.frames[0].faces.len()
    };
    assert_eq!(faces("100,0,300,300"), 1);
    assert_eq!(faces("300,250,200,200"), 0);
}

#[test]
fn what_can_not_work_is_said_on_the_bus() {
    for (properties, said) in [
        ("cascade=/nonexistent/face.xml", "/nonexistent/face.xml"),
        ("cascade=/etc/passwd", "/etc/passwd"),
        ("roi=1,2,3", "x,y,width,height"),
        ("detector=yunet", "YuNet"),
        (
            "detector=haar yunet-model=own.onnx",
            "does not use YuNet's own.onnx",
        ),
        (
            "detector=yunet cascade=own.xml",
            "does not use the cascade own.xml",
        ),
    ] {
        let run = run(&format!(
            "videotestsrc num-buffers=1 ! ferfacedetect name=finder {properties} ! fakesink name=end"
        ));
        let (element, text) = run.error.expect(properties);
        assert_eq!(element, "finder");
        assert!(text.contains(said), "{properties}: {text}");
        assert!(run.frames.is_empty());
    }
}

#[test]
fn settings_with_which_no_face_can_be_found_are_warned_of_once() {
    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! ferfacedetect name=finder min-size=400 ! fakesink name=end",
    );
    let bus = pipeline.bus().unwrap();
    let warning = || {
        let wait = gst::ClockTime::from_seconds(20);
        let message = bus.timed_pop_filtered(wait, &[gst::MessageType::Warning]);
        let message = message.expect("a warning");
        let gst::MessageView::Warning(warning) = message.view() else {
            unreachable!("nothing else was asked for")
        };
        warning.debug().unwrap().to_string()
    };
    pipeline.set_state(gst::State::Playing).unwrap();
    assert!(warning().contains("400 pixels, is larger than frames of 320 x 240"));
    let finder = pipeline.by_name("finder").unwrap();
    finder.set_property("interval", 3u32);
    finder.set_property("min-size", 0.25);
    finder.set_property("roi", "320,0,100,100");
    assert!(warning().contains("lies outside"));
    finder.set_property("roi", "0,0,100,100");
    finder.set_property("max-size", 59.0);
    assert!(warning().contains("larger than the largest, 59 pixels"));
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn settings_change_while_playing_and_a_wrong_one_leaves_the_old() {
    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! ferfacedetect name=finder ! fakesink name=end",
    );
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(20)).0.unwrap();
    let finder = pipeline.by_name("finder").unwrap();
    finder.set_property("min-size", 0.5);
    finder.set_property("scale-factor", 1.4);
    finder.set_property("interval", 3u32);
    finder.set_property("roi", "0,0,100,100");
    assert_eq!(finder.property::<f64>("scale-factor"), 1.4);
    let bus = pipeline.bus().unwrap();
    let wait = gst::ClockTime::from_seconds(20);
    let warning = || {
        let message = bus
            .timed_pop_filtered(wait, &[gst::MessageType::Warning])
            .unwrap();
        assert_eq!(message.src(), Some(finder.upcast_ref()));
    };
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    finder.set_property("roi", "nonsense");
    warning();
    assert_eq!(finder.property::<String>("roi"), "0,0,100,100");
    finder.set_property("roi", "1,1,0,0");
    warning();
    assert_eq!(finder.property::<String>("roi"), "0,0,100,100");
    // What only a start can change.
    finder.set_property_from_str("detector", "yunet");
    warning();
    let frames = || {
        let stats: gst::Structure = finder.property("stats");
        stats.get::<u64>("frames").unwrap()
    };
    let before = frames();
    while frames() < before + 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none());
    finder.set_property_from_str("detector", "yunet");
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
}

#[test]
fn it_is_said_when_the_last_face_has_left() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "concat name=c ! ferfacedetect post-messages=true ! ferclassify ! fakesink name=end \
         {} ! video/x-raw,format=I420,width=512,height=512,framerate=25/1 ! c. \
         videotestsrc num-buffers=3 pattern=black ! video/x-raw,format=I420,width=512,height=512,framerate=25/1 ! c.",
        picture(&path, 2)
    ));
    assert_eq!(run.error, None);
    for name in ["fer-faces", "fer-expressions"] {
        let of = run.messages.iter().filter(|m| m.name() == name);
        let counts: Vec<usize> = of
            .map(|m| m.get::<gst::Array>("faces").unwrap().len())
            .collect();
        assert_eq!(counts, [1, 1, 0], "{name}");
    }
}

#[test]
fn messages_say_when_a_frame_was_taken() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let taken = gst::ClockTime::from_seconds(1_800_000_000);
    let from_1900 = taken + gst::ClockTime::from_seconds(2_208_988_800);
    for (clock, time) in [("timestamp/x-unix", taken), ("timestamp/x-ntp", from_1900)] {
        let description = format!(
            "{} ! identity name=source ! ferfacedetect post-messages=true ! fakesink name=end",
            picture(&path, 1)
        );
        let run = common::run_with(&description, |pipeline| {
            let reference = gst::Caps::builder(clock).build();
            common::mark(pipeline, move |buffer| {
                gst::ReferenceTimestampMeta::add(buffer, &reference, time, None);
            });
        });
        let told = run.messages[0].get::<u64>("utc-time").unwrap();
        assert_eq!(told, taken.nseconds(), "{clock}");
    }
}

#[test]
fn a_stream_that_breaks_off_has_other_faces_than_before() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    // Three frames that go on, and three after an hour, with and without a word of it.
    for (flags, ids) in [
        (gst::BufferFlags::DISCONT, 2),
        (gst::BufferFlags::empty(), 1),
    ] {
        let description = format!(
            "{} ! video/x-raw,framerate=25/1 ! identity name=source ! ferfacedetect ! fakesink name=end sync=false",
            picture(&path, 6)
        );
        let run = common::run_with(&description, |pipeline| {
            common::mark(pipeline, move |buffer| {
                let pts = buffer.pts().unwrap();
                if pts >= gst::ClockTime::from_mseconds(120) {
                    buffer.set_pts(pts + gst::ClockTime::from_seconds(3600));
                    if pts == gst::ClockTime::from_mseconds(120) {
                        buffer.set_flags(flags);
                    }
                }
            });
        });
        assert_eq!(run.error, None);
        let seen: HashSet<i32> = run.frames.iter().map(|f| f.faces[0].id).collect();
        assert_eq!(seen.len(), ids, "{flags:?}");
    }
}
