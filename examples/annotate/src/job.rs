//! One input to its outputs, which appear when all of it has succeeded.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::args::Args;
use crate::checks::is_standard_output;
use crate::draft::Draft;
use crate::output::Output;
use crate::pipeline::{self, Annotator, Ends};
use crate::progress::Progress;
use crate::records::Records;
use crate::report::Clip;
use crate::serve::{self, Hub};
use crate::watch::{self, Seen, Wanted};

/// How long an interrupted run has for the end of its files.
const PATIENCE: Duration = Duration::from_millis(1500);

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
    /// Whether a report wants to know what was seen.
    pub clip: bool,
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

/// The outputs while they are written.
struct Drafts {
    output: Option<Draft>,
    records: Option<Draft>,
    still: Option<Draft>,
}

impl Drafts {
    fn new(job: &Job) -> Result<Self> {
        let draft = |path: &Option<PathBuf>| path.as_deref().map(Draft::new).transpose();
        let to_file = |path: &&PathBuf| !is_standard_output(Some(path));
        Ok(Self {
            output: draft(&job.output)?,
            records: draft(&job.records.iter().find(to_file).cloned())?,
            still: draft(&job.still)?,
        })
    }

    fn finish(self) -> Result<()> {
        [self.output, self.records, self.still]
            .into_iter()
            .flatten()
            .try_for_each(Draft::finish)
    }

    /// Keeps what can't be had again; says where it is.
    fn keep(self) -> String {
        let kept = [self.output, self.records].into_iter().flatten();
        let kept: Vec<String> = kept
            .filter_map(|draft| Some(draft.keep()?.display().to_string()))
            .collect();
        match &kept[..] {
            [] => String::new(),
            kept => format!(" (what came before is in {})", kept.join(" and ")),
        }
    }
}

/// Does it.
///
/// # Errors
/// When anything of it fails. What the outputs were before is there still.
pub fn run(job: &Job, interrupted: &Arc<AtomicBool>, progress: &mut Progress) -> Result<Done> {
    let encoding = job.output.as_deref().map(Output::new).transpose()?;
    // What can't work is said before anything is written.
    let mut ends = Ends {
        input: job.input,
        output: None,
        live: job.live.is_some(),
    };
    let drafts = Drafts::new(job)?;
    ends.output = encoding.zip(drafts.output.as_ref().map(Draft::path));
    let annotator = pipeline::build(job.args, &ends)?;
    let records = match (&job.records, &drafts.records) {
        (Some(name), Some(draft)) => Some(Records::create(draft.path(), name)),
        (Some(_), None) => Some(Records::to_standard_output()),
        (None, _) => None,
    };
    let wanted = Wanted {
        records: records.transpose()?,
        still: job.still.is_some(),
        clip: job.clip,
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
    if let Err(why) = outcome {
        // Nobody can take a stream again.
        let is_file = crate::checks::path(job.input).is_file();
        let kept = match seen.frames {
            0 => String::new(),
            _ if is_file => String::new(),
            _ => drafts.keep(),
        };
        bail!("{why:#}{kept}");
    }
    if let Some(why) = seen.failure.take() {
        return Err(why.context("what was seen could not be written"));
    }
    if seen.frames == 0 && interrupted.load(Ordering::Relaxed) {
        bail!("stopped before the first picture of {}", job.input);
    }
    if seen.frames == 0 {
        bail!("{}: no picture in it", job.input);
    }
    if let (Some(draft), Some(path), Some(sample)) = (&drafts.still, &job.still, &seen.still) {
        write_still(sample, path, draft.path()).with_context(|| path.display().to_string())?;
    }
    drafts.finish()?;
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

/// Writes a frame to `file` as the kind of picture that `name` ends in.
fn write_still(sample: &gst::Sample, name: &Path, file: &Path) -> Result<()> {
    let end = name.extension().map(|end| end.to_ascii_lowercase());
    let kind = match end {
        Some(end) if end == "png" => "image/png",
        _ => "image/jpeg",
    };
    let caps = gst::Caps::new_empty_simple(kind);
    let picture = gst_video::convert_sample(sample, &caps, Some(gst::ClockTime::from_seconds(20)))?;
    let map = picture.buffer().context("no still")?.map_readable()?;
    Ok(std::fs::write(file, &map)?)
}

/// Runs the pipeline to its end, to `--seconds`, or until Ctrl-C; the file is closed
/// properly in each case.
fn play(
    annotator: &Annotator,
    job: &Job,
    seen: &Arc<Mutex<Seen>>,
    interrupted: &AtomicBool,
    progress: &mut Progress,
) -> Result<()> {
    let pipeline = &annotator.pipeline;
    let bus = pipeline.bus().expect("pipelines have a bus");
    // Opening may hang, as at a pipe that nobody writes into.
    let (starting, started) = std::sync::mpsc::channel();
    pipeline.call_async(move |pipeline| {
        // Nobody listens any more where the run has ended.
        let _ = starting.send(pipeline.set_state(gst::State::Playing));
    });
    // When the end was asked for.
    let mut ending: Option<Instant> = None;
    loop {
        let wait = gst::ClockTime::from_mseconds(100);
        let message =
            bus.timed_pop_filtered(wait, &[gst::MessageType::Eos, gst::MessageType::Error]);
        if let Some(message) = message {
            return match message.view() {
                gst::MessageView::Error(error) => Err(failure(job, error)),
                _ => Ok(()),
            };
        }
        if let Ok(Err(why)) = started.try_recv() {
            // It has said why, perhaps only just now.
            let said = bus.pop_filtered(&[gst::MessageType::Error]);
            return Err(match said.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => failure(job, error),
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
                bail!("stopped before {} was at its end", job.input);
            }
            _ => {}
        }
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
pub fn about_input(input: &str, error: &gst::message::Error) -> anyhow::Error {
    let ours = error
        .src()
        .is_some_and(|s| ["detect", "classify", "overlay"].contains(&s.name().as_str()));
    // Sources say so of all that happens behind them.
    let is_vague = error.error().matches(gst::StreamError::Failed)
        && error
            .debug()
            .is_some_and(|said| said.contains("streaming stopped"));
    match (ours, is_vague) {
        (true, _) => anyhow::anyhow!("{}", error.error()),
        (_, true) => anyhow::anyhow!("{input}: damaged, or of a kind that can't be read"),
        _ => anyhow::anyhow!("{input}: {}", error.error()),
    }
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
