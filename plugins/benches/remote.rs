//! `ferclassify engine=remote`: live streams of 15 frames a second with two faces each, and as
//! fast as it goes, by way of a proxy that makes the way longer.
//!
//! `cargo bench -p gst-plugin-fer --bench remote -- IP:PORT [NUMBER...]`, for that many streams,
//! where a server has the built-in model as `fer`; `scripts/bench-remote` starts one.

#[path = "camera/mod.rs"]
mod camera;
#[path = "proxy/mod.rs"]
mod proxy;
#[path = "scene/mod.rs"]
mod scene;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use camera::{Camera, RATE};
use fer::engine::{EngineKind, EngineOptions, Fallback, RemoteOptions};
use fer::{Classifier, Model};
use gst_video::VideoRegionOfInterestMeta;
use proxy::Proxy;

const SIZE: (usize, usize) = (640, 480);
const FACES: [(u32, u32, u32, u32); 2] = [(60, 100, 120, 120), (380, 140, 110, 110)];
const ROUND_TRIPS: [u64; 3] = [0, 5, 50];

/// A frame that says where its faces are.
fn stamped(frame: &gst::Buffer, number: u64) -> gst::Buffer {
    let mut buffer = scene::stamped(std::slice::from_ref(frame), number, RATE);
    for rect in FACES {
        VideoRegionOfInterestMeta::add(buffer.make_mut(), "face", rect);
    }
    buffer
}

/// Live streams; a line of the table.
fn live(name: &str, streams: usize, properties: &str, proxy: Option<&Proxy>) {
    let frame = gst::Buffer::from_slice(vec![100u8; SIZE.0 * SIZE.1 * 3 / 2]);
    let elements = format!("ferclassify name=classify {properties}");
    let cameras: Vec<Camera> = (0..streams).map(|_| Camera::new(SIZE, &elements)).collect();
    let before = proxy.map_or((0, 0), Proxy::bytes);
    camera::run(&cameras, |number| stamped(&frame, number), || ());
    let mut outcome = camera::outcome(&cameras);
    let count = |field: &str| cameras[0].count("classify", field);
    let faces = count("engine-faces").max(1) as f64;
    let batches = count("engine-batches").max(1) as f64;
    let after = proxy.map_or((0, 0), Proxy::bytes);
    let a_face = |before: u64, after: u64| (after - before) as f64 / faces;
    println!(
        "| {name} | {streams} | {} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {:.0} | {:.0} |",
        outcome.sent,
        outcome.dropped,
        scene::quantile(&mut outcome.latency, 0.5),
        scene::quantile(&mut outcome.latency, 0.99),
        faces / batches,
        count("remote-late") + count("remote-failed"),
        count("local-faces"),
        a_face(before.0, after.0),
        a_face(before.1, after.1),
    );
}

/// Streams that ask for one face after the other, as fast as it goes; faces a second.
fn fast(streams: usize, options: &EngineOptions) -> f64 {
    let model = Model::bundled().expect("is built in");
    let time = Duration::from_secs(5);
    let counts: Vec<_> = (0..streams)
        .map(|_| {
            let mut classifier = Classifier::new(&model, options).expect("the engine opens");
            std::thread::spawn(move || {
                let face = vec![0.1; classifier.model().info().input.len()];
                let (start, mut faces) = (Instant::now(), 0);
                while start.elapsed() < time {
                    classifier.classify_prepared(&face).expect("is answered");
                    faces += 1;
                }
                faces
            })
        })
        .collect();
    let faces: u64 = counts.into_iter().map(|c| c.join().expect("ends")).sum();
    faces as f64 / time.as_secs_f64()
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" | ")
}

fn main() {
    gst::init().expect("GStreamer starts");
    gstfer::plugin_register_static().expect("the elements register");
    let server = std::env::args().find_map(|argument| argument.parse::<SocketAddr>().ok());
    let Some(server) = server else {
        eprintln!("SKIPPED: no server named, 127.0.0.1:PORT");
        return;
    };
    let asked: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let streams = if asked.is_empty() {
        vec![1, 4, 16]
    } else {
        asked
    };
    let proxies = ROUND_TRIPS.map(|ms| {
        let proxy = Proxy::new(server, Duration::from_millis(ms)).expect("loopback");
        (ms, proxy)
    });
    println!(
        "\n640x480 at {RATE} frames a second, {} faces; B: bytes over TCP\n",
        FACES.len()
    );
    println!(
        "| round trip added | streams | frames | dropped | latency ms, median | 99 % | \
         faces a request | late or failed | read here | B to the server, a face | B back |"
    );
    println!("|{}", " --- |".repeat(11));
    for &streams in &streams {
        live("engine=builtin", streams, "engine=builtin", None);
        for (ms, proxy) in &proxies {
            let properties = format!(
                "engine=remote endpoint=grpc://{} deadline=1000",
                proxy.address
            );
            live(&format!("{ms} ms"), streams, &properties, Some(proxy));
        }
    }
    println!(
        "\n| faces a second, one after the other in each stream | {} |",
        joined(streams.iter().map(|n| n.to_string()))
    );
    println!("|{}", " --- |".repeat(1 + streams.len()));
    for (ms, proxy) in &proxies {
        let options = EngineOptions {
            kind: EngineKind::Remote,
            shared: true,
            remote: RemoteOptions {
                endpoints: vec![format!("grpc://{}", proxy.address)],
                deadline: Duration::from_secs(10),
                fallback: Fallback::Error,
                ..Default::default()
            },
            ..Default::default()
        };
        let speeds = streams.iter().map(|n| format!("{:.0}", fast(*n, &options)));
        println!("| {ms} ms | {} |", joined(speeds));
    }
}
