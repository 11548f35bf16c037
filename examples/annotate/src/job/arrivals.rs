//! How much an input has given, long before it becomes pictures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

/// Counts what is read of files and the packets that come by RTP.
#[derive(Clone, Default)]
pub struct Arrivals(Arc<AtomicU64>);

impl Arrivals {
    /// Of a pipeline that has not been started.
    pub fn of(pipeline: &gst::Pipeline) -> Self {
        let arrivals = Self::default();
        let inside = pipeline.iterate_recurse().into_iter().flatten();
        inside.for_each(|element| arrivals.watch(&element));
        let later = arrivals.clone();
        pipeline.connect_deep_element_added(move |_, _, element| later.watch(element));
        arrivals
    }

    /// How many there were until now.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn watch(&self, element: &gst::Element) {
        let Some(kind) = element.factory().map(|factory| factory.name()) else {
            return;
        };
        match kind.as_str() {
            "filesrc" => {
                let pad = element.static_pad("src").expect("sources have one");
                self.watch_pad(&pad);
            }
            "rtpbin" => {
                let arrivals = self.clone();
                element.connect_pad_added(move |_, pad| {
                    if pad.name().starts_with("recv_rtp_sink") {
                        arrivals.watch_pad(pad);
                    }
                });
            }
            _ => {}
        }
    }

    fn watch_pad(&self, pad: &gst::Pad) {
        let count = self.0.clone();
        let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        let ways = gst::PadProbeType::PULL | gst::PadProbeType::PUSH;
        pad.add_probe(data | ways, move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
}
