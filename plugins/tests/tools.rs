//! The plugin as GStreamer's own tools load it: a shared library in a folder.

mod common;

use std::process::{Command, Output};

use common::{media, plugin_folder, yunet};

fn tool(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(name)
        .args(args)
        .env("GST_PLUGIN_PATH", plugin_folder())
        .env("GST_DEBUG_NO_COLOR", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap_or_else(|why| panic!("{name}: {why}"))
}

#[test]
fn the_plugin_lists_its_elements() {
    let output = tool("gst-inspect-1.0", &["fer"], &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    for element in ["ferfacedetect", "ferclassify", "feroverlay"] {
        assert!(text.contains(element), "{text}");
    }
    // What a build lacks can be seen.
    let lacks = text.contains("without analytics metadata");
    assert_eq!(lacks, !cfg!(feature = "analytics"), "{text}");
}

#[test]
fn elements_say_what_they_are_and_whose() {
    for (element, class) in [
        ("ferfacedetect", "Analyzer/Video"),
        ("ferclassify", "Analyzer/Video"),
        ("feroverlay", "Analyzer/Visualization/Video"),
    ] {
        let output = tool("gst-inspect-1.0", &[element], &[]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name: &str| {
            let line = text.lines().find(|line| line.trim().starts_with(name));
            line.unwrap().trim()[name.len()..].trim().to_owned()
        };
        assert_eq!(value("Klass"), class);
        let author = value("Author");
        assert!(author.contains(" <") && author.ends_with('>'), "{author}");
    }
}

#[test]
fn what_the_library_logs_is_in_the_debug_log() {
    common::init();
    let (send, lines) = std::sync::mpsc::channel();
    gst::log::set_threshold_for_name("fer", gst::DebugLevel::Info);
    let function = gst::log::add_log_function(move |category, level, _, _, _, _, message| {
        if category.name() == "fer" {
            let text = message.get().map(|text| text.to_string());
            let _ = send.send((level, text.unwrap_or_default()));
        }
    });
    log::info!("a word of {}", "TensorRT");
    log::trace!("too much");
    gst::log::remove_log_function(function);
    let lines: Vec<_> = lines.try_iter().collect();
    assert_eq!(
        lines,
        [(gst::DebugLevel::Info, "a word of TensorRT".to_owned())]
    );
}

#[test]
fn every_property_is_explained() {
    for element in ["ferfacedetect", "ferclassify", "feroverlay"] {
        let output = tool("gst-inspect-1.0", &[element], &[]);
        assert!(output.status.success());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let properties = text.split("Element Properties:").nth(1).unwrap();
        // A property begins at a column of its own: "  name    : explanation".
        let explained = properties
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            // GStreamer 1.26 has lines of blanks between them.
            .filter(|line| !line.trim().is_empty())
            .all(|line| {
                line.split_once(": ")
                    .is_some_and(|(_, text)| text.len() > 5)
            });
        assert!(explained, "{properties}");
    }
}

#[test]
fn faces_are_found_by_yunet_where_its_file_is_and_else_by_the_cascade() {
    let Some(yunet) = yunet() else {
        return;
    };
    let pipeline = [
        "videotestsrc",
        "num-buffers=1",
        "!",
        "ferfacedetect",
        "!",
        "fakesink",
    ];
    let nowhere = plugin_folder();
    let nowhere = nowhere.to_str().unwrap();
    let data = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("data");
    std::fs::create_dir_all(data.join("fer")).unwrap();
    std::fs::copy(&yunet, data.join("fer/face_detection_yunet_test.onnx")).unwrap();
    let said = |data: &str, named: &str| {
        let variables = [
            ("GST_DEBUG", "fer:4"),
            ("XDG_DATA_HOME", data),
            ("FER_YUNET", named),
        ];
        let output = tool("gst-launch-1.0", &pipeline, &variables);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    let (done, found) = said(data.to_str().unwrap(), "");
    assert!(done && found.contains("found by YuNet"), "{found}");
    let (done, named) = said(nowhere, yunet.to_str().unwrap());
    assert!(done && named.contains("found by YuNet"), "{named}");
    let (done, cascade) = said(nowhere, "");
    assert!(
        done && cascade.contains("found by a Haar cascade"),
        "{cascade}"
    );
    let (done, wrong) = said(nowhere, "/no/such/file.onnx");
    assert!(!done && wrong.contains("/no/such/file.onnx"), "{wrong}");
}

#[test]
fn nothing_leaks_and_nothing_warns() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let location = format!("location={}", clip.display());
    let pipeline = "! matroskademux ! decodebin ! videoconvert ! video/x-raw,format=NV12 \
                    ! ferfacedetect ! ferclassify ! feroverlay show-bars=true ! fakesink sync=false";
    let mut args = vec!["-q", "filesrc", &location];
    args.extend(pipeline.split_whitespace());
    let output = tool(
        "gst-launch-1.0",
        &args,
        &[
            ("GST_TRACERS", "leaks"),
            ("GST_DEBUG", "GST_TRACER:7,fer*:2"),
            // Criticals and warnings of GLib end the process.
            ("G_DEBUG", "fatal-warnings"),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let alive: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("object-alive, type-name=(string)") && !line.contains('%'))
        .collect();
    assert!(alive.is_empty(), "{alive:#?}");
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| ["WARN ", "ERROR "].iter().any(|level| line.contains(level)))
        .filter(|line| line.contains(" fer"))
        .collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}
