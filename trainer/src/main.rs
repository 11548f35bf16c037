//! The program `fer-trainer`.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fer-trainer: {e:#}");
            ExitCode::FAILURE
        }
    }
}
