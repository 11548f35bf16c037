//! The program `fer-trainer`.

mod cli;

use std::process::ExitCode;

use fer_cli::one_line;

fn main() -> ExitCode {
    fer_cli::quiet_on_a_closed_pipe();
    match cli::Cli::read().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fer-trainer: {}", one_line(&format!("{e:#}")));
            ExitCode::FAILURE
        }
    }
}
