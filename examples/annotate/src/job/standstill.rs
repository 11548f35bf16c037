//! Whether a file is read any more.
//!
//! GStreamer's `decodebin` (1.22) drops the error of a demuxer that comes while it is still connecting
//! it, as of files that are cut off at once: then nothing is read, no error is told, and no end comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

/// Longer than a sleeping disk takes to give something.
const LIMIT: Duration = Duration::from_secs(20);

/// Watches a file that has been opened.
pub struct Standstill {
    /// Whether a picture has come of it.
    has_given: Arc<AtomicBool>,
    reads: u64,
    since: Instant,
}

impl Standstill {
    /// Of a pipeline that has not been started.
    pub fn new(pipeline: &gst::Pipeline) -> Self {
        let has_given = Arc::<AtomicBool>::default();
        let entry = pipeline.by_name("entry").expect("the branch has one");
        let pad = entry.static_pad("sink").expect("queues have one");
        let given = has_given.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            given.store(true, Ordering::Relaxed);
            gst::PadProbeReturn::Remove
        });
        Self {
            has_given,
            reads: 0,
            since: Instant::now(),
        }
    }

    /// Whether nothing has been read for long, after these `reads`, and no picture has come. The
    /// pipeline is `open` so long.
    pub fn is_reached(&mut self, reads: u64, open: Duration) -> bool {
        if reads != self.reads {
            (self.reads, self.since) = (reads, Instant::now());
        }
        // The first reading may be slow, and stills are read by ourselves.
        let is_begun = reads > 0 && !self.has_given.load(Ordering::Relaxed);
        is_begun && self.since.elapsed().min(open) > LIMIT
    }
}
