//! CPU and wall time per frame of whole pipelines, each in a process of its own, beside
//! GStreamer's `facedetect` and a Python loop of OpenCV and ONNX Runtime on the same frames
//! in the same run; then how steady the label is, and how long a new face waits for it.
//!
//! `cargo bench -p gst-plugin-fer --bench pipeline`, as Markdown. Peers that are not
//! installed are named and left out. What is before the first measured frame (loading, the
//! first scan) does not count.

#[path = "scene/mod.rs"]
mod scene;

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstfer::meta;

const SIZES: [(usize, usize); 3] = [(640, 480), (1280, 720), (1920, 1080)];
const FACES: [usize; 3] = [1, 4, 10];
/// Frames measured of our elements, and of the slow peers.
const OURS: u64 = 150;
const PEERS: u64 = 8;
/// Frames before the measured ones.
const WARM: u64 = 30;
const WARM_PEERS: u64 = 2;
/// Frames of the steady face: half a minute.
const STEADY: u64 = 900;
/// Times that a face appears in the live stream, for how many frames, and for how many it
/// is gone before.
const APPEARANCES: u64 = 8;
const SHOWN: u64 = 20;
const GONE: u64 = 25;

/// What is measured of a pipeline.
#[derive(Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    faces: f64,
}

/// A pipeline of `elements` fed with `count` frames after `warm` others.
fn feed(elements: &str, size: (usize, usize), faces: usize, warm: u64, count: u64) -> Cost {
    let ring = scene::frames(size.0, size.1, faces);
    let (pipeline, source) = start(elements, size, "block=true");
    let seen = Arc::new(Mutex::new((0, 0, (0.0, Instant::now()))));
    let at_end = seen.clone();
    end(&pipeline).add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut seen = at_end.lock().unwrap();
        seen.0 += 1;
        if seen.0 == warm {
            seen.2 = (scene::cpu_ms(), Instant::now());
        } else if seen.0 > warm {
            let faces = info
                .buffer()
                .map(|b| meta::faces(b, &[meta::FACE.into()]).len());
            seen.1 += faces.unwrap_or(0);
        }
        gst::PadProbeReturn::Ok
    });
    for i in 0..warm + count {
        let frame = scene::stamped(&ring, i, scene::RATE);
        source.push_buffer(frame).expect("the stream runs");
    }
    finish(&pipeline, &source);
    let (_, faces, (cpu, since)) = *seen.lock().unwrap();
    let a_frame = 1.0 / count as f64;
    let cost = Cost {
        cpu_ms: (scene::cpu_ms() - cpu) * a_frame,
        wall_ms: since.elapsed().as_secs_f64() * 1e3 * a_frame,
        faces: faces as f64 * a_frame,
    };
    stop(&pipeline);
    cost
}

fn start(elements: &str, size: (usize, usize), how: &str) -> (gst::Pipeline, gst_app::AppSrc) {
    let description = format!(
        "appsrc name=source format=time max-buffers=2 {how} caps={} ! {elements} \
         ! fakesink name=end sync=false",
        scene::caps(size.0, size.1, scene::RATE)
    );
    let element = gst::parse::launch(&description).expect("the elements are installed");
    let pipeline = element.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("source").expect("a source");
    pipeline
        .set_state(gst::State::Playing)
        .expect("the pipeline starts");
    (pipeline, source.downcast().expect("an appsrc"))
}

fn end(pipeline: &gst::Pipeline) -> gst::Pad {
    let end = pipeline.by_name("end").expect("a sink");
    end.static_pad("sink").expect("sinks have a pad")
}

/// Waits for the last frame.
fn finish(pipeline: &gst::Pipeline, source: &gst_app::AppSrc) {
    source.end_of_stream().expect("the stream runs");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().expect("pipelines have a bus");
    bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &kinds);
}

fn stop(pipeline: &gst::Pipeline) {
    pipeline
        .set_state(gst::State::Null)
        .expect("the pipeline stops");
}

/// The elements of a row, for frames of `height` pixels.
fn elements(kind: &str, height: usize) -> String {
    match kind {
        // One cascade, for faces of the same least size as ours.
        "facedetect" => format!(
            "videoconvert ! facedetect display=false min-size-width={0} min-size-height={0} \
             nose-profile=none mouth-profile=none eyes-profile=none ! videoconvert",
            height / 8
        ),
        "detect" => "ferfacedetect detector=haar".to_owned(),
        "all" => "ferfacedetect detector=haar ! ferclassify engine=onnxruntime".to_owned(),
        "builtin" => "ferfacedetect detector=haar ! ferclassify engine=builtin".to_owned(),
        _ => "identity".to_owned(),
    }
}

/// Runs `feed` in a process of its own. `None` where the elements are not installed.
fn measure(kind: &str, size: (usize, usize), faces: usize) -> Option<Cost> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    let numbers = [size.0, size.1, faces].map(|n| n.to_string());
    read(command.arg("child").arg(kind).args(numbers))
}

/// The numbers that `command` prints.
fn read(command: &mut Command) -> Option<Cost> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    let [cpu_ms, wall_ms, faces] = numbers[..] else {
        return None;
    };
    Some(Cost {
        cpu_ms,
        wall_ms,
        faces,
    })
}

fn child(args: &[String]) {
    let number = |i: usize| args[i].parse::<usize>().expect("a number");
    let (kind, size) = (&args[0], (number(1), number(2)));
    let (warm, count) = match &**kind {
        "facedetect" => (WARM_PEERS, PEERS),
        _ => (WARM, OURS),
    };
    let cost = feed(&elements(kind, size.1), size, number(3), warm, count);
    println!("{} {} {}", cost.cpu_ms, cost.wall_ms, cost.faces);
}

/// The Python loop on the same frames.
fn python(size: (usize, usize), faces: usize) -> Option<Cost> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = std::env::temp_dir().join(format!("fer-bench-{}.i420", std::process::id()));
    let frames = scene::frames(size.0, size.1, faces);
    let maps = frames.iter().filter_map(|f| f.map_readable().ok());
    let pixels: Vec<u8> = maps.flat_map(|map| map.to_vec()).collect();
    std::fs::write(&file, pixels).ok()?;
    let numbers = [size.0 as u64, size.1 as u64, WARM_PEERS, 2 * PEERS];
    let cost = read(
        Command::new("python3")
            .arg(root.join("plugins/benches/peer.py"))
            .arg(root.join("models/mobilenet_v1_0.5_48_s1.onnx"))
            .arg(&file)
            .args(numbers.map(|n| n.to_string())),
    );
    // A file that is left in the folder for such files does no harm.
    let _ = std::fs::remove_file(&file);
    cost
}

fn costs() {
    println!(
        "\nCPU ms a frame / wall ms a frame (faces found a frame)\n\n\
         | size | faces | Python: Haar + ONNX Runtime | facedetect, one cascade, same least size | \
         ferfacedetect | ferfacedetect ! ferclassify engine=onnxruntime | with engine=builtin | \
         ferfacedetect of facedetect |"
    );
    println!("|{}", " --- |".repeat(8));
    for size in SIZES {
        for faces in FACES {
            let cell = |cost: Option<Cost>| match cost {
                Some(c) => format!("{:.2} / {:.2} ({:.1})", c.cpu_ms, c.wall_ms, c.faces),
                None => "not installed".to_owned(),
            };
            let ratio = |part: Option<Cost>, whole: Option<f64>| match (part, whole) {
                (Some(part), Some(whole)) => format!("1/{:.1}", whole / part.cpu_ms),
                _ => "-".to_owned(),
            };
            let facedetect = measure("facedetect", size, faces);
            let detect = measure("detect", size, faces);
            println!(
                "| {}x{} | {faces} | {} | {} | {} | {} | {} | {} |",
                size.0,
                size.1,
                cell(python(size, faces)),
                // facedetect tells what it finds by messages only.
                facedetect.map_or("not installed".to_owned(), |c| format!(
                    "{:.1} / {:.1}",
                    c.cpu_ms, c.wall_ms
                )),
                cell(detect),
                cell(measure("all", size, faces)),
                cell(measure("builtin", size, faces)),
                ratio(detect, facedetect.map(|c| c.cpu_ms)),
            );
        }
    }
}

/// Changes of a face's label in half a minute.
fn flips() {
    let ring = scene::frames(SIZES[0].0, SIZES[0].1, 1);
    let (pipeline, source) = start(&elements("all", SIZES[0].1), SIZES[0], "block=true");
    let seen = Arc::new(Mutex::new((HashMap::new(), 0u32, 0u32)));
    let at_end = seen.clone();
    end(&pipeline).add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut seen = at_end.lock().unwrap();
        let faces = info.buffer().map(|b| meta::faces(b, &[meta::FACE.into()]));
        for face in faces.into_iter().flatten() {
            let Some(now) = face.expression else { continue };
            let labels = (now.label, now.smoothed_label);
            if let Some(before) = seen.0.insert(face.id, labels.clone()) {
                seen.1 += u32::from(before.0 != labels.0);
                seen.2 += u32::from(before.1 != labels.1);
            }
        }
        gst::PadProbeReturn::Ok
    });
    for i in 0..STEADY {
        let frame = scene::stamped(&ring, i, scene::RATE);
        source.push_buffer(frame).expect("the stream runs");
    }
    finish(&pipeline, &source);
    stop(&pipeline);
    let seen = seen.lock().unwrap();
    let minutes = STEADY as f64 / (60 * scene::RATE) as f64;
    println!(
        "\nA steady face for {} s: {:.1} flips a minute of `label`, {:.1} of `smoothed-label`; \
         {} id(s)",
        STEADY / scene::RATE,
        f64::from(seen.1) / minutes,
        f64::from(seen.2) / minutes,
        seen.0.len()
    );
}

/// From a frame that enters a live pipeline to its result, and from the first frame with a
/// face to the face's first expression.
fn latency() {
    let empty = scene::frames(SIZES[0].0, SIZES[0].1, 0);
    let ring = scene::frames(SIZES[0].0, SIZES[0].1, 1);
    let (pipeline, source) = start(&elements("all", SIZES[0].1), SIZES[0], "is-live=true");
    let results = Arc::new(Mutex::new(Vec::new()));
    let at_end = results.clone();
    end(&pipeline).add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let faces = meta::faces(buffer, &[meta::FACE.into()]);
            let read = faces.iter().any(|f| f.expression.is_some());
            let number = scene::number(buffer, scene::RATE);
            at_end.lock().unwrap().push((number, read, Instant::now()));
        }
        gst::PadProbeReturn::Ok
    });
    let start = Instant::now();
    let mut sent = Vec::new();
    for i in 0..APPEARANCES * (GONE + SHOWN) {
        let due = start + Duration::from_nanos(i * 1_000_000_000 / scene::RATE);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let here = i % (GONE + SHOWN) >= GONE;
        let frame = scene::stamped(if here { &ring } else { &empty }, i, scene::RATE);
        sent.push(Instant::now());
        source.push_buffer(frame).expect("the stream runs");
    }
    finish(&pipeline, &source);
    stop(&pipeline);
    let results = results.lock().unwrap();
    let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
    let mut passing: Vec<f64> = results
        .iter()
        .map(|(number, _, at)| ms(sent[*number as usize], *at))
        .collect();
    // The first appearance starts the engine.
    let mut reading: Vec<f64> = (1..APPEARANCES)
        .filter_map(|turn| {
            let first = turn * (GONE + SHOWN) + GONE;
            let frames = first..first + SHOWN;
            let read = results
                .iter()
                .find(|(n, read, _)| *read && frames.contains(n))?;
            Some(ms(sent[first as usize], read.2))
        })
        .collect();
    println!(
        "\nLive, {} frames a second, mode=auto: a frame passes in {:.1} ms (median; 99 %: {:.1}; \
         {} of {} arrived); a new face has its expression after {:.0} ms (median of {}; \
         slowest {:.0})",
        scene::RATE,
        scene::quantile(&mut passing, 0.5),
        scene::quantile(&mut passing, 0.99),
        results.len(),
        sent.len(),
        scene::quantile(&mut reading, 0.5),
        reading.len(),
        scene::quantile(&mut reading, 1.0),
    );
}

fn main() {
    gst::init().expect("GStreamer starts");
    gstfer::plugin_register_static().expect("the elements register");
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "child") {
        child(&args[1..]);
        return;
    }
    costs();
    flips();
    latency();
}
