//! A pipeline from its start to its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fer_cli::one_line;
use gst::prelude::*;

use super::standstill::Standstill;
use super::{Job, PATIENCE, UNWRITTEN};
use crate::pipeline::Annotator;
use crate::progress::Progress;
use crate::watch::{self, Seen};

/// What is listened to.
const MESSAGES: [gst::MessageType; 3] = [
    gst::MessageType::Eos,
    gst::MessageType::Error,
    gst::MessageType::Warning,
];

/// What is said of an input where GStreamer knows no more.
const UNREADABLE: &str = "damaged, or of a kind that can't be read";

/// How a pipeline ended that did not fail.
#[derive(Clone, Copy)]
pub enum Ending {
    /// With its input, at `--seconds`, or by Ctrl-C where the input has no end of its own.
    Whole,
    /// By Ctrl-C, before its input's end.
    Stopped,
}

/// Runs the pipeline to its end, to `--seconds`, or until Ctrl-C; the file is closed
/// properly in each case.
pub fn play(
    annotator: &Annotator,
    job: &Job,
    seen: &Arc<Mutex<Seen>>,
    interrupted: &AtomicBool,
    progress: &mut Progress,
) -> Result<Ending> {
    let pipeline = &annotator.pipeline;
    let bus = pipeline.bus().expect("pipelines have a bus");
    let mut standstill = Standstill::new(pipeline);
    // Opening may hang, as at a pipe that nobody writes into.
    let (starting, started) = std::sync::mpsc::channel();
    pipeline.call_async(move |pipeline| {
        // Nobody listens any more where the run has ended.
        let _ = starting.send(pipeline.set_state(gst::State::Playing));
    });
    // When the end was asked for.
    let mut ending: Option<Instant> = None;
    let mut stopped = false;
    let is_file = crate::checks::path(job.input).is_file();
    let (mut has_end, mut has_started) = (is_file, false);
    let mut length: Option<gst::ClockTime> = None;
    loop {
        let wait = gst::ClockTime::from_mseconds(100);
        let message = bus.timed_pop_filtered(wait, &MESSAGES);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => return Err(failure(job, error)),
            Some(gst::MessageView::Warning(warning)) => warn(warning, progress),
            Some(_) if stopped && has_end => return Ok(Ending::Stopped),
            Some(_) => {
                if ending.is_none() {
                    warn_of_cut(job, &seen.lock().unwrap(), length, progress);
                }
                return Ok(Ending::Whole);
            }
            None => (),
        }
        match started.try_recv() {
            Ok(Err(why)) => {
                // It has said why, perhaps only just now.
                let said = bus.pop_filtered(&[gst::MessageType::Error]);
                return Err(match said.as_ref().map(|message| message.view()) {
                    Some(gst::MessageView::Error(error)) => failure(job, error),
                    _ => anyhow::Error::new(why).context("the pipeline does not start"),
                });
            }
            Ok(Ok(_)) => has_started = true,
            Err(_) => (),
        }
        let position = pipeline.query_position::<gst::ClockTime>();
        length = pipeline.query_duration::<gst::ClockTime>().or(length);
        let position = position.map_or(Duration::ZERO, Duration::from);
        has_end |= length.is_some();
        let (frames, failed) = {
            let mut seen = seen.lock().unwrap();
            (seen.frames, seen.failure.take())
        };
        if let Some(why) = failed {
            return Err(why.context(UNWRITTEN));
        }
        if frames == 0 && is_file && has_started && standstill.is_reached() {
            bail!("{}: {UNREADABLE}", watch::name(job.input));
        }
        progress.update(position, length.map(Duration::from), frames);
        let interrupted = interrupted.load(Ordering::Relaxed);
        match ending {
            None if interrupted || annotator.enough.load(Ordering::Relaxed) => {
                ending = Some(Instant::now());
                stopped = interrupted && !annotator.enough.load(Ordering::Relaxed);
                pipeline.call_async(|pipeline| {
                    pipeline.send_event(gst::event::Eos::new());
                });
            }
            Some(since) if interrupted && since.elapsed() > PATIENCE => {
                bail!("stopped before {} was at its end", watch::name(job.input));
            }
            _ => {}
        }
    }
}

/// Tells what our own elements warn of, such as of servers that don't answer. Others warn of what
/// is no matter.
fn warn(warning: &gst::message::Warning, progress: &mut Progress) {
    if is_ours(warning.src()) {
        let debug = warning.debug().unwrap_or_default();
        // Behind the place in the source.
        let why = debug.split_once('\n').map_or("", |(_, why)| why);
        let why = match why {
            "" => String::new(),
            why => format!(" ({})", one_line(why)),
        };
        progress.warn(&warning.error().to_string(), &why);
    }
}

/// Whether a message is of an element of ours.
fn is_ours(source: Option<&gst::Object>) -> bool {
    source.is_some_and(|s| ["detect", "classify", "overlay"].contains(&s.name().as_str()))
}

/// Warns where the pictures end well before the input says that it does: players read a file that
/// is cut off without a word.
fn warn_of_cut(job: &Job, seen: &Seen, length: Option<gst::ClockTime>, progress: &mut Progress) {
    let (Some(length), Some(time)) = (length, seen.time) else {
        return;
    };
    let end = gst::ClockTime::from_nseconds(time);
    // Sound is often a little longer, and the last picture has a duration.
    let missing = length.saturating_sub(end);
    if missing > gst::ClockTime::SECOND && missing > length / 20 {
        let what = format!(
            "the pictures of {} end at {end:.1} of {length:.1}: it may be cut off",
            watch::name(job.input)
        );
        progress.warn(&what, "");
    }
}

/// An error of the pipeline, with the file that it is about.
fn failure(job: &Job, error: &gst::message::Error) -> anyhow::Error {
    let writing = error
        .src()
        .is_some_and(|s| s.name().starts_with("filesink"));
    match (&job.output, writing) {
        (Some(output), true) => anyhow::anyhow!("{}: {}", output.display(), error.error()),
        _ => about_input(job.input, error),
    }
}

/// An error of the pipeline that reads `input`.
fn about_input(input: &str, error: &gst::message::Error) -> anyhow::Error {
    let input = watch::name(input);
    // Sources say so of all that happens behind them.
    let is_vague = error.error().matches(gst::StreamError::Failed)
        && error
            .debug()
            .is_some_and(|said| said.contains("streaming stopped"));
    match (is_ours(error.src()), is_vague) {
        (true, _) => anyhow::anyhow!("{}", error.error()),
        (_, true) => anyhow::anyhow!("{input}: {UNREADABLE}"),
        _ => anyhow::anyhow!("{input}: {}", error.error()),
    }
}
