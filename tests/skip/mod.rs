//! What a test says when this machine lacks what it needs.

use std::fmt::Display;
use std::io::Write;

/// Names the running test and what it lacks, past the test harness, which holds back what
/// passing tests print.
pub fn skip(why: impl Display) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("test");
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED {test}: {why}").expect("standard error is open");
}
