//! Looking at the frames that pass: records, the best still, and what reports tell.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstfer::meta::{self, FaceMeta};
use gstfer::record::{Frame, Origin};

use crate::again::{Before, Best};
use crate::pipeline::Annotator;
use crate::records::Records;
use crate::report::{Clip, Gallery};

/// What was seen of the stream.
#[derive(Default)]
pub struct Seen {
    /// Frames that passed.
    pub frames: u64,
    /// Stream time of the latest in this connection, in nanoseconds, where it is known.
    pub time: Option<u64>,
    /// Faces in them, one a frame and face.
    pub faces: u64,
    /// Numbers of the faces.
    pub people: HashSet<i32>,
    /// The frame with the most faces.
    pub best: Best,
    /// The first failure to write a record or to take a picture for the report.
    pub failure: Option<anyhow::Error>,
    /// For the report.
    pub clip: Option<Clip>,
    gallery: Gallery,
}

/// What is to be kept of the frames.
pub struct Wanted {
    /// Records are written there, until they are taken away.
    pub records: Arc<Mutex<Option<Records>>>,
    /// The best frame.
    pub still: bool,
    /// What a report tells.
    pub clip: bool,
    /// Whether the report's stills are small.
    pub small: bool,
    /// What frames, times and the best frame go on from.
    pub before: Before,
}

/// Looks at every frame behind the overlay from now on; `input` names it in the records.
pub fn watch(annotator: &Annotator, wanted: Wanted, input: &str) -> Arc<Mutex<Seen>> {
    let keep_still = wanted.still;
    let clip = wanted.clip.then(|| Clip {
        name: name(input),
        ..Clip::default()
    });
    // Apart from the rest: who reads them may stop reading, and the writer waits.
    let (records, before) = (wanted.records, wanted.before);
    let seen = Arc::new(Mutex::new(Seen {
        clip,
        gallery: Gallery::new(wanted.small),
        best: before.best,
        ..Seen::default()
    }));
    if wanted.clip {
        look_before_drawing(annotator, &seen);
    }
    let shared = seen.clone();
    let stream = name(input);
    let pad = annotator
        .overlay
        .static_pad("src")
        .expect("overlays have a source");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer() else {
            return gst::PadProbeReturn::Ok;
        };
        let faces = meta::faces(buffer, &[meta::FACE.to_owned()]);
        let number = before.frames + shared.lock().unwrap().frames;
        let mut frame = frame(pad, buffer, number, &stream);
        let time = frame.time;
        frame.time = time.map(|time| before.time + time);
        let written = match &mut *records.lock().unwrap() {
            Some(records) => records.write(&frame, &faces),
            None => Ok(()),
        };
        let mut seen = shared.lock().unwrap();
        let seen = &mut *seen;
        if let Err(why) = written {
            seen.failure.get_or_insert(why);
        }
        if let Some(clip) = &mut seen.clip {
            let time = time.unwrap_or(clip.end);
            let length = buffer.duration().map_or(0, gst::ClockTime::nseconds);
            clip.add(&faces, time, time + length);
            seen.gallery.after(clip, pad, buffer);
            if let Some(why) = seen.gallery.failure.take() {
                seen.failure.get_or_insert(why);
            }
        }
        seen.frames += 1;
        seen.time = time.or(seen.time);
        seen.faces += faces.len() as u64;
        seen.people.extend(faces.iter().map(|f| f.id));
        let score = score(&faces);
        if keep_still && (seen.best.sample.is_none() || score > seen.best.score) {
            seen.best.score = score;
            let caps = pad.current_caps();
            let sample = gst::Sample::builder().buffer(buffer);
            seen.best.sample = Some(match &caps {
                Some(caps) => sample.caps(caps).build(),
                None => sample.build(),
            });
        }
        gst::PadProbeReturn::Ok
    });
    seen
}

/// Pictures of faces are taken before anything is drawn on them.
fn look_before_drawing(annotator: &Annotator, seen: &Arc<Mutex<Seen>>) {
    let shared = seen.clone();
    let pad = annotator
        .overlay
        .static_pad("sink")
        .expect("overlays have a sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut seen = shared.lock().unwrap();
        let seen = &mut *seen;
        if let (Some(buffer), Some(clip)) = (info.buffer(), &seen.clip) {
            let time = stream_time(pad, buffer).unwrap_or(clip.end);
            seen.gallery.before(clip, pad, buffer, time);
        }
        gst::PadProbeReturn::Ok
    });
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

/// What records call `input`: a URI without user, password and what is asked of it, which may
/// be secret.
pub fn name(input: &str) -> String {
    let Some((scheme, rest)) = input.split_once("://") else {
        return input.to_owned();
    };
    let rest = behind_password(rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{rest}")
}

/// An address without its user and password, also where these hold what ends an address' first
/// part unless it is quoted.
fn behind_password(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_host = port.bytes().all(|b| b.is_ascii_digit()) || authority.ends_with(']');
    let at = match authority.rfind('@') {
        None if !is_host => rest.rfind('@'),
        at => at,
    };
    at.map_or(rest, |at| &rest[at + 1..])
}

/// What a frame on `pad` is.
fn frame(pad: &gst::Pad, buffer: &gst::BufferRef, number: u64, stream: &str) -> Frame {
    let caps = pad.current_caps();
    let info = caps.and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
    Frame {
        origin: Origin {
            stream: Some(stream.to_owned()),
            element: None,
        },
        number,
        time: stream_time(pad, buffer),
        width: info.as_ref().map_or(0, gst_video::VideoInfo::width),
        height: info.as_ref().map_or(0, gst_video::VideoInfo::height),
        // The same input gives the same records: the present time is in none.
        ..Frame::default()
    }
}

/// The time in the stream at which a frame begins, in nanoseconds.
pub fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?.to_owned();
    segment.to_stream_time(buffer.pts()).map(|t| t.nseconds())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_hold_no_secrets() {
        assert_eq!(name("clips/a@b.mkv"), "clips/a@b.mkv");
        assert_eq!(
            name("rtsp://jo:hunter2@camera:554/a@b?token=x"),
            "rtsp://camera:554/a@b"
        );
        assert_eq!(name("rtsp://camera"), "rtsp://camera");
        for password in ["hun/ter", "hun?ter", "hun#ter"] {
            let address = format!("rtsp://jo:{password}@camera/stream");
            assert!(!name(&address).contains("hun"), "{}", name(&address));
        }
        assert_eq!(name("rtsp://[::1]:554/a@b"), "rtsp://[::1]:554/a@b");
        assert_eq!(name("rtsp://[fe80::a]/a@b"), "rtsp://[fe80::a]/a@b");
    }
}
