//! Many cameras in one process: live streams of 640x480 at 15 frames a second, two faces
//! each, that share one engine.
//!
//! `cargo bench -p gst-plugin-fer --bench cameras [-- NUMBER...]`, for that many cameras. A
//! frame is dropped when the two before it have not been taken yet, and late when its result
//! comes more than a frame's time after it.

#[path = "scene/mod.rs"]
mod scene;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

const RATE: u64 = 15;
const SECONDS: u64 = 8;
/// Frames left out at the beginning, while the engine starts.
const WARM: u64 = 15;
const SIZE: (usize, usize) = (640, 480);
const FACES: usize = 2;

/// When each frame of a stream was sent and its result came out.
type Times = Arc<Mutex<Vec<(Instant, Option<Instant>)>>>;

struct Camera {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    times: Times,
}

impl Camera {
    fn new() -> Self {
        let description = format!(
            "appsrc name=source is-live=true format=time max-buffers=2 leaky-type=downstream \
             caps={} ! ferfacedetect name=finder \
             ! ferclassify name=classify ! fakesink name=end sync=false",
            scene::caps(SIZE.0, SIZE.1, RATE)
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

    fn stats(&self, element: &str) -> gst::Structure {
        let element = self.pipeline.by_name(element).expect("is in the pipeline");
        element.property("stats")
    }
}

fn measure(count: usize, ring: &[gst::Buffer]) {
    let cameras: Vec<Camera> = (0..count).map(|_| Camera::new()).collect();
    let start = Instant::now();
    let (mut cpu, mut since) = (scene::cpu_ms(), start);
    for i in 0..RATE * SECONDS {
        if i == WARM {
            (cpu, since) = (scene::cpu_ms(), Instant::now());
        }
        for (at, camera) in cameras.iter().enumerate() {
            // Cameras are not in step.
            let turn = i as f64 + at as f64 / count as f64;
            let due = start + Duration::from_secs_f64(turn / RATE as f64);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            camera.send(scene::stamped(ring, i, RATE));
        }
    }
    let share = (scene::cpu_ms() - cpu) / (since.elapsed().as_secs_f64() * 1e3);
    std::thread::sleep(Duration::from_secs(1));

    let (mut sent, mut dropped, mut late) = (0, 0, 0);
    let mut latency = Vec::new();
    for camera in &cameras {
        for (from, to) in &camera.times.lock().unwrap()[WARM as usize..] {
            sent += 1;
            match to {
                None => dropped += 1,
                Some(to) => {
                    let time = (*to - *from).as_secs_f64();
                    late += u64::from(time > 1.0 / RATE as f64);
                    latency.push(time * 1e3);
                }
            }
        }
    }
    let sum = |element: &str, field: &str| -> u64 {
        let counts = cameras.iter().map(|c| c.stats(element));
        counts.map(|s| s.get::<u64>(field).unwrap_or(0)).sum()
    };
    println!(
        "| {count} | {sent} | {dropped} | {late} | {:.1} | {:.1} | {:.0} % | {:.2} | {} |",
        scene::quantile(&mut latency, 0.5),
        scene::quantile(&mut latency, 0.99),
        100.0 * share,
        sum("classify", "faces") as f64 / sum("classify", "frames").max(1) as f64,
        sum("finder", "skipped-scans"),
    );
    for camera in cameras {
        camera
            .pipeline
            .set_state(gst::State::Null)
            .expect("the pipeline stops");
    }
}

fn main() {
    gst::init().expect("GStreamer starts");
    gstfer::plugin_register_static().expect("the elements register");
    let asked: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let counts = if asked.is_empty() { vec![8, 16] } else { asked };
    let ring = scene::frames(SIZE.0, SIZE.1, FACES);
    println!(
        "\n{}x{} at {RATE} frames a second, {FACES} faces; CPU: 100 % is one core\n",
        SIZE.0, SIZE.1
    );
    println!(
        "| cameras | frames | dropped | late | latency ms, median | 99 % | CPU | \
         faces a frame | scans skipped |"
    );
    println!("|{}", " --- |".repeat(9));
    for count in counts {
        measure(count, &ring);
    }
}
