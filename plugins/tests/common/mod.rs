//! Running real pipelines and reading what comes out of them.

#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/skip/mod.rs"]
pub mod skip;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstfer::meta::{self, FaceMeta};
use skip::skip;

/// The face in the portrait `astronaut.png` (512x512), found by eye.
pub const PORTRAIT_FACE: fer::Rect = fer::Rect::new(177.0, 66.0, 97.0, 97.0);

/// Starts GStreamer with the elements of this crate.
pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstfer::plugin_register_static().unwrap();
    });
}

/// A file of the test media: in `FER_MEDIA_DIR`, in what `make test` fetched, or beside
/// the checkout. `None`, said aloud, where it is in none of them.
pub fn media(name: &str) -> Option<PathBuf> {
    let found = media_file::find(name);
    if found.is_none() {
        skip(format!("no {name}"));
    }
    found
}

/// A folder with nothing but the library that Cargo built with this test.
pub fn plugin_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin");
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("libgstfer.so");
    // One that leads nowhere is of a target folder that was moved.
    if !link.exists() {
        let _ = std::fs::remove_file(&link);
    }
    // Tests run at the same time; whoever comes second finds what the first has put there.
    let _ = std::os::unix::fs::symlink(test.with_file_name("libgstfer.so"), &link);
    assert!(link.exists(), "{} is not there", link.display());
    folder
}

/// One frame that reached the end of a pipeline.
#[derive(Debug, Clone)]
pub struct Seen {
    pub faces: Vec<FaceMeta>,
    pub pts: Option<gst::ClockTime>,
}

/// What a pipeline did.
#[derive(Debug, Default)]
pub struct Run {
    /// Frames that reached the element named `end`.
    pub frames: Vec<Seen>,
    /// Structures of the element messages of our elements.
    pub messages: Vec<gst::Structure>,
    /// The `stats` of our elements at the end, by the name of the element's factory.
    pub stats: HashMap<String, gst::Structure>,
    /// First error on the bus: element and text, with what it says beside it.
    pub error: Option<(String, String)>,
    /// Other messages on the bus.
    pub others: Vec<gst::Message>,
}

impl Run {
    /// The warnings on the bus: text and what is said beside it.
    pub fn warnings(&self) -> Vec<String> {
        let text = |message: &gst::Message| match message.view() {
            gst::MessageView::Warning(why) => {
                let detail = why.debug().unwrap_or_default();
                Some(format!("{} {detail}", why.error()))
            }
            _ => None,
        };
        self.others.iter().filter_map(text).collect()
    }
}

/// A number of an element's `stats`.
pub fn stat(stats: &gst::Structure, field: &str) -> u64 {
    stats.get(field).unwrap()
}

/// Runs a pipeline to its end or its first error. Its last element is called `end`.
pub fn run(description: &str) -> Run {
    run_with(description, |_| ())
}

/// As [`run`]; `prepare` may change the pipeline before it starts.
pub fn run_with(description: &str, prepare: impl FnOnce(&gst::Pipeline)) -> Run {
    let pipeline = pipeline(description);
    let frames = watch(&pipeline);
    prepare(&pipeline);
    let mut run = Run::default();
    // The reason of a failed start is on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let bus = pipeline.bus().unwrap();
    for message in bus.iter_timed(gst::ClockTime::from_seconds(60)) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => {
                let source = error.src().map(|s| s.name().to_string());
                let (text, detail) = (error.error(), error.debug().unwrap_or_default());
                run.error = Some((source.unwrap_or_default(), format!("{text} {detail}")));
                break;
            }
            gst::MessageView::Element(element) => {
                let structure = element.structure().filter(|s| s.name().starts_with("fer-"));
                run.messages.extend(structure.map(|s| s.to_owned()));
            }
            _ => run.others.push(message),
        }
    }
    for element in pipeline.iterate_elements().into_iter().flatten() {
        let factory = element.factory().map(|f| f.name().to_string());
        if let Some(name) = factory.filter(|name| name.starts_with("fer")) {
            run.stats.insert(name, element.property("stats"));
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    run.frames = std::mem::take(&mut frames.lock().unwrap());
    run
}

/// A pipeline of this description, not yet started.
pub fn pipeline(description: &str) -> gst::Pipeline {
    init();
    gst::parse::launch(description)
        .unwrap_or_else(|why| panic!("{description}: {why}"))
        .downcast()
        .unwrap()
}

/// Does `what` on a thread of its own; one that hangs fails the test after a minute.
pub fn within_a_minute<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(what()));
    result
        .recv_timeout(std::time::Duration::from_secs(60))
        .expect("ends without a panic, and does not hang")
}

/// Has `mark` change every buffer that leaves the element called `source`.
pub fn mark(pipeline: &gst::Pipeline, mark: impl Fn(&mut gst::BufferRef) + Send + Sync + 'static) {
    let source = pipeline
        .by_name("source")
        .expect("an element called source");
    let pad = source.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        mark(info.buffer_mut().unwrap().make_mut());
        gst::PadProbeReturn::Ok
    });
}

/// Collects the faces of all frames that reach the element named `end`.
pub fn watch(pipeline: &gst::Pipeline) -> Arc<Mutex<Vec<Seen>>> {
    let frames = Arc::new(Mutex::new(Vec::new()));
    let collected = frames.clone();
    let end = pipeline.by_name("end").expect("a last element called end");
    let pad = end.static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer().unwrap();
        collected.lock().unwrap().push(Seen {
            faces: meta::faces(buffer, &[meta::FACE.to_owned()]),
            pts: buffer.pts(),
        });
        gst::PadProbeReturn::Ok
    });
    frames
}

/// A source of `count` frames of the picture at `path`, in any caps downstream asks for.
pub fn picture(path: &Path, count: u32) -> String {
    format!(
        "filesrc location=\"{}\" ! decodebin ! imagefreeze num-buffers={count} ! videoconvert ! videoscale",
        path.display()
    )
}

/// YuNet's ONNX file: `FER_YUNET`, or beside the checkout. `None`, said aloud, where it is
/// in neither.
pub fn yunet() -> Option<PathBuf> {
    match std::env::var_os("FER_YUNET") {
        Some(path) => Some(path.into()),
        None => media("../models/face_detection_yunet_2026may.onnx"),
    }
}

/// A source of the demo's clip, up to I420; `None`, said aloud, where it is missing.
pub fn demo() -> Option<String> {
    let path = media("demo.mkv")?;
    Some(format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=I420",
        path.display()
    ))
}
