//! The plugin as GStreamer's own tools load it: a shared library in a folder.

mod common;

use std::process::{Command, Output};

use common::{media, plugin_folder};

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
            .all(|line| {
                line.split_once(": ")
                    .is_some_and(|(_, text)| text.len() > 5)
            });
        assert!(explained, "{properties}");
    }
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
