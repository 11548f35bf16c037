//! Progress on the terminal, with rate and time left; plain lines where it is no terminal.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far the work is.
pub struct Progress {
    bar: Option<ProgressBar>,
    silent: bool,
    started: Instant,
    printed: Instant,
    files: Option<Files>,
    /// What was warned of.
    warned: HashSet<String>,
}

/// Where there are several files: what is done of them.
struct Files {
    all: usize,
    done: usize,
    now: String,
}

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

impl Progress {
    /// Starts the clock, for one input.
    pub fn new() -> Self {
        Self::with("{wide_bar} {percent}%  {msg}  {eta} left", None)
    }

    /// Starts the clock, for several files.
    pub fn over(files: usize) -> Self {
        let files = Files {
            all: files,
            done: 0,
            now: String::new(),
        };
        let template = "{wide_bar} {pos} of {len} files  {msg}  {eta} left";
        Self::with(template, Some(files))
    }

    /// Shows nothing.
    pub fn none() -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            silent: true,
            started: now,
            printed: now,
            files: None,
            warned: HashSet::new(),
        }
    }

    fn with(template: &str, files: Option<Files>) -> Self {
        let length = files.as_ref().map_or(0, |files| files.all as u64);
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(length);
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.expect("the template is valid"));
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            silent: false,
            started: now,
            printed: now,
            files,
            warned: HashSet::new(),
        }
    }

    /// Tells that the next of several files is begun after `done` others.
    pub fn file(&mut self, name: &str, done: usize) {
        if let Some(files) = &mut self.files {
            files.now = name.to_owned();
            files.done = done;
            if let Some(bar) = &self.bar {
                bar.set_position(done as u64);
                bar.set_message(name.to_owned());
            }
        }
    }

    /// Prints a line that stays, above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Warns of something, with why; of the same thing once, however many files it is with.
    pub fn warn(&mut self, what: &str, why: &str) {
        if self.warned.insert(what.to_owned()) {
            self.say(&format!("warning: {what}{why}"));
        }
    }

    /// Tells the position in the input, its length where known, and the frames done.
    pub fn update(&mut self, position: Duration, length: Option<Duration>, frames: u64) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let rate = frames as f64 / elapsed.max(1e-3);
        if let Some(bar) = &self.bar {
            if let Some(files) = &self.files {
                bar.set_message(format!("{}, {frames} frames", files.now));
                return;
            }
            bar.set_length(length.unwrap_or(position).as_millis() as u64);
            bar.set_position(position.as_millis() as u64);
            bar.set_message(format!("{frames} frames, {rate:.0} a second"));
        } else if !self.silent && self.printed.elapsed() >= PAUSE {
            self.printed = Instant::now();
            if let Some(files) = &self.files {
                let Files { all, done, now } = files;
                eprintln!("{done} of {all} files done, {frames} frames of {now}");
                return;
            }
            let (at, end) = (position.as_secs_f64(), length.map(|l| l.as_secs_f64()));
            match end.filter(|end| *end > 0.0 && at > 0.0) {
                Some(end) => eprintln!(
                    "{at:.0} of {end:.0} s, {frames} frames, {rate:.0} a second, {:.0} s left",
                    (end - at).max(0.0) * elapsed / at
                ),
                None => eprintln!("{at:.0} s, {frames} frames, {rate:.0} a second"),
            }
        }
    }

    /// Clears the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
