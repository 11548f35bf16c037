//! Many cameras in one process: live streams of 640x480 at 15 frames a second, two faces
//! each, that share one engine.
//!
//! `cargo bench -p gst-plugin-fer --bench cameras [-- NUMBER...]`, for that many cameras. A
//! frame is dropped when the two before it have not been taken yet, and late when its result
//! comes more than a frame's time after it.

#[path = "camera/mod.rs"]
mod camera;
#[path = "scene/mod.rs"]
mod scene;

use std::time::Instant;

use camera::{Camera, RATE};

const SIZE: (usize, usize) = (640, 480);
const FACES: usize = 2;
const ELEMENTS: &str = "ferfacedetect name=finder ! ferclassify name=classify";

fn measure(count: usize, ring: &[gst::Buffer]) {
    let cameras: Vec<Camera> = (0..count).map(|_| Camera::new(SIZE, ELEMENTS)).collect();
    let (mut cpu, mut since) = (scene::cpu_ms(), Instant::now());
    camera::run(
        &cameras,
        |number| scene::stamped(ring, number, RATE),
        || (cpu, since) = (scene::cpu_ms(), Instant::now()),
    );
    let share = (scene::cpu_ms() - cpu) / (since.elapsed().as_secs_f64() * 1e3);
    let mut outcome = camera::outcome(&cameras);
    let is_late = |latency: &&f64| **latency > 1e3 / RATE as f64;
    let late = outcome.latency.iter().filter(is_late).count();
    let sum = |element: &str, field: &str| -> u64 {
        cameras.iter().map(|c| c.count(element, field)).sum()
    };
    println!(
        "| {count} | {} | {} | {late} | {:.1} | {:.1} | {:.0} % | {:.2} | {} |",
        outcome.sent,
        outcome.dropped,
        scene::quantile(&mut outcome.latency, 0.5),
        scene::quantile(&mut outcome.latency, 0.99),
        100.0 * share,
        sum("classify", "faces") as f64 / sum("classify", "frames").max(1) as f64,
        sum("finder", "skipped-scans"),
    );
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
