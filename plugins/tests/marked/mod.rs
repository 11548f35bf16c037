//! Streams of frames on which three faces are marked, and servers that read them.

#![allow(dead_code, reason = "each test file uses a part")]

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use crate::common::{self, Run, run_with};

pub const FACES: [(u32, u32, u32, u32); 3] =
    [(10, 10, 90, 90), (120, 60, 100, 120), (40, 130, 70, 70)];

/// Marks three faces on each frame.
pub fn mark(pipeline: &gst::Pipeline) {
    common::mark(pipeline, |buffer| {
        for (id, rect) in FACES.into_iter().enumerate() {
            VideoRegionOfInterestMeta::add(buffer, "face", rect).set_id(id as i32 + 1);
        }
    });
}

pub fn stream(frames: u32, properties: &str) -> String {
    format!(
        "videotestsrc pattern=smpte num-buffers={frames} name=source \
         ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 \
         ! ferclassify name=classify {properties} ! fakesink name=end"
    )
}

/// Frames with three faces each, through a classifier with these properties.
pub fn classify(frames: u32, properties: &str) -> Run {
    run_with(&stream(frames, properties), mark)
}

pub fn remote(endpoint: &str, properties: &str) -> String {
    format!("engine=remote endpoint={endpoint} {properties}")
}

pub fn count(run: &Run, field: &str) -> u64 {
    run.stats["ferclassify"].get(field).unwrap()
}

pub fn probabilities(run: &Run) -> Vec<f64> {
    let faces = run.frames.iter().flat_map(|frame| &frame.faces);
    let expressions = faces.map(|face| face.expression.clone().expect("classified"));
    expressions
        .flat_map(|e| e.probabilities.into_iter().map(|(_, p)| p))
        .collect()
}

pub fn assert_alike(run: &Run, other: &Run) {
    let (one, other) = (probabilities(run), probabilities(other));
    assert_eq!(one.len(), other.len());
    for (a, b) in one.iter().zip(&other) {
        assert!((a - b).abs() <= 1e-5, "{a} {b}");
    }
}

/// A live pipeline of a camera's pace, with its bus.
pub struct Live {
    pub pipeline: gst::Pipeline,
    frames: Arc<Mutex<Vec<common::Seen>>>,
    /// Warnings so far.
    pub warnings: RefCell<Vec<String>>,
}

impl Live {
    pub fn start(properties: &str) -> Self {
        let description =
            stream(u32::MAX >> 1, properties).replace("pattern", "is-live=true pattern");
        let pipeline = common::pipeline(&description);
        let frames = common::watch(&pipeline);
        mark(&pipeline);
        pipeline.set_state(gst::State::Playing).unwrap();
        Self {
            pipeline,
            frames,
            warnings: RefCell::default(),
        }
    }

    pub fn stats(&self) -> gst::Structure {
        self.pipeline.by_name("classify").unwrap().property("stats")
    }

    pub fn count(&self, field: &str) -> u64 {
        self.stats().get(field).unwrap_or_default()
    }

    /// Waits for `what`; an error on the bus fails the test.
    pub fn until(&self, what: impl Fn(&Self) -> bool) {
        let bus = self.pipeline.bus().unwrap();
        for _ in 0..6000 {
            while let Some(message) = bus.pop() {
                match message.view() {
                    gst::MessageView::Error(error) => panic!("{error:?}"),
                    gst::MessageView::Warning(warning) => {
                        let text = warning.error().to_string();
                        self.warnings.borrow_mut().push(text);
                    }
                    _ => (),
                }
            }
            if what(self) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("does not come: {}", self.stats());
    }

    /// Waits until `field` has grown by `more`.
    pub fn until_grown(&self, field: &str, more: u64) {
        let before = self.count(field);
        self.until(|live| live.count(field) >= before + more);
    }

    pub fn end(self) -> Vec<common::Seen> {
        self.pipeline.set_state(gst::State::Null).unwrap();
        std::mem::take(&mut self.frames.lock().unwrap())
    }
}
