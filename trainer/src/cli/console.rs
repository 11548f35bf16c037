//! Progress for people: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use fer_trainer::Result;
use fer_trainer::artifact::{EpochReport, RunFolder};
use fer_trainer::report;
use fer_trainer::train::{self, BatchReport, Observer, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows a run and saves its epochs.
pub struct Console {
    folder: RunFolder,
    epochs: u64,
    bar: Option<ProgressBar>,
    epoch: u64,
    /// When the epoch that is shown began here, with the steps done before.
    began: (Instant, u64),
    last_line: Instant,
}

impl Console {
    /// For a run of `epochs` epochs that saves to `folder`.
    pub fn new(folder: RunFolder, epochs: u64) -> Self {
        Self {
            folder,
            epochs,
            bar: std::io::stderr().is_terminal().then(bar),
            epoch: 0,
            began: (Instant::now(), 0),
            last_line: Instant::now(),
        }
    }
}

fn bar() -> ProgressBar {
    let style = "{prefix} {wide_bar} {pos}/{len} {msg} {elapsed}<{eta}";
    let style = ProgressStyle::with_template(style).expect("the template is well-formed");
    ProgressBar::no_length().with_style(style)
}

impl Observer for Console {
    fn batch(&mut self, report: &BatchReport) {
        if report.epoch != self.epoch {
            self.epoch = report.epoch;
            self.began = (Instant::now(), report.batch);
            if let Some(bar) = &self.bar {
                bar.reset();
                bar.set_prefix(format!("epoch {}/{}", report.epoch, self.epochs));
                bar.set_length(report.batches);
            }
        }
        let steps = report.batch - self.began.1;
        let rate = (steps * report.pictures as u64) as f64 / self.began.0.elapsed().as_secs_f64();
        let state = format!(
            "softmax {:.3}, center {:.3}, accuracy {:.1} %, {rate:.0} pictures/s",
            report.softmax,
            report.center,
            100.0 * report.accuracy
        );
        if let Some(bar) = &self.bar {
            bar.set_position(report.batch);
            bar.set_message(state);
        } else if self.last_line.elapsed() >= LINE_EVERY && steps > 0 {
            self.last_line = Instant::now();
            let left = (report.batches - report.batch) * report.pictures as u64;
            eprintln!(
                "epoch {}/{} step {}/{}: {state}, {:.0} s left in the epoch",
                report.epoch,
                self.epochs,
                report.batch,
                report.batches,
                left as f64 / rate
            );
        }
    }

    fn epoch(&mut self, trainer: &Trainer, report: &EpochReport, best: bool) -> Result<()> {
        train::save_epoch(&self.folder, trainer, report, best)?;
        report::write_curves(&self.folder)?;
        if let Some(bar) = &self.bar {
            bar.set_length(0);
        }
        println!(
            "epoch {}: softmax {:.4}, center {:.4}, train {:.2} %, validation {:.2} % (balanced {:.2} %, mirrored {:.2} %, not \
             averaged {:.2} %), {:.0} pictures/s, {:.0} s{}",
            report.epoch,
            report.softmax,
            report.center,
            100.0 * report.train_accuracy,
            100.0 * report.accuracy,
            100.0 * report.accuracy_balanced.unwrap_or(0.0),
            100.0 * report.accuracy_mirrored,
            100.0 * report.accuracy_raw,
            report.rate,
            report.seconds,
            if best { ", best" } else { "" }
        );
        Ok(())
    }
}
