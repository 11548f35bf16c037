//! One input to its outputs, which appear when all of it has succeeded.

mod drafts;
mod play;
mod standstill;
mod waiting;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gst::prelude::*;

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
use play::{Ending, play};
use waiting::waiting;

/// How long an interrupted run has for the end of its files.
const PATIENCE: Duration = Duration::from_millis(1500);

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
    /// The live page, and the input's number there.
    pub live: Option<(Arc<Hub>, usize)>,
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
        anyhow::anyhow!("{text}")
    })
}

fn annotate(job: &Job, interrupted: &AtomicBool, progress: &mut Progress) -> Result<Done> {
    let encoding = job.output.as_deref().map(Output::new).transpose()?;
    // What can't work is said before anything is written.
    let mut ends = Ends {
        input: job.input,
        output: None,
        live: job.live.is_some(),
    };
    let mut drafts = Drafts::new(job)?;
    ends.output = encoding.zip(drafts.output.as_ref().map(Draft::path));
    let annotator = pipeline::build(job.args, &ends)?;
    let records = match (&job.records, &drafts.records) {
        (Some(name), Some(draft)) => {
            let path = draft.path().to_owned();
            let file = waiting(interrupted, name, move || Ok(File::create(path)?))?;
            Some(Records::to_file(file, name))
        }
        (Some(_), None) => Some(Records::to_standard_output()),
        (None, _) => None,
    };
    let wanted = Wanted {
        records: records.transpose()?,
        still: job.still.is_some(),
        clip: job.clip,
        small: job.small,
    };
    let seen = watch::watch(&annotator, wanted, job.input);
    if let Some((hub, number)) = &job.live {
        serve::attach(&annotator, hub, *number);
    }

    let start = Instant::now();
    let outcome = play(&annotator, job, &seen, interrupted, progress);
    let wall = start.elapsed();
    let stages = stages(&annotator);
    let stats: gst::Structure = annotator.classify.property("stats");
    if outcome.is_ok() {
        // A pipeline that refuses to stop has nothing left to lose.
        let _ = annotator.pipeline.set_state(gst::State::Null);
    } else {
        // A source that hangs may never stop, and the program ends anyway.
        annotator.pipeline.call_async(|pipeline| {
            let _ = pipeline.set_state(gst::State::Null);
        });
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
        bail!("{why:#}{kept}");
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
        bail!("stopped before the first picture of {input}");
    }
    if seen.frames == 0 {
        bail!("{input}: no picture in it");
    }
    if matches!(ending, Ending::Stopped) {
        bail!("stopped before {input} was at its end");
    }
    if let (Some(draft), Some(path), Some(sample)) = (&drafts.still, &job.still, &seen.still) {
        let picture = encoded(sample, path).with_context(|| path.display().to_string())?;
        let file = draft.path().to_owned();
        waiting(interrupted, path, move || {
            Ok(std::fs::write(file, picture.map_readable()?)?)
        })?;
    }
    drafts.finish()
}

/// A frame as the kind of picture that `name` ends in.
fn encoded(sample: &gst::Sample, name: &Path) -> Result<gst::Buffer> {
    let end = name.extension().map(|end| end.to_ascii_lowercase());
    let kind = match end {
        Some(end) if end == "png" => "image/png",
        _ => "image/jpeg",
    };
    let caps = gst::Caps::new_empty_simple(kind);
    let picture = gst_video::convert_sample(sample, &caps, Some(gst::ClockTime::from_seconds(20)))?;
    picture.buffer_owned().context("no still")
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
