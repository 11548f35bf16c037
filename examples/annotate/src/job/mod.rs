//! One input to its outputs, which appear when all of it has succeeded.

mod arrivals;
mod drafts;
mod play;
mod standstill;
mod still;
mod trouble;
mod waiting;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use gst::prelude::*;

use crate::again::{self, Again, Before, InputFailed, input_failed};
use crate::args::Args;
use crate::draft::Draft;
use crate::output::Output;
use crate::pipeline::{self, Annotator, Ends};
use crate::progress::Progress;
use crate::records::Records;
use crate::report::Clip;
use crate::serve::{self, Hub};
use crate::watch::{self, Seen, Wanted};
use drafts::Drafts;
pub use drafts::keep;
use play::{Ending, play};
pub use still::write_still;
pub use waiting::waiting;

/// How long an interrupted run has for the end of its files.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long the end of a failed run waits for the pipeline's.
const STOP: Duration = Duration::from_millis(400);

/// What fails with records and with pictures for the report.
const UNWRITTEN: &str = "what was seen could not be written";

/// What to do.
pub struct Job<'a> {
    /// All options.
    pub args: &'a Args,
    /// File, URI or camera.
    pub input: &'a str,
    /// Annotated copy.
    pub output: Option<PathBuf>,
    /// One record a frame.
    pub records: Option<PathBuf>,
    /// The best frame.
    pub still: Option<PathBuf>,
    /// Whether it is one of many, of which the next run does again what was not done.
    pub one_of_many: bool,
    /// Whether a report wants to know what was seen.
    pub clip: bool,
    /// Whether the report's stills are small, since there are many pictures.
    pub small: bool,
    /// The live page, if it is for that.
    pub live: Option<Live<'a>>,
}

impl<'a> Job<'a> {
    /// What goes on from the connection before.
    pub fn again(&self) -> Option<&'a Again> {
        self.live.as_ref().and_then(|live| live.again)
    }
}

/// What a live page has to do with a job.
pub struct Live<'a> {
    /// The page.
    pub hub: Arc<Hub>,
    /// The input's number there.
    pub number: usize,
    /// Of a stream that is tried again: what goes on from the connection before. Records and the
    /// best frame are written there instead.
    pub again: Option<&'a Again>,
}

/// What was done.
pub struct Done {
    /// Frames.
    pub frames: u64,
    /// Faces in them, one a frame and face.
    pub faces: u64,
    /// Numbers that faces had.
    pub people: usize,
    /// For the report.
    pub clip: Option<Clip>,
    /// Milliseconds a frame by stage.
    pub stages: Vec<(&'static str, f64)>,
    /// From the start to the end.
    pub wall: Duration,
}

/// Does it.
///
/// # Errors
/// When anything of it fails, or it is stopped before its input's end. What the outputs were
/// before is there still.
pub fn run(job: &Job, interrupted: &Arc<AtomicBool>, progress: &mut Progress) -> Result<Done> {
    annotate(job, interrupted, progress).map_err(|why| {
        // Addresses may have passwords in them, whoever it is that tells of them.
        let text = format!("{why:#}").replace(job.input, &watch::name(job.input));
        match why.is::<InputFailed>() {
            true => input_failed(text),
            false => anyhow::anyhow!("{text}"),
        }
    })
}

fn annotate(job: &Job, interrupted: &AtomicBool, progress: &mut Progress) -> Result<Done> {
    let encoding = job.output.as_deref().map(Output::new).transpose()?;
    // What can't work is said before anything is written.
    let mut ends = Ends {
        input: job.input,
        output: None,
        all: job.records.is_some() || job.still.is_some() || job.clip || job.live.is_some(),
        live: job.live.is_some(),
    };
    let mut drafts = Drafts::new(job)?;
    ends.output = encoding.zip(drafts.output.as_ref().map(Draft::path));
    let annotator = pipeline::build(job.args, &ends)?;
    let (records, before) = match job.again() {
        Some(again) => again.begin(),
        None => (open_records(job, &drafts, interrupted)?, Before::default()),
    };
    again::number_on(&annotator.detect, before.people);
    let records = Arc::new(Mutex::new(records));
    let wanted = Wanted {
        records: records.clone(),
        still: job.still.is_some() || job.again().is_some_and(Again::wants_still),
        clip: job.clip,
        small: job.small,
        before,
    };
    let seen = watch::watch(&annotator, wanted, job.input);
    if let Some(live) = &job.live {
        serve::attach(&annotator, &live.hub, live.number);
    }

    let start = Instant::now();
    let outcome = play(&annotator, job, &seen, interrupted, progress);
    let wall = start.elapsed();
    let stages = stages(&annotator);
    let stats: gst::Structure = annotator.classify.property("stats");
    let (stopping, stopped) = std::sync::mpsc::channel();
    annotator.pipeline.call_async(move |pipeline| {
        stop(pipeline);
        // Perhaps nobody waits.
        let _ = stopping.send(());
    });
    // What a failed run has started must not be torn down while the program ends. A source that
    // hangs may never stop; then it ends anyway.
    let _ = match outcome.is_ok() {
        true => stopped.recv().map_err(|_| ()),
        false => stopped.recv_timeout(STOP).map_err(|_| ()),
    };
    if let Some(again) = job.again() {
        // A frame may be on its way still; it comes too late now.
        let records = waiting(interrupted, again.records_name(), move || {
            Ok(records.lock().unwrap().take())
        })?;
        again.end(records, &seen.lock().unwrap());
    }
    let mut seen = seen.lock().unwrap();
    let stopped = matches!(outcome, Ok(Ending::Stopped));
    let finished =
        outcome.and_then(|ending| finish(job, &mut seen, &mut drafts, ending, interrupted));
    if let Err(why) = finished {
        // Nobody can take a stream again, and who stops a run may want what there is.
        let is_file = crate::checks::path(job.input).is_file();
        let is_wanted = !is_file || stopped && !job.one_of_many;
        let kept = match seen.frames {
            0 => String::new(),
            _ if is_wanted => drafts.keep(),
            _ => String::new(),
        };
        return Err(match why.is::<InputFailed>() {
            // The page is for others, too, and where files lie is not.
            true if job.again().is_some() && !kept.is_empty() => {
                progress.say(&format!("warning: {why}{kept}"));
                why
            }
            true => input_failed(format!("{why}{kept}")),
            false => anyhow::anyhow!("{why:#}{kept}"),
        });
    }
    let mut clip = seen.clip.take();
    if let Some(clip) = &mut clip {
        clip.engine = stats.get("engine").unwrap_or_default();
        if !clip.is_picture() {
            clip.tidy();
        }
    }
    Ok(Done {
        frames: seen.frames,
        faces: seen.faces,
        people: seen.people.len(),
        clip,
        stages,
        wall,
    })
}

/// The job's own records.
fn open_records(job: &Job, drafts: &Drafts, interrupted: &AtomicBool) -> Result<Option<Records>> {
    let records = match (&job.records, &drafts.records) {
        (Some(name), Some(draft)) => Some(Records::to_draft(draft, name, interrupted)?),
        (Some(_), None) => Some(Records::to_standard_output()?),
        (None, _) => None,
    };
    Ok(records)
}

/// Writes what is left to be written, and gives the outputs their names.
fn finish(
    job: &Job,
    seen: &mut Seen,
    drafts: &mut Drafts,
    ending: Ending,
    interrupted: &AtomicBool,
) -> Result<()> {
    if let Some(why) = seen.failure.take() {
        return Err(why.context(UNWRITTEN));
    }
    let input = watch::name(job.input);
    if seen.frames == 0 && interrupted.load(Ordering::Relaxed) {
        return Err(input_failed(format!(
            "stopped before the first picture of {input}"
        )));
    }
    if seen.frames == 0 {
        return Err(input_failed(format!("{input}: no picture in it")));
    }
    if matches!(ending, Ending::Stopped) {
        return Err(input_failed(format!(
            "stopped before {input} was at its end"
        )));
    }
    if let (Some(draft), Some(path), Some(sample)) = (&drafts.still, &job.still, &seen.best.sample)
    {
        write_still(interrupted, draft, path, sample)?;
    }
    drafts.finish()
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

/// Ends all that a pipeline has begun. `decodebin` of GStreamer 1.22 refuses to stop while it is
/// failing, and what is left of it then would complain on standard error when it is dropped.
fn stop(pipeline: &gst::Pipeline) {
    for _ in 0..10 {
        if pipeline.set_state(gst::State::Null).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
