//! An input of the live page, from its start to its end and, for streams and cameras, again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use gst::prelude::*;
use hyper::body::Bytes;

use super::hub::{Hub, Status};
use crate::again::{Again, InputFailed};
use crate::args::Args;
use crate::job::{self, Job, Live};
use crate::pipeline::Annotator;
use crate::progress::Progress;
use crate::watch;

/// Between a failure and the first new try; later ones are further apart.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Shows input `number` of the command line. Streams and cameras that fail are tried again; what
/// is written of them goes on, but for the copy, of which each connection has its own.
///
/// # Errors
/// When it is a file that can't be shown, or what was to be written of it can't be.
pub fn run(
    args: &Args,
    number: usize,
    hub: &Arc<Hub>,
    interrupted: &Arc<AtomicBool>,
) -> Result<()> {
    let input = &args.inputs[number];
    let is_stream = input.contains("://") || input.starts_with("/dev/");
    let is_file = !is_stream || crate::checks::path(input).is_file();
    let again = match is_file {
        true => None,
        false => Some(Again::new(args, interrupted)?),
    };
    let job = Job {
        args,
        input,
        output: args.output.clone(),
        records: args.records.clone().filter(|_| is_file),
        still: args.still.clone().filter(|_| is_file),
        one_of_many: false,
        small: false,
        clip: false,
        live: Some(Live {
            hub: hub.clone(),
            number,
            again: again.as_ref(),
        }),
    };
    let ended = show(&job, hub, number, interrupted);
    let seen = again.as_ref().map_or(0, Again::frames);
    match (ended, again) {
        (Ok(()), Some(again)) => again.finish(interrupted),
        // The last connection had nothing to give, but others had.
        (Err(why), Some(again)) if seen > 0 && why.is::<InputFailed>() => again.finish(interrupted),
        (Err(why), Some(again)) if seen > 0 => Err(anyhow!("{why:#}{}", again.keep())),
        (ended, _) => ended,
    }
}

/// Runs pipelines until one ends as it should or the run is interrupted.
fn show(job: &Job, hub: &Arc<Hub>, number: usize, interrupted: &Arc<AtomicBool>) -> Result<()> {
    let writes = [&job.args.output, &job.args.records, &job.args.still];
    let writes = writes.iter().any(|path| path.is_some());
    let mut pause = FIRST_PAUSE;
    let mut progress = Progress::none();
    loop {
        let started = Instant::now();
        let ended = job::run(job, interrupted, &mut progress);
        if interrupted.load(Ordering::Relaxed) {
            // Nothing is lost of what was only looked at.
            return if writes { ended.map(|_| ()) } else { Ok(()) };
        }
        let Err(why) = ended else {
            hub.end(number, Status::Ended);
            return Ok(());
        };
        // Where a file lies is for nobody else.
        let shown = format!("{why:#}");
        let shown = shown.replace(&watch::name(job.input), &hub.cameras[number].name);
        hub.end(number, Status::Failed(shown));
        let is_stream = job.live.as_ref().is_some_and(|live| live.again.is_some());
        if !is_stream || !why.is::<InputFailed>() {
            return Err(why);
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        let again = Instant::now() + pause;
        while Instant::now() < again {
            if interrupted.load(Ordering::Relaxed) {
                return if writes { Err(why) } else { Ok(()) };
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Tells the hub of all that passes.
pub fn attach(annotator: &Annotator, hub: &Arc<Hub>, number: usize) {
    let pad = annotator
        .overlay
        .static_pad("src")
        .expect("overlays have a source");
    let shared = hub.clone();
    let run = hub.begin(number);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer() {
            let faces = gstfer::meta::faces(buffer, &[gstfer::meta::FACE.to_owned()]);
            let start = watch::stream_time(pad, buffer);
            let length = buffer.duration().map_or(0, gst::ClockTime::nseconds);
            let end = start.map(|start| start + length);
            shared.frame(number, run, &faces, (start, end));
        }
        gst::PadProbeReturn::Ok
    });
    let view = annotator.pipeline.by_name("view");
    let view = view.and_downcast::<gst_app::AppSink>();
    let view = view.expect("live pipelines have a view");
    let show = {
        let hub = hub.clone();
        move |sample: gst::Sample| {
            let map = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok());
            if let Some(map) = map {
                let picture = Bytes::copy_from_slice(&map);
                hub.cameras[number].picture.send_replace(picture);
            }
            Ok(gst::FlowSuccess::Ok)
        }
    };
    let first = show.clone();
    view.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_preroll(move |sink| match sink.pull_preroll() {
                Ok(sample) => first(sample),
                Err(_) => Err(gst::FlowError::Eos),
            })
            .new_sample(move |sink| match sink.pull_sample() {
                Ok(sample) => show(sample),
                Err(_) => Err(gst::FlowError::Eos),
            })
            .build(),
    );
}
