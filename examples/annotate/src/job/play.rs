//! A pipeline from its start to its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use gst::prelude::*;

use super::arrivals::Arrivals;
use super::standstill::Standstill;
use super::trouble::{UNREADABLE, failure, is_endless, warn, warn_of_cut};
use super::{Job, PATIENCE, UNWRITTEN};
use crate::again::{Motion, SILENCE, input_failed};
use crate::pipeline::Annotator;
use crate::progress::Progress;
use crate::watch::{self, Seen};

/// What is listened to.
const MESSAGES: [gst::MessageType; 3] = [
    gst::MessageType::Eos,
    gst::MessageType::Error,
    gst::MessageType::Warning,
];

/// How long the end of an input may take, however much is on its way.
const LONGEST: Duration = Duration::from_secs(10);

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
    let arrivals = Arrivals::of(pipeline);
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
    let mut has_end = is_file;
    // Since when networks are loaded, which may take minutes. Sources are opened behind them.
    let mut opened: Option<Instant> = None;
    let mut length: Option<gst::ClockTime> = None;
    // What had arrived when the source said that the other side was gone. Then comes an end like any
    // other, or more, as by TCP where UDP does not get through.
    let mut cut: Option<u64> = None;
    let mut motion = Motion::new();
    // What was only looked at needs no end.
    let is_in_vain = job.live.is_some() && job.output.is_none();
    loop {
        let wait = gst::ClockTime::from_mseconds(100);
        let message = bus.timed_pop_filtered(wait, &MESSAGES);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => {
                return Err(failure(job, &seen.lock().unwrap(), error));
            }
            Some(gst::MessageView::Warning(warning)) => {
                if warning.error().matches(gst::ResourceError::Read) {
                    cut = Some(arrivals.count());
                }
                warn(warning, progress);
            }
            Some(_) if stopped && has_end => return Ok(Ending::Stopped),
            Some(_)
                if ending.is_none()
                    && (cut == Some(arrivals.count())
                        || is_endless(job, &seen.lock().unwrap(), length)) =>
            {
                let input = watch::name(job.input);
                return Err(input_failed(format!("{input}: the stream has ended")));
            }
            Some(_) => {
                if ending.is_none() && annotator.to_the_end {
                    warn_of_cut(job, &seen.lock().unwrap(), length, progress);
                }
                return Ok(Ending::Whole);
            }
            None => (),
        }
        if let Ok(Err(why)) = started.try_recv() {
            // It has said why, perhaps only just now.
            let said = bus.pop_filtered(&[gst::MessageType::Error]);
            return Err(match said.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => failure(job, &seen.lock().unwrap(), error),
                _ => input_failed(format!("the pipeline does not start: {why}")),
            });
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
        if opened.is_none() && annotator.detect.current_state() >= gst::State::Paused {
            opened = Some(Instant::now());
        }
        let open = opened.map_or(Duration::ZERO, |opened| opened.elapsed());
        if is_file && standstill.is_reached(arrivals.count(), open) {
            let input = watch::name(job.input);
            return Err(input_failed(format!("{input}: {UNREADABLE}")));
        }
        let rest = motion.rest(pipeline, frames);
        if job.again().is_some() && ending.is_none() && rest.min(open) > SILENCE {
            let (input, seconds) = (watch::name(job.input), SILENCE.as_secs());
            return Err(input_failed(format!(
                "{input}: nothing came for {seconds} s"
            )));
        }
        progress.update(position, length.map(Duration::from), frames);
        let interrupted = interrupted.load(Ordering::Relaxed);
        match ending {
            None if interrupted || annotator.enough.load(Ordering::Relaxed) => {
                ending = Some(Instant::now());
                stopped = interrupted && !annotator.enough.load(Ordering::Relaxed);
                if let Some(door) = &annotator.door {
                    door.open();
                }
                pipeline.call_async(|pipeline| {
                    pipeline.send_event(gst::event::Eos::new());
                });
            }
            Some(since) if interrupted && (is_in_vain || is_stuck(since.elapsed(), rest)) => {
                let input = watch::name(job.input);
                return Err(input_failed(format!(
                    "stopped before {input} was at its end"
                )));
            }
            _ => {}
        }
    }
}

/// Whether the end that was asked for so long ago does not come: what is on its way, as the two
/// seconds that RTSP holds, may take some time.
fn is_stuck(since: Duration, rest: Duration) -> bool {
    since.min(rest) > PATIENCE || since > LONGEST
}
