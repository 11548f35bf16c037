//! `ferclassify engine=tensorrt` where it can't work: a clear error on the bus, never a crash.

mod common;
#[path = "../../tests/header/mod.rs"]
mod header;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::run;
use common::skip::skip;
use fer::Model;
use fer::engine::{self, EngineKind, EngineOptions};
use fer::model::EngineFile;

/// Why engine=tensorrt does not work here; `None`, said aloud, where it does.
fn reason() -> Option<String> {
    let options = EngineOptions {
        kind: EngineKind::TensorRt,
        ..EngineOptions::default()
    };
    match engine::open(&Model::bundled().unwrap(), &options) {
        Ok(_) => {
            skip("TensorRT works here");
            None
        }
        Err(why) => Some(why.to_string()),
    }
}

/// The element and the text of the error that `properties` of `ferclassify` lead to.
fn error(properties: &str) -> (String, String) {
    let run = run(&format!(
        "videotestsrc num-buffers=1 ! ferclassify name=classify {properties} ! fakesink name=end"
    ));
    run.error.expect(properties)
}

/// A file that is no engine inside, but says that it is.
fn engine_file() -> EngineFile {
    EngineFile::new(header::header(&["sm_86"]), &[7; 1000])
}

fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("fer-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn model(path: &Path) -> String {
    format!("model=\"{}\"", path.display())
}

#[test]
fn a_damaged_engine_file_is_named() {
    let bytes = engine_file().bytes().to_vec();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (name, bytes, said) in [
        ("cut.engine", &bytes[..bytes.len() - 1], "cut off"),
        ("short.engine", &bytes[..12], "cut off"),
        ("flipped.engine", &flipped, "checksum"),
        ("foreign.engine", b"ftrt\0\0\0\0", "not an ONNX file"),
    ] {
        let path = write(name, bytes);
        for engine in ["tensorrt", "auto", "builtin"] {
            let (element, text) = error(&format!("engine={engine} {}", model(&path)));
            assert_eq!(element, "classify");
            assert!(text.contains(name) && text.contains(said), "{text}");
        }
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn without_a_card_or_library_the_reason_is_on_the_bus() {
    let Some(reason) = reason() else {
        return;
    };
    let path = write("whole.engine", engine_file().bytes());
    for properties in [
        "engine=tensorrt".to_owned(),
        "engine=tensorrt precision=fp32 device-id=0 shared-engine=false".to_owned(),
        format!("engine=tensorrt {}", model(&path)),
        // Nothing else runs an engine file, so there is nothing to fall back to.
        format!("engine=auto {}", model(&path)),
    ] {
        let (element, text) = error(&properties);
        assert_eq!(element, "classify");
        assert!(text.contains(&reason), "{properties}: {text}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn other_engines_do_not_run_an_engine_file() {
    let path = write("other.engine", engine_file().bytes());
    let (element, text) = error(&format!("engine=builtin {}", model(&path)));
    assert_eq!(element, "classify");
    assert!(text.contains("engine of TensorRT"), "{text}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn engine_auto_falls_back_and_logs_why() {
    let Some(reason) = reason() else {
        return;
    };
    common::init();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    gst::log::set_threshold_for_name("ferclassify", gst::DebugLevel::Info);
    let function = gst::log::add_log_function(move |category, level, _, _, _, _, message| {
        if category.name() == "ferclassify" && level == gst::DebugLevel::Info {
            kept.lock()
                .unwrap()
                .extend(message.get().map(|m| m.to_string()));
        }
    });
    // Its own engine: one that is shared says so too.
    let run = run(
        "videotestsrc num-buffers=2 ! ferclassify shared-engine=false engine=auto ! fakesink name=end",
    );
    gst::log::remove_log_function(function);
    assert_eq!(run.error, None);
    assert_eq!(run.frames.len(), 2);
    let used: String = run.stats["ferclassify"].get("engine").unwrap();
    assert!(["onnxruntime", "builtin"].contains(&&used[..]), "{used}");
    let lines = lines.lock().unwrap();
    assert!(
        lines.iter().any(|line| line.contains(&reason)),
        "{reason}: {lines:?}"
    );
}
