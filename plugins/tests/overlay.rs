//! `feroverlay` in real pipelines: what is drawn, where, and how.

mod common;

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoOverlayCompositionMeta, VideoRegionOfInterestMeta};
use gstfer::meta::{self, Expression};

/// The box that is marked on the grey test frames.
const BOX: (u32, u32, u32, u32) = (100, 80, 120, 100);

/// One grey 320x240 frame in `format` through the overlay, as grey pixels.
fn drawn(format: &str, properties: &str, rect: Option<(u32, u32, u32, u32)>) -> Vec<u8> {
    draw(format, properties, move |buffer| {
        if let Some(rect) = rect {
            VideoRegionOfInterestMeta::add(buffer, "face", rect).set_id(7);
        }
    })
}

/// As [`drawn`], with metadata added by `mark`.
fn draw(
    format: &str,
    properties: &str,
    mark: impl Fn(&mut gst::BufferRef) + Send + Sync + 'static,
) -> Vec<u8> {
    common::init();
    let pipeline = gst::parse::launch(&format!(
        "videotestsrc num-buffers=1 pattern=solid-color foreground-color=0xff808080 \
         ! video/x-raw,format={format},width=320,height=240 ! identity name=source ! feroverlay {properties} \
         ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=sink sync=false"
    ))
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let pad = pipeline
        .by_name("source")
        .unwrap()
        .static_pad("src")
        .unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        mark(info.buffer_mut().unwrap().make_mut());
        gst::PadProbeReturn::Ok
    });
    let sink = pipeline.by_name("sink").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sample = sink
        .pull_sample()
        .unwrap_or_else(|_| panic!("{format}: no frame"));
    pipeline.set_state(gst::State::Null).unwrap();
    let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info)
        .unwrap();
    let stride = frame.plane_stride()[0] as usize;
    let data = frame.plane_data(0).unwrap();
    data.chunks(stride)
        .take(240)
        .flat_map(|row| row[..320].to_vec())
        .collect()
}

/// Left, top, right, bottom (exclusive) of the pixels in which two pictures differ clearly.
fn changed(a: &[u8], b: &[u8]) -> Option<(usize, usize, usize, usize)> {
    let mut area: Option<(usize, usize, usize, usize)> = None;
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        if a.abs_diff(*b) > 8 {
            let (x, y) = (i % 320, i / 320);
            let (l, t, r, d) = area.unwrap_or((x, y, x + 1, y + 1));
            area = Some((l.min(x), t.min(y), r.max(x + 1), d.max(y + 1)));
        }
    }
    area
}

#[test]
fn draws_at_the_face_and_nowhere_else_in_every_format() {
    for format in [
        "I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "Y42B", "Y444", "GRAY8", "RGB", "BGR",
        "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR",
    ] {
        let plain = drawn(format, "", None);
        let boxed = drawn(format, "show-id=false", Some(BOX));
        let (left, top, right, bottom) = changed(&plain, &boxed).expect(format);
        // Chroma subsampling lets colour reach one pixel further.
        let near = |a: usize, b: u32| a.abs_diff(b as usize) <= 1;
        assert!(
            near(left, BOX.0)
                && near(top, BOX.1)
                && near(right, BOX.0 + BOX.2)
                && near(bottom, BOX.1 + BOX.3),
            "{format}: {left},{top} to {right},{bottom}"
        );
        let inside: Vec<u8> = (90..170).map(|y| boxed[y * 320 + 160]).collect();
        assert!(inside.iter().all(|v| v.abs_diff(plain[0]) <= 2), "{format}");
    }
}

#[test]
fn the_label_stands_above_the_box_and_can_be_left_out() {
    let plain = drawn("I420", "", None);
    let labelled = drawn("I420", "show-box=false", Some(BOX));
    let (left, top, right, bottom) = changed(&plain, &labelled).expect("a label");
    assert!(
        left + 1 >= BOX.0 as usize && bottom <= BOX.1 as usize + 1,
        "{left},{top} {right},{bottom}"
    );
    assert!(
        bottom - top >= 12,
        "text of {} lines is hard to read",
        bottom - top
    );
    assert_eq!(
        changed(
            &plain,
            &drawn("I420", "show-box=false show-id=false", Some(BOX))
        ),
        None
    );
}

#[test]
fn boxes_at_and_beyond_the_edge_are_drawn_as_far_as_they_are_seen() {
    let plain = drawn("I420", "", None);
    for rect in [
        (0, 0, 60, 60),
        (280, 200, 200, 200),
        (0, 0, 320, 240),
        (5, 5, 1, 1),
    ] {
        assert!(
            changed(&plain, &drawn("I420", "", Some(rect))).is_some(),
            "{rect:?}"
        );
    }
    assert_eq!(
        changed(&plain, &drawn("I420", "", Some((2000, 2000, 5, 5)))),
        None
    );
}

#[test]
fn is_attached_where_downstream_draws_it() {
    common::init();
    let mut harness = gst_check::Harness::new("feroverlay");
    harness.set_src_caps_str("video/x-raw,format=I420,width=320,height=240,framerate=25/1");
    harness.set_sink_caps_str(
        "video/x-raw(memory:SystemMemory,meta:GstVideoOverlayComposition),format=I420,width=320,height=240,framerate=25/1",
    );
    harness.add_propose_allocation_meta(VideoOverlayCompositionMeta::meta_api(), None);
    let mut buffer = gst::Buffer::from_slice(vec![128u8; 320 * 240 * 3 / 2]);
    VideoRegionOfInterestMeta::add(buffer.get_mut().unwrap(), "face", BOX).set_id(7);
    harness.push(buffer).unwrap();
    let out = harness.pull().unwrap();
    let overlay = out.meta::<VideoOverlayCompositionMeta>().expect("attached");
    assert!(overlay.overlay().n_rectangles() >= 5);
    let pixels = out.map_readable().unwrap();
    assert!(
        pixels.iter().all(|v| *v == 128),
        "the frame itself is not touched"
    );
}

/// A face at [`BOX`] with this expression at 90 %.
fn expressing(label: &'static str) -> impl Fn(&mut gst::BufferRef) + Send + Sync {
    let labels = ["happy", "sad"];
    let probability = move |name: &str| if name == label { 0.9 } else { 0.1 };
    let expression = Expression {
        element: String::new(),
        label: label.to_owned(),
        confidence: 0.9,
        probabilities: labels
            .map(|name| (name.to_owned(), probability(name)))
            .to_vec(),
        smoothed_label: label.to_owned(),
        smoothed_confidence: 0.9,
    };
    move |buffer| {
        VideoRegionOfInterestMeta::add(buffer, "face", BOX).set_id(7);
        meta::add_expressions(
            buffer,
            &[meta::FACE.to_owned()],
            &[Some(expression.clone())],
        );
    }
}

#[test]
fn colours_and_bars_follow_the_expression() {
    let happy = draw("GRAY8", "", expressing("happy"));
    let sad = draw("GRAY8", "", expressing("sad"));
    let edge = (BOX.1 as usize + 50) * 320 + BOX.0 as usize;
    assert!(happy[edge] > 190, "yellow is bright: {}", happy[edge]);
    assert!(sad[edge] < 120, "blue is dark: {}", sad[edge]);

    let bars = draw("GRAY8", "show-bars=true", expressing("happy"));
    let (left, top, ..) = changed(&happy, &bars).expect("bars");
    assert!(left + 1 >= (BOX.0 + BOX.2) as usize && top + 1 >= BOX.1 as usize);
}

/// The grey test frame at the end of `through`, which follows the overlay.
fn at_the_end(through: &str) -> gst::Sample {
    let pipeline = common::pipeline(&format!(
        "videotestsrc num-buffers=1 pattern=solid-color foreground-color=0xff808080 \
         ! video/x-raw,format=GRAY8,width=320,height=240 ! identity name=source ! feroverlay \
         ! {through} ! appsink name=sink sync=false"
    ));
    common::mark(&pipeline, |buffer| {
        VideoRegionOfInterestMeta::add(buffer, "face", BOX).set_id(7);
    });
    let sink = pipeline.by_name("sink").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let wait = gst::ClockTime::from_seconds(20);
    let sample = sink.try_pull_sample(wait);
    pipeline.set_state(gst::State::Null).unwrap();
    sample.unwrap_or_else(|| panic!("{through}: no frame"))
}

#[test]
fn is_drawn_for_elements_that_take_anything_and_draw_nothing() {
    for through in [
        "identity",
        "queue",
        "videocrop left=10",
        "tee ! queue",
        "capsfilter ! videocrop top=2 ! queue ! identity",
    ] {
        let sample = at_the_end(through);
        let buffer = sample.buffer().unwrap();
        assert!(buffer.meta::<VideoOverlayCompositionMeta>().is_none());
        let pixels = buffer.map_readable().unwrap();
        let drawn = pixels.iter().filter(|v| v.abs_diff(pixels[0]) > 8).count();
        assert!(drawn > 500, "{through}: {drawn} pixels");
    }
    let path = std::env::temp_dir().join(format!("fer-drawn-{}.raw", std::process::id()));
    let description = format!(
        "videotestsrc num-buffers=1 pattern=solid-color foreground-color=0xff808080 \
         ! video/x-raw,format=GRAY8,width=320,height=240 ! identity name=source ! feroverlay \
         ! filesink name=end location=\"{}\"",
        path.display()
    );
    let run = common::run_with(&description, |pipeline| {
        common::mark(pipeline, |buffer| {
            VideoRegionOfInterestMeta::add(buffer, "face", BOX).set_id(7);
        });
    });
    assert_eq!(run.error, None);
    let pixels = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert!(pixels.iter().any(|v| v.abs_diff(pixels[0]) > 8));
}

#[test]
fn is_attached_or_drawn_as_downstream_says_and_asked_anew_when_it_changes() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let pipeline = common::pipeline(
        "videotestsrc is-live=true ! video/x-raw,format=GRAY8,width=320,height=240,framerate=50/1 \
         ! identity name=source ! feroverlay ! fakesink name=end",
    );
    common::mark(&pipeline, |buffer| {
        VideoRegionOfInterestMeta::add(buffer, "face", BOX).set_id(7);
    });
    let draws = Arc::new(AtomicBool::new(false));
    let pad = pipeline.by_name("end").unwrap().static_pad("sink").unwrap();
    let answer = draws.clone();
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
        if let Some(query) = info.query_mut()
            && let gst::QueryViewMut::Allocation(query) = query.view_mut()
        {
            if answer.load(Ordering::SeqCst) {
                query.add_allocation_meta::<VideoOverlayCompositionMeta>(None);
            }
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
    let (send, attached) = std::sync::mpsc::channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let meta = info.buffer().unwrap().meta::<VideoOverlayCompositionMeta>();
        let caps = pad.current_caps().unwrap();
        let feature = gst_video::CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION;
        assert_eq!(caps.features(0).unwrap().contains(feature), meta.is_some());
        let _ = send.send(meta.is_some());
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    for draw in [false, true, false] {
        draws.store(draw, Ordering::SeqCst);
        pad.push_event(gst::event::Reconfigure::new());
        let reached = (0..100).any(|_| {
            let wait = std::time::Duration::from_secs(20);
            attached.recv_timeout(wait).unwrap() == draw
        });
        assert!(reached, "attached: {draw}");
    }
    pipeline.set_state(gst::State::Null).unwrap();
}
