//! From a file, URI or camera to pictures that are upright and have timestamps, and to sound.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::sound::{Door, Sound};
use crate::still;

/// What decodes `input`.
///
/// # Errors
/// When it is not there.
pub fn source(input: &str) -> Result<gst::Element> {
    if input.starts_with("/dev/video") {
        if !Path::new(input).exists() {
            bail!("{input}: no such camera");
        }
        let camera = format!("v4l2src device={input} ! decodebin name=decode");
        return Ok(gst::parse::bin_from_description(&camera, false)?.upcast());
    }
    let mut held = None;
    let uri = if input.contains("://") {
        input.to_owned()
    } else {
        let path = std::fs::canonicalize(input).with_context(|| input.to_owned())?;
        if let Some(source) = still::source(&path).with_context(|| input.to_owned())? {
            return Ok(source);
        }
        held = hold_pipe(&path);
        gst::glib::filename_to_uri(path, None)?.to_string()
    };
    let source = gst::ElementFactory::make("uridecodebin")
        .property("uri", uri)
        .build()?;
    source.connect("deep-element-added", false, |values| {
        let added = values.last()?.get::<gst::Element>().ok()?;
        if is_of_parts(&added) {
            // Cameras have one stream, and waiting for others takes some 2 MB.
            added.set_property("single-stream", true);
        }
        None
    });
    // As long as the source lives.
    source.connect_pad_added(move |_, _| {
        let _ = &held;
    });
    Ok(source)
}

/// Whether it takes JPEGs apart that a camera sends over HTTP.
fn is_of_parts(element: &gst::Element) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| factory.name() == "multipartdemux")
}

/// Opens a named pipe beside GStreamer's `filesrc`, which opens it twice: to see whether it can
/// seek, and to read. Between the two nobody would read it, and who writes into it would end.
fn hold_pipe(path: &Path) -> Option<File> {
    let is_pipe = path.metadata().is_ok_and(|what| what.file_type().is_fifo());
    let open = || {
        OpenOptions::new()
            .read(true)
            // Without this it waits for who writes.
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .ok()
    };
    is_pipe.then(open).flatten()
}

/// Lets GStreamer 1.22 look for the tag of orientation in JPEG pictures, which newer ones do
/// themselves. To be called after `gst::init`.
pub fn prefer_what_tells_orientation() {
    if let Some(parser) = gst::ElementFactory::find("jpegparse") {
        parser.set_rank(gst::Rank::PRIMARY + 1);
    }
}

/// Links the source's first picture and sound streams, those that are there and those that
/// appear. Where none has pictures, that is an error on the bus. Gives the door that sound takes.
///
/// # Errors
/// When the source can't be added.
pub fn connect(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    video: &gst::Bin,
    sound: Option<Sound>,
    limit: Option<Limit>,
) -> Result<Option<Arc<Door>>> {
    pipeline.add(source)?;
    let input = video
        .static_pad("sink")
        .expect("the branch begins with a queue");
    give_timestamps(&input, source);
    if let Some(limit) = limit.clone() {
        limit.hold(&input);
    }
    if let Some(pad) = source.static_pad("src") {
        pad.link(&input)?;
        return Ok(None);
    }
    let decoder = source
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("decode"))
        .unwrap_or_else(|| source.clone());
    let camera = decoder != *source;
    let weak = pipeline.downgrade();
    let sound = sound.map(|sound| Door::new(sound, video));
    let linked = input.clone();
    let (door, opened) = (sound.clone(), sound.clone());
    decoder.connect("no-more-pads", false, move |values| {
        let decoder = values[0]
            .get::<gst::Element>()
            .expect("it is an element's signal");
        if let Some(door) = &door {
            door.open();
        }
        if !linked.is_linked() {
            gst::element_error!(decoder, gst::StreamError::WrongType, ("no picture in it"));
        }
        None
    });
    decoder.connect_pad_added(move |decoder, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let kind = caps.structure(0).map(|s| s.name().to_string());
        let result = match kind.as_deref() {
            Some(kind) if kind.starts_with("video/") && !input.is_linked() => {
                link_video(decoder, pad, &input, camera)
            }
            Some(kind) if kind.starts_with("audio/") => match &sound {
                Some(door) => door.enter(&pipeline, pad, limit.clone()),
                None => Ok(()),
            },
            _ => Ok(()),
        };
        if let Err(why) = result {
            gst::element_error!(decoder, gst::CoreError::Negotiation, ("{why:#}"));
        }
    });
    Ok(opened)
}

/// Frames a second of a stream that says nothing of it, as cameras that send plain JPEGs.
const USUAL_RATE: u64 = 25;

/// Gives frames without a timestamp, which no container can take, one behind the frame before, or
/// that of their coming where a camera sends them so; and those without a duration, which
/// `videorate` does not survive, a usual one.
fn give_timestamps(input: &gst::Pad, source: &gst::Element) {
    let next = Mutex::new(gst::ClockTime::ZERO);
    let first = OnceLock::new();
    let source = source.downgrade();
    input.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut next = next.lock().unwrap();
        let start = buffer.pts().unwrap_or_else(|| {
            // When the first has come, it is known what it came through.
            let first = first.get_or_init(|| comes_by_itself(&source).then(Instant::now));
            let since = first.map(|first| first.elapsed());
            let since = since.and_then(|since| gst::ClockTime::try_from(since).ok());
            since.unwrap_or(*next)
        });
        let duration = buffer.duration().unwrap_or_else(|| frame_time(pad));
        *next = start + duration;
        if buffer.pts().is_none() || buffer.duration().is_none() {
            let buffer = buffer.make_mut();
            buffer.set_pts(start);
            buffer.set_duration(duration);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Whether nobody but the source knows when frames come.
fn comes_by_itself(source: &gst::glib::WeakRef<gst::Element>) -> bool {
    let source = source.upgrade().and_downcast::<gst::Bin>();
    source.is_some_and(|source| {
        let inside = source.iterate_recurse().into_iter();
        inside.flatten().any(|element| is_of_parts(&element))
    })
}

/// How long a frame is shown, by the rate that the stream tells.
fn frame_time(pad: &gst::Pad) -> gst::ClockTime {
    let caps = pad.current_caps();
    let rate = caps.and_then(|caps| caps.structure(0)?.get::<gst::Fraction>("framerate").ok());
    let (frames, seconds) = match rate {
        Some(rate) if rate.numer() > 0 => (rate.numer() as u64, rate.denom() as u64),
        _ => (USUAL_RATE, 1),
    };
    gst::ClockTime::SECOND
        .mul_div_floor(seconds, frames)
        .unwrap_or(gst::ClockTime::SECOND)
}

/// Where the input is to end, and whether it has come so far.
#[derive(Clone)]
pub struct Limit {
    /// Stream time.
    pub end: gst::ClockTime,
    /// Set when a frame of the end or later came.
    pub reached: Arc<AtomicBool>,
}

impl Limit {
    /// Lets nothing pass `pad` that begins at the end or later.
    pub fn hold(self, pad: &gst::Pad) {
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let segment = pad.sticky_event::<gst::event::Segment>(0);
            let time = segment.and_then(|event| {
                let segment = event.segment().downcast_ref::<gst::ClockTime>()?.to_owned();
                segment.to_stream_time(info.buffer()?.pts())
            });
            if time.is_none_or(|time| time < self.end) {
                return gst::PadProbeReturn::Ok;
            }
            self.reached.store(true, Ordering::Relaxed);
            info.data = None;
            gst::PadProbeReturn::Handled
        });
    }
}

fn link_video(
    decoder: &gst::Element,
    pad: &gst::Pad,
    input: &gst::Pad,
    camera: bool,
) -> Result<()> {
    if camera {
        // The decoder is inside a bin, so its pad is shown at the bin's edge.
        let bin = decoder.parent().and_downcast::<gst::Bin>();
        let ghost = gst::GhostPad::with_target(pad)?;
        ghost.set_active(true)?;
        bin.context("a camera is a bin")?.add_pad(&ghost)?;
        ghost.link(input)?;
    } else {
        pad.link(input)?;
    }
    Ok(())
}
