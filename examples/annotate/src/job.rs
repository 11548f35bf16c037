//! One input to its outputs, which appear when all of it has succeeded.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
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

    fn all(&mut self) -> [&mut Option<Draft>; 3] {
        [&mut self.output, &mut self.records, &mut self.still]
    }

    /// Gives all of them their names; after a failure those that have none are here still.
    fn finish(&mut self) -> Result<()> {
        let drafts = self.all().into_iter();
        drafts.filter_map(Option::take).try_for_each(Draft::finish)
    }

    /// Keeps what can't be had again; says where it is.
    fn keep(&mut self) -> String {
        let kept = self.all().into_iter().filter_map(Option::take);
        let kept: Vec<String> = kept
            .filter_map(|draft| Some(draft.keep()?.display().to_string()))
            .collect();
        match &kept[..] {
            [] => String::new(),
            kept => format!(" (what came before is in {})", kept.join(" and ")),
        }
    }
}

/// How a pipeline ended that did not fail.
#[derive(Clone, Copy)]
enum Ending {
    /// With its input, at `--seconds`, or by Ctrl-C where the input has no end of its own.
    Whole,
    /// By Ctrl-C, before its input's end.
    Stopped,
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

/// Does what may wait for others, as for who reads a pipe, but not when the run is interrupted.
fn waiting<T: Send + 'static>(
    interrupted: &AtomicBool,
    output: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let output = output.display();
    let (working, worked) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more where the run has ended.
        let _ = working.send(work());
    });
    let since = Instant::now();
    loop {
        match worked.recv_timeout(Duration::from_millis(50)) {
            Ok(result) => return result.with_context(|| output.to_string()),
            Err(RecvTimeoutError::Disconnected) => bail!("{output}: it can't be written"),
            Err(RecvTimeoutError::Timeout)
                if interrupted.load(Ordering::Relaxed) && since.elapsed() > PATIENCE =>
            {
                bail!("stopped while nobody read {output}")
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
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

/// Runs the pipeline to its end, to `--seconds`, or until Ctrl-C; the file is closed
/// properly in each case.
fn play(
    annotator: &Annotator,
    job: &Job,
    seen: &Arc<Mutex<Seen>>,
    interrupted: &AtomicBool,
    progress: &mut Progress,
) -> Result<Ending> {
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
    let mut stopped = false;
    let mut has_end = crate::checks::path(job.input).is_file();
    let mut length: Option<gst::ClockTime> = None;
    loop {
        let wait = gst::ClockTime::from_mseconds(100);
        let message =
            bus.timed_pop_filtered(wait, &[gst::MessageType::Eos, gst::MessageType::Error]);
        if let Some(message) = message {
            return match message.view() {
                gst::MessageView::Error(error) => Err(failure(job, error)),
                _ if stopped && has_end => Ok(Ending::Stopped),
                _ if ending.is_none() => {
                    warn_of_cut(job, &seen.lock().unwrap(), length);
                    Ok(Ending::Whole)
                }
                _ => Ok(Ending::Whole),
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

/// Warns where the pictures end well before the input says that it does: players read a file that
/// is cut off without a word.
fn warn_of_cut(job: &Job, seen: &Seen, length: Option<gst::ClockTime>) {
    let (Some(length), Some(time)) = (length, seen.time) else {
        return;
    };
    let end = gst::ClockTime::from_nseconds(time);
    // Sound is often a little longer, and the last picture has a duration.
    let missing = length.saturating_sub(end);
    if missing > gst::ClockTime::SECOND && missing > length / 20 {
        eprintln!(
            "warning: the pictures of {} end at {end:.1} of {length:.1}: it may be cut off",
            watch::name(job.input)
        );
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
    let input = watch::name(input);
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
