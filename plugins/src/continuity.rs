//! Where a stream breaks off, so that what is known of its faces is of no use any more.

use gst::ClockTime;

/// Time between two frames beyond which faces may be others, though they lie where those
/// before them lay.
const LONG: ClockTime = ClockTime::from_seconds(1);

/// The stream as far as it has come.
#[derive(Debug, Default)]
pub struct Continuity {
    /// Timestamp at which the next frame is expected.
    expected: Option<ClockTime>,
    /// The same as a position in the stream.
    position: Option<ClockTime>,
}

impl Continuity {
    /// Whether the stream breaks off at `event`: a new stream, a flush, a segment that does
    /// not go on where the one before it ended.
    pub fn is_broken_by(&mut self, event: &gst::EventRef) -> bool {
        let broken = match event.view() {
            gst::EventView::StreamStart(_) | gst::EventView::FlushStop(_) => true,
            gst::EventView::Segment(segment) => !self.goes_on_in(segment.segment()),
            _ => return false,
        };
        if broken {
            *self = Self::default();
        }
        broken
    }

    /// Whether `buffer` comes long after or before the frame that was expected, as it says
    /// itself by its flag DISCONT.
    pub fn is_broken_at(&mut self, buffer: &gst::BufferRef, segment: &gst::Segment) -> bool {
        let pts = buffer.pts();
        let discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        let broken = discont
            && matches!((pts, self.expected), (Some(pts), Some(then)) if distance(pts, then) > LONG);
        if let Some(pts) = pts {
            let end = pts + buffer.duration().unwrap_or_default();
            let time = segment.downcast_ref::<ClockTime>();
            self.expected = Some(end);
            self.position =
                time.and_then(|time| time.to_stream_time(end.min(time.stop().unwrap_or(end))));
        }
        broken
    }

    fn goes_on_in(&self, segment: &gst::Segment) -> bool {
        let Some(position) = self.position else {
            return true;
        };
        let Some(time) = segment.downcast_ref::<ClockTime>() else {
            return false;
        };
        let start = match time.rate() {
            rate if rate < 0.0 => time.stop(),
            _ => time.start(),
        };
        time.to_stream_time(start)
            .is_some_and(|start| distance(start, position) <= LONG)
    }
}

fn distance(a: ClockTime, b: ClockTime) -> ClockTime {
    a.max(b) - a.min(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seconds: u64, discont: bool) -> gst::Buffer {
        let mut buffer = gst::Buffer::new();
        let frame = buffer.get_mut().unwrap();
        frame.set_pts(ClockTime::from_seconds(seconds));
        frame.set_duration(ClockTime::from_mseconds(40));
        if discont {
            frame.set_flags(gst::BufferFlags::DISCONT);
        }
        buffer
    }

    /// A segment of the stream's time from `start` seconds on.
    fn segment(start: u64) -> gst::Segment {
        let mut segment = gst::FormattedSegment::<ClockTime>::new();
        segment.set_start(ClockTime::from_seconds(start));
        segment.set_time(ClockTime::from_seconds(start));
        segment.upcast()
    }

    #[test]
    fn only_what_does_not_go_on_breaks_a_stream() {
        gst::init().unwrap();
        let mut stream = Continuity::default();
        assert!(stream.is_broken_by(&gst::event::StreamStart::new("one")));
        assert!(!stream.is_broken_by(&gst::event::Segment::new(&segment(0))));
        // The first frame has nothing before it.
        assert!(!stream.is_broken_at(&frame(0, true), &segment(0)));
        assert!(!stream.is_broken_at(&frame(1, true), &segment(0)));
        assert!(stream.is_broken_at(&frame(9, true), &segment(0)));
        assert!(!stream.is_broken_at(&frame(20, false), &segment(0)));
        assert!(stream.is_broken_at(&frame(3, true), &segment(0)));
        assert!(!stream.is_broken_by(&gst::event::Segment::new(&segment(3))));
        assert!(stream.is_broken_by(&gst::event::Segment::new(&segment(30))));
        assert!(!stream.is_broken_by(&gst::event::Eos::new()));
        assert!(stream.is_broken_by(&gst::event::FlushStop::new(true)));
    }
}
