//! CPU time per frame of whole pipelines, each as a process of its own, beside
//! GStreamer's `facedetect` and a Python loop of OpenCV and ONNX Runtime on the same clip
//! in the same run.
//!
//! `cargo bench -p gst-plugin-fer --bench pipeline [CLIP...]`; without clips the demo's.
//! Peers that are not installed are named and left out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gst::prelude::*;

/// Runs of each pipeline; the least CPU time counts, as everything else is interference.
const RUNS: usize = 3;

/// CPU and wall time of one run of a process.
#[derive(Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
}

fn children_cpu_ms() -> f64 {
    // SAFETY: rusage is plain data for which all zeros is a valid value, and getrusage
    // fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let ms = |t: libc::timeval| t.tv_sec as f64 * 1e3 + t.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

fn run(command: &mut Command) -> Option<Cost> {
    let before = children_cpu_ms();
    let start = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    let after = children_cpu_ms();
    status.success().then_some(Cost {
        cpu_ms: after - before,
        wall_ms,
    })
}

fn best(mut command: impl FnMut() -> Command) -> Option<Cost> {
    let runs: Vec<Cost> = (0..RUNS).filter_map(|_| run(&mut command())).collect();
    runs.into_iter()
        .min_by(|a, b| a.cpu_ms.total_cmp(&b.cpu_ms))
}

fn launch(clip: &Path, elements: &str, plugin: &Path) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command
        .arg("-q")
        .args(["filesrc", &format!("location={}", clip.display())])
        .args("! decodebin ! videoconvert ! video/x-raw,format=I420 !".split(' '))
        .args(elements.split_whitespace())
        .args("! fakesink sync=false".split(' '))
        .env("GST_PLUGIN_PATH", plugin);
    command
}

/// Frames of the clip, counted by decoding it; 0 when that fails.
fn frames(clip: &Path) -> u64 {
    let description = format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=I420 ! fakesink name=end sync=false",
        clip.display()
    );
    let Ok(element) = gst::parse::launch(&description) else {
        return 0;
    };
    let pipeline = element.downcast::<gst::Pipeline>().expect("a pipeline");
    let count = Arc::new(AtomicU64::new(0));
    let counter = count.clone();
    let pad = pipeline
        .by_name("end")
        .and_then(|end| end.static_pad("sink"));
    pad.expect("a sink")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    if pipeline.set_state(gst::State::Playing).is_ok() {
        let bus = pipeline.bus().expect("pipelines have a bus");
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(120), &kinds);
    }
    // Nothing can be done about a pipeline that does not stop.
    let _ = pipeline.set_state(gst::State::Null);
    count.load(Ordering::Relaxed)
}

fn main() {
    gst::init().expect("GStreamer starts");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let plugin = root.join("target/release");
    let named: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    let clips = if named.is_empty() {
        vec![root.join(".fer/media/demo.mkv")]
    } else {
        named
    };
    for clip in clips {
        let count = frames(&clip);
        if count == 0 {
            eprintln!(
                "pipeline: {}: not a clip that GStreamer decodes",
                clip.display()
            );
            std::process::exit(1);
        }
        println!(
            "\n{}: {count} frames\n",
            clip.file_name().unwrap_or_default().display()
        );
        println!(
            "| pipeline | CPU ms a frame, beyond decoding | of facedetect | wall ms of the run |"
        );
        println!("| --- | --- | --- | --- |");
        let decode = best(|| launch(&clip, "identity", &plugin)).expect("decoded before");
        let peer = best(|| {
            launch(
                &clip,
                "videoconvert ! facedetect display=false ! videoconvert",
                &plugin,
            )
        });
        let beyond = |cost: Cost| (cost.cpu_ms - decode.cpu_ms) / count as f64;
        let row = |name: &str, cost: Option<Cost>| match cost {
            Some(cost) => println!(
                "| {name} | {:.2} | {} | {:.0} |",
                beyond(cost),
                peer.map_or("-".to_owned(), |p| format!(
                    "{:.3}",
                    beyond(cost) / beyond(p)
                )),
                cost.wall_ms
            ),
            None => println!("| {name} | not installed | | |"),
        };
        row("decode only", Some(decode));
        for (name, elements) in [
            ("ferfacedetect", "ferfacedetect"),
            ("ferfacedetect ! ferclassify", "ferfacedetect ! ferclassify"),
            (
                "ferfacedetect ! ferclassify engine=builtin",
                "ferfacedetect ! ferclassify engine=builtin",
            ),
            (
                "ferfacedetect ! ferclassify ! feroverlay",
                "ferfacedetect ! ferclassify ! feroverlay",
            ),
        ] {
            row(name, best(|| launch(&clip, elements, &plugin)));
        }
        row("facedetect", peer);
        let script = root.join("plugins/benches/peer.py");
        let model = root.join("models/mobilenet_v1_1.0_48.onnx");
        row(
            "Python: OpenCV's Haar, every frame, and ONNX Runtime",
            best(|| {
                let mut command = Command::new("python3");
                command.arg(&script).arg(&clip).arg(&model);
                command
            }),
        );
    }
}
