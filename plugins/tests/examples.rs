//! The examples in C and Python as their users run them.

mod common;

use std::path::Path;
use std::process::Command;

use common::{media, plugin_folder};

fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(path);
    path.display().to_string()
}

/// Runs an example on the demo's clip, where two faces smile, and on a file that is not
/// there.
fn check(program: &str, args: &[&str]) {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    let run = |file: &Path| {
        Command::new(program)
            .args(args)
            .arg(file)
            .env("GST_PLUGIN_PATH", plugin_folder())
            .output()
            .unwrap_or_else(|why| panic!("{program}: {why}"))
    };
    let output = run(&clip);
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    for face in ["#1  happy", "#2  happy"] {
        assert!(said.contains(face), "{face} is not in {said}");
    }
    let output = run(Path::new("/no/such/clip.mkv"));
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{complained}");
    assert!(complained.contains("/no/such/clip.mkv"), "{complained}");
}

#[test]
fn python_reads_the_expressions() {
    // Debian's own Python, which has the bindings.
    check("/usr/bin/python3", &[&example("python/expressions.py")]);
}

#[test]
fn c_reads_the_expressions() {
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "gstreamer-video-1.0"])
        .output()
        .unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("expressions");
    let built = Command::new("cc")
        .args(["-Wall", "-Werror", &example("c/expressions.c"), "-o"])
        .arg(&binary)
        .args(flags.split_whitespace())
        .status();
    assert!(built.unwrap().success());
    check(&binary.display().to_string(), &[]);
}
