//! Progress on the terminal, with rate and time left; plain lines where it is no terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far the work is.
pub struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
    printed: Instant,
}

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

impl Progress {
    /// Starts the clock.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{wide_bar} {percent}%  {msg}  {eta} left");
            bar.set_style(style.expect("the template is valid"));
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            started: now,
            printed: now,
        }
    }

    /// Tells the position in the input, its length where known, and the frames done.
    pub fn update(&mut self, position: Duration, length: Option<Duration>, frames: u64) {
        let elapsed = self.started.elapsed().as_secs_f64();
        let rate = frames as f64 / elapsed.max(1e-3);
        if let Some(bar) = &self.bar {
            bar.set_length(length.unwrap_or(position).as_millis() as u64);
            bar.set_position(position.as_millis() as u64);
            bar.set_message(format!("{frames} frames, {rate:.0} a second"));
        } else if self.printed.elapsed() >= PAUSE {
            self.printed = Instant::now();
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
