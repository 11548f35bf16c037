//! Whether a file is read any more.
//!
//! GStreamer's `decodebin` (1.22) drops the error of a demuxer that comes while it is still connecting
//! it, as of files that are cut off at once: then nothing is read, no error is told, and no end comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

/// Longer than a sleeping disk takes to give something.
const LIMIT: Duration = Duration::from_secs(20);

/// Watches the files that a pipeline reads.
pub struct Standstill {
    reads: Arc<AtomicU64>,
    seen: u64,
    since: Instant,
}

impl Standstill {
    /// Of a pipeline that has not been started.
    pub fn new(pipeline: &gst::Pipeline) -> Self {
        let reads = Arc::new(AtomicU64::new(0));
        let count = {
            let reads = reads.clone();
            move |element: &gst::Element| {
                let is_file = element.factory().is_some_and(|f| f.name() == "filesrc");
                let Some(pad) = element.static_pad("src").filter(|_| is_file) else {
                    return;
                };
                let reads = reads.clone();
                let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::PULL;
                pad.add_probe(kinds | gst::PadProbeType::PUSH, move |_, _| {
                    reads.fetch_add(1, Ordering::Relaxed);
                    gst::PadProbeReturn::Ok
                });
            }
        };
        pipeline
            .iterate_recurse()
            .into_iter()
            .flatten()
            .for_each(|e| count(&e));
        pipeline.connect_deep_element_added(move |_, _, element| count(element));
        Self {
            reads,
            seen: 0,
            since: Instant::now(),
        }
    }

    /// Whether nothing has been read for long.
    pub fn is_reached(&mut self) -> bool {
        let reads = self.reads.load(Ordering::Relaxed);
        if reads != self.seen {
            (self.seen, self.since) = (reads, Instant::now());
        }
        self.since.elapsed() > LIMIT
    }
}
