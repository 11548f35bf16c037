//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::hub::{Hub, State, Status};

/// All figures.
pub fn text(hub: &Hub) -> String {
    let mut text = String::new();
    family(
        &mut text,
        "fer_up",
        "gauge",
        "Whether frames come.",
        hub,
        |state| vec![(String::new(), u64::from(state.status == Status::Running))],
    );
    family(
        &mut text,
        "fer_frames_total",
        "counter",
        "Frames seen.",
        hub,
        |state| vec![(String::new(), state.frames)],
    );
    family(
        &mut text,
        "fer_faces",
        "gauge",
        "Faces in the latest frame.",
        hub,
        |state| vec![(String::new(), state.faces as u64)],
    );
    let help = "Faces seen, one a frame and face, by expression over time.";
    family(
        &mut text,
        "fer_readings_total",
        "counter",
        help,
        hub,
        |state| labelled("expression", &state.readings),
    );
    let help = "Faces that came or left and expressions that changed.";
    family(
        &mut text,
        "fer_events_total",
        "counter",
        help,
        hub,
        |state| labelled("event", &state.happened),
    );
    let viewers = hub.viewers.load(Ordering::Relaxed);
    let listeners = hub.listeners.load(Ordering::Relaxed);
    text.push_str("# HELP fer_viewers Browsers and others that are connected.\n");
    text.push_str("# TYPE fer_viewers gauge\n");
    // Writing into text can't fail.
    let _ = writeln!(text, "fer_viewers{{of=\"video\"}} {viewers}");
    let _ = writeln!(text, "fer_viewers{{of=\"events\"}} {listeners}");
    text
}

fn labelled(name: &str, counts: &std::collections::BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let pair = |(label, count): (&String, &u64)| (format!(",{name}=\"{}\"", quoted(label)), *count);
    counts.iter().map(pair).collect()
}

/// A figure with its values for each input, each with further labels.
fn family(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    hub: &Hub,
    values: impl Fn(&State) -> Vec<(String, u64)>,
) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (number, camera) in hub.cameras.iter().enumerate() {
        let camera = quoted(&camera.name);
        for (labels, value) in hub.with_state(number, &values) {
            let _ = writeln!(
                text,
                "{name}{{input=\"{number}\",name=\"{camera}\"{labels}}} {value}"
            );
        }
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}
