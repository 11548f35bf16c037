//! `fer-annotate --engine remote`, with a real server.

#![cfg(feature = "remote")]

#[path = "../../../tests/media/mod.rs"]
mod media_file;
#[path = "../../../tests/servers/mod.rs"]
mod servers;
#[path = "../../../tests/skip/mod.rs"]
mod skip;

use std::process::Command;

use serde_json::Value;
use servers::{Kind, Server};

/// Readings of all faces of a clip; `arguments` say by which engine.
fn readings(clip: &str, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_fer-annotate"))
        .args([clip, "--records", "-"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("No server"), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let faces = lines.lines().flat_map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["faces"].as_array().unwrap().clone()
    });
    faces.map(|face| face["probabilities"].clone()).collect()
}

#[test]
fn servers_read_what_this_machine_reads() {
    let Some(clip) = media_file::find("demo.mkv") else {
        skip::skip("no demo.mkv");
        return;
    };
    let clip = clip.to_str().unwrap();
    let Some(server) = Server::start(Kind::KServe, "annotate") else {
        return;
    };
    let before = server.notes("batches").len();
    let endpoint = server.endpoint();
    let there = readings(clip, &["--engine", "remote", "--endpoint", &endpoint]);
    assert!(server.notes("batches").len() > before + 50);
    let here = readings(clip, &["--engine", "builtin"]);
    assert_eq!(there.len(), here.len());
    for (there, here) in there.iter().zip(&here) {
        for (label, here) in here.as_object().unwrap() {
            let (there, here) = (there[label].as_f64().unwrap(), here.as_f64().unwrap());
            assert!((there - here).abs() < 1e-4, "{label}: {there} {here}");
        }
    }
}
