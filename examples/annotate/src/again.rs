//! What goes on when a stream or camera breaks off and comes again: its records, its best frame,
//! and the numbers of frames and people.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Result;
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use crate::args::Args;
use crate::checks::is_standard_output;
use crate::draft::Draft;
use crate::job;
use crate::records::Records;
use crate::watch::Seen;

/// An input that failed by itself, as a camera that is switched off. The next try may succeed.
#[derive(Debug)]
pub struct InputFailed(String);

/// The same with what is said of it.
pub fn input_failed(text: String) -> anyhow::Error {
    InputFailed(text).into()
}

impl std::fmt::Display for InputFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InputFailed {}

/// The frame with the most faces, and how many it has, how surely.
#[derive(Debug, Clone, Default)]
pub struct Best {
    /// Drawn on.
    pub sample: Option<gst::Sample>,
    /// Of two frames that with the higher one is better.
    pub score: f64,
}

/// What came before.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Frames.
    pub frames: u64,
    /// Nanoseconds since the first frame's connection was begun.
    pub time: u64,
    /// The highest number that a face had.
    pub people: i32,
    /// The best frame.
    pub best: Best,
}

/// Outputs that go on when the connection has ended.
pub struct Again {
    records: Option<(Draft, PathBuf)>,
    still: Option<(Draft, PathBuf)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Option<Records>,
    before: Before,
    /// When the first connection began that gave frames.
    begun: Option<Instant>,
}

impl Again {
    /// What `args` want of a stream.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn new(args: &Args, interrupted: &AtomicBool) -> Result<Self> {
        let draft =
            |path: &PathBuf| Ok::<_, anyhow::Error>((Draft::of_stream(path)?, path.clone()));
        let to_file = |path: &&PathBuf| !is_standard_output(Some(path));
        let records = args
            .records
            .as_ref()
            .filter(to_file)
            .map(draft)
            .transpose()?;
        let still = args.still.as_ref().map(draft).transpose()?;
        let opened = match (&records, &args.records) {
            (Some((draft, name)), _) => Some(Records::to_draft(draft, name, interrupted)?),
            (None, Some(_)) => Some(Records::to_standard_output()?),
            (None, None) => None,
        };
        let state = Mutex::new(State {
            records: opened,
            ..State::default()
        });
        Ok(Self {
            records,
            still,
            state,
        })
    }

    /// Whether the best frame is to be kept.
    pub fn wants_still(&self) -> bool {
        self.still.is_some()
    }

    /// What the records are called.
    pub fn records_name(&self) -> &Path {
        let name = self.records.as_ref().map(|(_, name)| name.as_path());
        name.unwrap_or(Path::new("-"))
    }

    /// What the next connection goes on from.
    pub fn begin(&self) -> (Option<Records>, Before) {
        let mut state = self.state.lock().unwrap();
        let begun = *state.begun.get_or_insert_with(Instant::now);
        let mut before = state.before.clone();
        if before.frames > 0 {
            before.time = begun.elapsed().as_nanos() as u64;
        } else {
            state.begun = Some(Instant::now());
        }
        (state.records.take(), before)
    }

    /// What a connection has come to.
    pub fn end(&self, records: Option<Records>, seen: &Seen) {
        let mut state = self.state.lock().unwrap();
        state.records = records;
        let before = &mut state.before;
        before.frames += seen.frames;
        before.people = before
            .people
            .max(seen.people.iter().copied().max().unwrap_or(0));
        before.best = seen.best.clone();
    }

    /// Frames of all connections.
    pub fn frames(&self) -> u64 {
        self.state.lock().unwrap().before.frames
    }

    /// Gives the outputs their names.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn finish(self, interrupted: &AtomicBool) -> Result<()> {
        let state = self.state.into_inner().unwrap();
        if let (Some((draft, name)), Some(sample)) = (&self.still, &state.before.best.sample) {
            job::write_still(interrupted, draft, name, sample)?;
        }
        let drafts = [self.records, self.still].into_iter().flatten();
        drafts.map(|(draft, _)| draft).try_for_each(Draft::finish)
    }

    /// Keeps what there is where no more can be written; says where.
    pub fn keep(self) -> String {
        let drafts = [self.records, self.still].into_iter().flatten();
        job::keep(drafts.map(|(draft, _)| draft))
    }
}

/// Without a picture for so long a connection is given up: who is switched off says nothing.
pub const SILENCE: Duration = Duration::from_secs(30);

/// When something of an input moved last.
pub struct Motion {
    frames: u64,
    latest: Instant,
}

impl Motion {
    /// At the start.
    pub fn new() -> Self {
        Self {
            frames: 0,
            latest: Instant::now(),
        }
    }

    /// How long nothing has moved; `frames` have passed. What waits to be looked at has come,
    /// however long that takes.
    pub fn rest(&mut self, pipeline: &gst::Pipeline, frames: u64) -> Duration {
        let entry = pipeline.by_name("entry");
        let waiting: u32 = entry.map_or(0, |entry| entry.property("current-level-buffers"));
        if self.frames != frames || waiting > 0 {
            self.frames = frames;
            self.latest = Instant::now();
        }
        self.latest.elapsed()
    }
}

/// Lets numbers of faces go on behind `people` of an earlier connection.
pub fn number_on(detect: &gst::Element, people: i32) {
    if people == 0 {
        return;
    }
    let pad = detect.static_pad("src").expect("detectors have a source");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            let metas = buffer
                .make_mut()
                .iter_meta_mut::<VideoRegionOfInterestMeta>();
            for mut meta in metas {
                let id = meta.id();
                if id > 0 {
                    meta.set_id(id.saturating_add(people));
                }
            }
        }
        gst::PadProbeReturn::Ok
    });
}
