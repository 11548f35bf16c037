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
fn settings_change_while_playing_and_a_wrong_one_is_an_error() {
    common::init();
    let pipeline = gst::parse::launch(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! ferfacedetect name=finder ! fakesink name=end",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let finder = pipeline.by_name("finder").unwrap();
    finder.set_property("min-size", 0.5);
    finder.set_property("scale-factor", 1.4);
    finder.set_property("interval", 3u32);
    finder.set_property("roi", "0,0,100,100");
    assert_eq!(finder.property::<f64>("scale-factor"), 1.4);
    finder.set_property("roi", "nonsense");
    let bus = pipeline.bus().unwrap();
    let error =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(10), &[gst::MessageType::Error]);
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(error.is_some());
}
