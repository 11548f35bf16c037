//! Live cameras: each a pipeline that takes frames from the benchmark, and remembers when each
//! frame was sent and came out.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::scene;

/// Frames a second.
pub const RATE: u64 = 15;
const SECONDS: u64 = 8;
/// Frames left out at the beginning, while the engine starts.
const WARM: u64 = 15;

/// When each frame of a stream was sent and its result came out.
type Times = Arc<Mutex<Vec<(Instant, Option<Instant>)>>>;

/// A camera that drops a frame when the two before it have not been taken yet.
pub struct Camera {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    times: Times,
}

impl Camera {
    /// A camera of `width` x `height` pixels whose frames pass `elements`.
    pub fn new((width, height): (usize, usize), elements: &str) -> Self {
        let description = format!(
            "appsrc name=source is-live=true format=time max-buffers=2 leaky-type=downstream \
             caps={} ! {elements} ! fakesink name=end sync=false",
            scene::caps(width, height, RATE)
        );
        let element = gst::parse::launch(&description).expect("the elements are registered");
        let pipeline = element.downcast::<gst::Pipeline>().expect("a pipeline");
        let source = pipeline.by_name("source").expect("a source");
        let times = Times::default();
        let arrived = times.clone();
        let end = pipeline.by_name("end").and_then(|e| e.static_pad("sink"));
        end.expect("a sink")
            .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let at = info.buffer().map_or(0, |b| scene::number(b, RATE));
                if let Some(frame) = arrived.lock().unwrap().get_mut(at as usize) {
                    frame.1 = Some(Instant::now());
                }
                gst::PadProbeReturn::Ok
            });
        pipeline
            .set_state(gst::State::Playing)
            .expect("the pipeline starts");
        Self {
            source: source.downcast().expect("an appsrc"),
            pipeline,
            times,
        }
    }

    fn send(&self, buffer: gst::Buffer) {
        self.times.lock().unwrap().push((Instant::now(), None));
        self.source.push_buffer(buffer).expect("the stream runs");
    }

    /// A counter of an element; 0 where there is none.
    pub fn count(&self, element: &str, field: &str) -> u64 {
        let element = self.pipeline.by_name(element).expect("is in the pipeline");
        let stats: gst::Structure = element.property("stats");
        stats.get(field).unwrap_or(0)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.pipeline
            .set_state(gst::State::Null)
            .expect("the pipeline stops");
    }
}

/// Lets all cameras run for some seconds, each with the frames that `frame` gives by number. Calls
/// `warm` before the first that counts.
pub fn run(cameras: &[Camera], frame: impl Fn(u64) -> gst::Buffer, mut warm: impl FnMut()) {
    let start = Instant::now();
    for i in 0..RATE * SECONDS {
        if i == WARM {
            warm();
        }
        for (at, camera) in cameras.iter().enumerate() {
            // Cameras are not in step.
            let turn = i as f64 + at as f64 / cameras.len() as f64;
            let due = start + Duration::from_secs_f64(turn / RATE as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            camera.send(frame(i));
        }
    }
}

/// What became of the frames that count.
#[derive(Default)]
pub struct Outcome {
    pub sent: usize,
    pub dropped: usize,
    /// Milliseconds from a frame's sending to its result, of those that were not dropped.
    pub latency: Vec<f64>,
}

/// What became of the frames of all `cameras`, a second after the last.
pub fn outcome(cameras: &[Camera]) -> Outcome {
    std::thread::sleep(Duration::from_secs(1));
    let mut outcome = Outcome::default();
    for camera in cameras {
        for (from, to) in &camera.times.lock().unwrap()[WARM as usize..] {
            outcome.sent += 1;
            match to {
                None => outcome.dropped += 1,
                Some(to) => outcome.latency.push((*to - *from).as_secs_f64() * 1e3),
            }
        }
    }
    outcome
}
