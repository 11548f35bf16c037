//! `fer-annotate`: from any picture, file, stream or camera to an annotated copy and records.

mod args;
mod output;
mod pipeline;
mod progress;
mod records;
mod source;
mod still;
mod watch;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::args::Args;
use crate::pipeline::Annotator;
use crate::progress::Progress;
use crate::records::Records;
use crate::watch::Seen;

/// How long an interrupted run has for the end of its files.
const PATIENCE: Duration = Duration::from_millis(1500);

fn main() -> ExitCode {
    quiet_on_a_closed_pipe();
    let args = Args::of_command_line();
    match annotate(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // One line, however many the reason has.
            let text = format!("{why:#}").replace('\n', " ");
            eprintln!("fer-annotate: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the program end when nobody reads what it prints any more (`| head`), as other
/// programs do; Rust ignores the signal, and the next line would be a panic.
fn quiet_on_a_closed_pipe() {
    // SAFETY: no other thread runs yet, and the default action is always a valid one.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

fn annotate(args: &Args) -> Result<()> {
    if args
        .seconds
        .is_some_and(|seconds| seconds.is_nan() || seconds <= 0.0)
    {
        bail!("--seconds must be above 0");
    }
    let outputs = [&args.output, &args.records, &args.still];
    let outputs: Vec<&Path> = outputs.into_iter().flatten().map(|path| &**path).collect();
    let input = match gst::glib::filename_from_uri(&args.input) {
        Ok((path, _)) => path,
        Err(_) => PathBuf::from(&args.input),
    };
    for (i, output) in outputs.iter().enumerate() {
        if are_one(output, &input) {
            bail!("{}: input and output are the same file", output.display());
        }
        if args
            .model
            .as_ref()
            .is_some_and(|model| are_one(output, model))
        {
            bail!("{}: it is the model", output.display());
        }
        if outputs[..i].iter().any(|other| are_one(other, output)) {
            bail!("{}: it can't be two outputs", output.display());
        }
    }
    gst::init()?;
    source::prefer_what_tells_orientation();
    gstfer::plugin_register_static()?;
    let annotator = pipeline::build(args)?;
    let records = args.records.as_deref().map(Records::create).transpose()?;
    let seen = watch::watch(&annotator, records, &args.input, args.still.is_some());

    let start = Instant::now();
    let outcome = play(&annotator, args, &seen);
    let wall = start.elapsed();
    let stages = stages(&annotator);
    if outcome.is_ok() {
        // A pipeline that refuses to stop has nothing left to lose.
        let _ = annotator.pipeline.set_state(gst::State::Null);
    } else {
        // A source that hangs may never stop, and the program ends anyway.
        annotator.pipeline.call_async(|pipeline| {
            let _ = pipeline.set_state(gst::State::Null);
        });
    }
    outcome?;

    let mut seen = seen.lock().unwrap();
    if let Some(why) = seen.failure.take() {
        return Err(why.context("the records could not be written"));
    }
    if seen.frames == 0 {
        bail!("{}: no picture in it", args.input);
    }
    if let (Some(path), Some(sample)) = (&args.still, &seen.still) {
        let caps = gst::Caps::new_empty_simple("image/png");
        let png = gst_video::convert_sample(sample, &caps, Some(gst::ClockTime::from_seconds(20)))?;
        let map = png.buffer().context("no still")?.map_readable()?;
        std::fs::write(path, &map).with_context(|| path.display().to_string())?;
    }
    report(args, &seen, &stages, wall);
    Ok(())
}

/// Whether both names are of one file, which need not be there yet. One that is there may have
/// several names.
fn are_one(a: &Path, b: &Path) -> bool {
    let there = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    let place = |path: &Path| {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    match (there(a), there(b)) {
        (None, None) => place(a).is_some_and(|a| place(b) == Some(a)),
        (a, b) => a == b,
    }
}

/// Runs the pipeline to its end, to `--seconds`, or until Ctrl-C; the file is closed
/// properly in each case.
fn play(annotator: &Annotator, args: &Args, seen: &Arc<Mutex<Seen>>) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let pipeline = &annotator.pipeline;
    let bus = pipeline.bus().expect("pipelines have a bus");
    // Opening may hang, as at a pipe that nobody writes into.
    let (starting, started) = std::sync::mpsc::channel();
    pipeline.call_async(move |pipeline| {
        // Nobody listens any more where the run has ended.
        let _ = starting.send(pipeline.set_state(gst::State::Playing));
    });
    let mut progress = Progress::new();
    // When the end was asked for.
    let mut ending: Option<Instant> = None;
    loop {
        let wait = gst::ClockTime::from_mseconds(100);
        let message =
            bus.timed_pop_filtered(wait, &[gst::MessageType::Eos, gst::MessageType::Error]);
        if let Some(message) = message {
            progress.finish();
            return match message.view() {
                gst::MessageView::Error(error) => Err(failure(args, error)),
                _ => Ok(()),
            };
        }
        if let Ok(Err(why)) = started.try_recv() {
            // It has said why, perhaps only just now.
            let said = bus.pop_filtered(&[gst::MessageType::Error]);
            return Err(match said.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => failure(args, error),
                _ => anyhow::Error::new(why).context("the pipeline does not start"),
            });
        }
        let position = pipeline.query_position::<gst::ClockTime>();
        let length = pipeline.query_duration::<gst::ClockTime>();
        let position = position.map_or(Duration::ZERO, Duration::from);
        progress.update(
            position,
            length.map(Duration::from),
            seen.lock().unwrap().frames,
        );
        let interrupted = interrupted.load(Ordering::Relaxed);
        match ending {
            None if interrupted || annotator.enough.load(Ordering::Relaxed) => {
                ending = Some(Instant::now());
                pipeline.call_async(|pipeline| {
                    pipeline.send_event(gst::event::Eos::new());
                });
            }
            Some(since) if interrupted && since.elapsed() > PATIENCE => {
                progress.finish();
                bail!("stopped before {} was at its end", args.input);
            }
            _ => {}
        }
    }
}

/// An error of the pipeline, with the file that it is about.
fn failure(args: &Args, error: &gst::message::Error) -> anyhow::Error {
    let writing = error
        .src()
        .is_some_and(|s| s.name().starts_with("filesink"));
    let file = match (&args.output, writing) {
        (Some(output), true) => output.display().to_string(),
        _ => args.input.clone(),
    };
    anyhow::anyhow!("{file}: {}", error.error())
}

/// Milliseconds a frame by stage, from the elements' counters.
fn stages(annotator: &Annotator) -> Vec<(&'static str, f64)> {
    let sum = |element: &gst::Element, fields: &[&str]| {
        let stats: gst::Structure = element.property("stats");
        let frames = stats.get::<u64>("frames").unwrap_or(0).max(1);
        let total: u64 = fields.iter().map(|f| stats.get(*f).unwrap_or(0u64)).sum();
        total as f64 / 1e6 / frames as f64
    };
    let finding = ["scale-time", "scan-time", "track-time"];
    vec![
        ("detect", sum(&annotator.detect, &finding)),
        ("classify", sum(&annotator.classify, &["classify-time"])),
        ("draw", sum(&annotator.overlay, &["draw-time"])),
    ]
}

fn report(args: &Args, seen: &Seen, stages: &[(&str, f64)], wall: Duration) {
    let seconds = wall.as_secs_f64();
    println!(
        "{} frames in {seconds:.1} s ({:.0} a second), {} faces of {} numbers",
        seen.frames,
        seen.frames as f64 / seconds,
        seen.faces,
        seen.people.len()
    );
    let stages: Vec<String> = stages
        .iter()
        .map(|(name, ms)| format!("{name} {ms:.2}"))
        .collect();
    println!("ms a frame: {}", stages.join(", "));
    for (what, path) in [
        ("annotated", &args.output),
        ("records", &args.records),
        ("still", &args.still),
    ] {
        if let Some(path) = path {
            println!("{what}: {}", path.display());
        }
    }
}
