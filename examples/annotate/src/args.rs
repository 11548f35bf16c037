use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use crate::network::Network;

/// Finds every face in pictures, videos, streams and cameras, names its expression, and writes
/// annotated copies, records and reports, or shows it all live in a browser.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// Files, folders of files, URIs (rtsp://..., https://...) or cameras (/dev/video0). For
    /// folders and several files the outputs below are folders; what is complete there is skipped.
    #[arg(required = true, value_name = "INPUT", value_hint = clap::ValueHint::AnyPath)]
    pub inputs: Vec<String>,

    /// Annotated copy: .mkv, .mp4 or .webm, or .png or .jpg for a picture or a video's first frame.
    #[arg(short, long)]
    pub output: Option<PathBuf>,

    /// One record a frame: JSON lines, or CSV where the name ends in .csv; - for standard output.
    #[arg(short, long)]
    pub records: Option<PathBuf>,

    /// PNG or JPEG of the frame with the most faces, seen most surely.
    #[arg(short, long)]
    pub still: Option<PathBuf>,

    /// One HTML file about all inputs: who was seen when with which expression, with pictures of
    /// the faces, or a contact sheet of pictures.
    #[arg(long)]
    pub report: Option<PathBuf>,

    /// Live page of all inputs at this address (127.0.0.1:8080, or 8080 for the same). Beyond
    /// this machine it asks for a token: that in FER_SERVE_TOKEN, or else a new one.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub serve: Option<SocketAddr>,

    /// Draw a bar for every expression.
    #[arg(long)]
    pub bars: bool,

    /// Stop after this many seconds of input.
    #[arg(long)]
    pub seconds: Option<f64>,

    /// auto, haar or yunet.
    #[arg(long, default_value = "auto", help_heading = "Faces")]
    pub detector: String,

    /// ONNX file of the YuNet detector.
    #[arg(long, help_heading = "Faces")]
    pub yunet_model: Option<PathBuf>,

    /// Smallest face: up to 1 a share of the frame's height, above 1 pixels, at most 16384
    /// [default: 0.125].
    #[arg(long, allow_negative_numbers = true, value_parser = min_size, help_heading = "Faces")]
    pub min_size: Option<f64>,

    #[command(flatten)]
    pub network: Network,
}

impl Args {
    /// What is on the command line. For `--completions SHELL` alone, which is for packagers, it
    /// prints what completes the options in that shell, and ends the program.
    pub fn of_command_line() -> Self {
        let words: Vec<String> = std::env::args().collect();
        if let [_, option, shell] = &words[..]
            && option == "--completions"
            && let Ok(shell) = shell.parse::<clap_complete::Shell>()
        {
            let name = env!("CARGO_PKG_NAME");
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Self::command(), name, &mut script);
            // Who does not read it to the end does not want it.
            let _ = std::io::stdout().write_all(&script);
            std::process::exit(0);
        }
        Self::parse()
    }
}

/// What `ferfacedetect min-size` takes.
fn min_size(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let fits = (0.0..=16384.0).contains(&value);
    fits.then_some(value).ok_or("not 0 to 16384".to_owned())
}

/// An address with a port, or a port of this machine alone.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = match text.strip_prefix("localhost:") {
        Some(port) => port,
        None => text,
    };
    match local.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from(([127, 0, 0, 1], port))),
        Err(_) => text
            .parse()
            .map_err(|_| "not an address like 127.0.0.1:8080".to_owned()),
    }
}
