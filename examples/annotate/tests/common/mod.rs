//! What a test works in, and the program as a user runs it.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A new folder for this test.
pub fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    // It may be the first time.
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Runs `fer-annotate` with these arguments to its end.
pub fn annotate(args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fer-annotate"));
    program.args(args).output().unwrap()
}

/// What a program has said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
