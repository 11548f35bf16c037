//! The program as people run it.

use std::process::{Command, Output};

/// The program with arguments, to be run.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fer-trainer"));
    command.args(args);
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// Runs and returns what was printed; fails with what was said on stderr.
pub fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs what must fail and returns the one line that says why.
pub fn fail(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{args:?}");
    assert!(stderr.starts_with("fer-trainer: "), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    stderr
}
