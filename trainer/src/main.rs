//! The program `fer-trainer`.

mod cli;

use std::process::ExitCode;

use fer_trainer::data::one_line;

fn main() -> ExitCode {
    quiet_on_a_closed_pipe();
    match cli::Cli::read().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fer-trainer: {}", one_line(&format!("{e:#}")));
            ExitCode::FAILURE
        }
    }
}

/// Lets the program end when nobody reads what it prints any more (`| head`), as other
/// programs do; Rust ignores the signal, and the next line would be a panic.
#[cfg(unix)]
fn quiet_on_a_closed_pipe() {
    // SAFETY: no other thread runs yet, and the default action is always a valid one.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(not(unix))]
fn quiet_on_a_closed_pipe() {}
