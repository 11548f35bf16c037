use std::io::Write;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

/// Finds every face in a picture, video, stream or camera, names its expression, and
/// writes an annotated copy, one record a frame, or both.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// A file, a URI (rtsp://..., https://...) or a camera (/dev/video0).
    #[arg(value_hint = clap::ValueHint::FilePath)]
    pub input: String,

    /// Annotated copy: .mkv, .mp4 or .webm, or .png or .jpg for a picture or a video's first frame.
    #[arg(short, long)]
    pub output: Option<PathBuf>,

    /// One record a frame: JSON lines, or CSV where the name ends in .csv.
    #[arg(short, long)]
    pub records: Option<PathBuf>,

    /// PNG of the frame with the most faces, seen most surely.
    #[arg(short, long)]
    pub still: Option<PathBuf>,

    /// ONNX file of another network.
    #[arg(long)]
    pub model: Option<PathBuf>,

    /// auto, builtin, onnxruntime or tensorrt.
    #[arg(long, default_value = "auto")]
    pub engine: String,

    /// Smallest face: up to 1 a share of the frame's height, above 1 pixels, at most 16384.
    #[arg(long, allow_negative_numbers = true, value_parser = min_size)]
    pub min_size: Option<f64>,

    /// Draw a bar for every expression.
    #[arg(long)]
    pub bars: bool,

    /// Stop after this many seconds of input.
    #[arg(long)]
    pub seconds: Option<f64>,
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
