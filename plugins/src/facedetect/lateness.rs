//! Frames that come too late, as the elements downstream tell by QoS events.

use gst::ClockTime;

/// What downstream has said, and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Lateness {
    /// Running time before which frames are too late downstream.
    earliest: Option<ClockTime>,
    /// Nanoseconds by which the frame told of was late.
    jitter: i64,
    proportion: f64,
    looked: u64,
    /// Frames that were too late to be looked at.
    pub late: u64,
}

impl Lateness {
    /// Takes an event's word.
    pub fn hear(&mut self, qos: &gst::event::Qos) {
        let (_, proportion, jitter, timestamp) = qos.get();
        let Some(timestamp) = timestamp else { return };
        self.jitter = jitter;
        self.proportion = proportion;
        // As GstVideoDecoder does: when a frame was late, give the sink twice that time to
        // catch up.
        let pause = u64::try_from(jitter).unwrap_or(0).saturating_mul(2);
        self.earliest = (jitter > 0)
            .then(|| timestamp.checked_add(ClockTime::from_nseconds(pause)))
            .flatten();
    }

    /// Forgets what was said, as after a flush.
    pub fn reset(&mut self) {
        self.earliest = None;
    }

    /// Notes that a frame is looked at.
    pub fn look(&mut self) {
        self.looked += 1;
    }

    /// Notes that a frame is not looked at where it is too late, and says so in a message.
    pub fn skip(
        &mut self,
        source: &impl gst::glib::object::IsA<gst::Object>,
        buffer: &gst::BufferRef,
        segment: &gst::Segment,
        live: bool,
    ) -> Option<gst::Message> {
        let segment = segment.downcast_ref::<ClockTime>()?;
        let (earliest, running_time) = (self.earliest?, segment.to_running_time(buffer.pts())?);
        if running_time >= earliest {
            return None;
        }
        self.late += 1;
        let message = gst::message::Qos::builder(live)
            .running_time(running_time)
            .stream_time(segment.to_stream_time(buffer.pts()))
            .timestamp(buffer.pts())
            .duration(buffer.duration())
            .values(self.jitter, self.proportion, 1_000_000)
            .stats(
                gst::format::Buffers::from_u64(self.looked),
                gst::format::Buffers::from_u64(self.late),
            )
            .src(source);
        Some(message.build())
    }
}
