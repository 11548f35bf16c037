//! Looking at the frames that pass: records and the best still.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstfer::meta::{self, FaceMeta};

use crate::pipeline::Annotator;
use crate::records::Records;

/// What was seen of the stream.
#[derive(Default)]
pub struct Seen {
    /// Frames that passed.
    pub frames: u64,
    /// Faces in them, one a frame and face.
    pub faces: u64,
    /// Numbers of the faces.
    pub people: HashSet<i32>,
    /// The frame with the most faces, drawn on.
    pub still: Option<gst::Sample>,
    /// The first failure to write a record.
    pub failure: Option<anyhow::Error>,
    score: f64,
    records: Option<Records>,
}

/// Looks at every frame behind the overlay from now on.
pub fn watch(
    annotator: &Annotator,
    records: Option<Records>,
    keep_still: bool,
) -> Arc<Mutex<Seen>> {
    let seen = Arc::new(Mutex::new(Seen {
        records,
        ..Seen::default()
    }));
    let shared = seen.clone();
    let pad = annotator
        .overlay
        .static_pad("src")
        .expect("overlays have a source");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer() else {
            return gst::PadProbeReturn::Ok;
        };
        let faces = meta::faces(buffer, &[meta::FACE.to_owned()]);
        let mut seen = shared.lock().unwrap();
        let frame = seen.frames;
        if let Some(records) = &mut seen.records
            && let Err(why) = records.write(frame, stream_time(pad, buffer), &faces)
        {
            seen.failure.get_or_insert(why);
        }
        seen.frames += 1;
        seen.faces += faces.len() as u64;
        seen.people.extend(faces.iter().map(|f| f.id));
        let score = score(&faces);
        if keep_still && (seen.still.is_none() || score > seen.score) {
            seen.score = score;
            let caps = pad.current_caps();
            let sample = gst::Sample::builder().buffer(buffer);
            seen.still = Some(match &caps {
                Some(caps) => sample.caps(caps).build(),
                None => sample.build(),
            });
        }
        gst::PadProbeReturn::Ok
    });
    seen
}

/// More faces first, then surer ones.
fn score(faces: &[FaceMeta]) -> f64 {
    let sure: f64 = faces
        .iter()
        .map(|f| {
            let expression = f.expression.as_ref().map_or(0.0, |e| e.smoothed_confidence);
            (f.detection.unwrap_or(0.5) + expression) / 2.0
        })
        .sum();
    faces.len() as f64 * 10.0 + sure
}

fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?.to_owned();
    segment.to_stream_time(buffer.pts()).map(|t| t.nseconds())
}
