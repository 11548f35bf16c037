//! No lock is held while something is posted or worked on: applications that ask an element
//! in the midst of it have their answer.

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{mark, pipeline, within_a_minute};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

/// Frames with a face.
const SOURCE: &str = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 \
                      ! identity name=source";

fn frames(element: &gst::Element) -> u64 {
    let stats: gst::Structure = element.property("stats");
    stats.get("frames").unwrap()
}

#[test]
fn who_hears_of_an_error_may_ask_the_element() {
    for element in ["ferfacedetect", "ferclassify engine=builtin", "feroverlay"] {
        within_a_minute(move || {
            let pipeline = pipeline(&format!("{SOURCE} ! {element} name=asked ! fakesink"));
            mark(&pipeline, |buffer| {
                VideoRegionOfInterestMeta::add(buffer, "face", (100, 50, 90, 90));
                // Not what the caps promise.
                buffer.set_size(10);
            });
            let asked = pipeline.by_name("asked").unwrap();
            let (heard, hears) = channel();
            pipeline.bus().unwrap().set_sync_handler(move |_, message| {
                if message.type_() == gst::MessageType::Error {
                    let _ = heard.send((message.src().cloned(), frames(&asked)));
                }
                gst::BusSyncReply::Pass
            });
            // Whether the failure comes before the state is reached does not matter.
            let _ = pipeline.set_state(gst::State::Playing);
            let (source, _) = hears.recv().unwrap();
            assert_eq!(source.unwrap().name(), "asked");
            pipeline.set_state(gst::State::Null).unwrap();
        });
    }
}

#[test]
fn who_hears_of_faces_may_ask_and_change_the_element() {
    within_a_minute(|| {
        let pipeline = pipeline(&format!(
            "{SOURCE} ! ferclassify name=asked engine=builtin ! fakesink"
        ));
        mark(&pipeline, |buffer| {
            VideoRegionOfInterestMeta::add(buffer, "face", (100, 50, 90, 90));
        });
        let asked = pipeline.by_name("asked").unwrap();
        let (heard, hears) = channel();
        pipeline.bus().unwrap().set_sync_handler(move |_, message| {
            if message.type_() == gst::MessageType::Element {
                asked.set_property("smoothing", 0.2);
                asked.set_property("batch-timeout", 1000 * frames(&asked));
                let _ = heard.send(());
            }
            gst::BusSyncReply::Pass
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        for _ in 0..3 {
            hears.recv().unwrap();
        }
        pipeline.set_state(gst::State::Null).unwrap();
    });
}

#[test]
fn statistics_do_not_wait_for_the_engine() {
    within_a_minute(|| {
        // Frames wait for the faces of another stream, which has none.
        let classify = "ferclassify engine=builtin threads=5 batch-timeout=500000000";
        let other = pipeline(&format!("appsrc ! {classify} ! fakesink"));
        other.set_state(gst::State::Playing).unwrap();
        let pipeline = pipeline(&format!("{SOURCE} ! {classify} name=asked ! fakesink"));
        mark(&pipeline, |buffer| {
            VideoRegionOfInterestMeta::add(buffer, "face", (100, 50, 90, 90));
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let asked = pipeline.by_name("asked").unwrap();
        let (mut answers, mut last) = (0, 0);
        while last < 4 {
            last = frames(&asked);
            answers += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        // Were they to wait, there would be about one answer a frame.
        assert!(answers > 12, "{answers} answers in {last} frames");
        pipeline.set_state(gst::State::Null).unwrap();
        other.set_state(gst::State::Null).unwrap();
    });
}

#[test]
fn an_end_and_a_flush_break_off_the_wait_for_other_streams() {
    within_a_minute(|| {
        let classify = "ferclassify engine=builtin threads=6 batch-timeout=60000000000";
        let other = pipeline(&format!("appsrc ! {classify} ! fakesink"));
        other.set_state(gst::State::Playing).unwrap();
        for flush in [true, false, true] {
            let pipeline = pipeline(&format!("{SOURCE} ! {classify} name=asked ! fakesink"));
            mark(&pipeline, |buffer| {
                VideoRegionOfInterestMeta::add(buffer, "face", (100, 50, 90, 90));
            });
            pipeline.set_state(gst::State::Playing).unwrap();
            let asked = pipeline.by_name("asked").unwrap();
            while frames(&asked) == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            if flush {
                let pad = asked.static_pad("sink").unwrap();
                pad.send_event(gst::event::FlushStart::new());
                // Comes in when the frame has gone.
                pad.send_event(gst::event::FlushStop::new(true));
            }
            pipeline.set_state(gst::State::Null).unwrap();
        }
        other.set_state(gst::State::Null).unwrap();
    });
}
