//! The report on one model on one data set, or on one cross-validation.

use std::path::Path;

use super::baselines::{self, Benchmark};
use super::damage::{self, DamageReport};
use super::{Cell, Page, Table, confusion, reliability};
use crate::Result;
use crate::error::Context;
use crate::eval::{Agreement, Interval, Metrics};

/// Pictures in which the detector saw no face.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Undetected {
    /// Number.
    pub n: usize,
    /// Accuracy with them counted as wrong.
    pub accuracy_with: f64,
}

impl Undetected {
    /// From their number and the measures of the others.
    pub fn new(n: usize, metrics: &Metrics) -> Self {
        let hits = metrics.accuracy * metrics.n as f64;
        Self {
            n,
            accuracy_with: hits / (metrics.n + n).max(1) as f64,
        }
    }
}

/// What a report is about.
#[derive(Debug, Clone)]
pub struct Summary<'a> {
    /// Headline.
    pub title: &'a str,
    /// What was done, one paragraph each.
    pub about: &'a [String],
    /// What a reader must know before the numbers.
    pub warning: Option<&'a str>,
    /// How our accuracy was had, for the table of baselines.
    pub how: &'a str,
    /// The data set, if it is one that has baselines.
    pub benchmark: Option<Benchmark>,
    /// Measures.
    pub metrics: &'a Metrics,
    /// Interval of the accuracy by subjects, where they are known.
    pub by_subject: Option<Interval>,
    /// What they count.
    pub counted: &'a str,
    /// Pictures left out for want of a face.
    pub missed: Undetected,
    /// Milliseconds a picture, where it was measured.
    pub milliseconds: Option<f64>,
    /// Beside people's votes, where there are any.
    pub agreement: Option<Agreement>,
}

/// Writes `report.html`, and `summary.csv`, `classes.csv`, `confusion.csv`,
/// `reliability.csv` and `baselines.csv` beside it, into `folder`, which is made where it
/// is not there. `extra` tables follow the summary, each with a headline and as a CSV file
/// of that name; `shown` adds what damage costs, and `damage.csv`.
///
/// # Errors
/// When a file can't be written.
pub fn evaluation(
    folder: &Path,
    about: &Summary,
    extra: &[(&str, &str, Table)],
    shown: Option<DamageReport>,
) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("folder {}", folder.display()))?;
    let (metrics, mut page) = (about.metrics, Page::new(about.title));
    if let Some(warning) = about.warning {
        page.warning(warning);
    }
    for paragraph in about.about {
        page.paragraph(paragraph);
    }
    let section = |page: &mut Page, heading: &str, name: &str, table: &Table| {
        page.heading(heading);
        page.table(table);
        table.write_csv(&folder.join(format!("{name}.csv")))
    };
    section(&mut page, "Summary", "summary", &summary(about))?;
    for (heading, name, table) in extra {
        section(&mut page, heading, name, table)?;
    }
    section(&mut page, "Classes", "classes", &classes(metrics))?;
    page.figure(
        confusion(metrics),
        "True classes in rows, and the share of each row that was called so.",
    );
    page.figure(
        reliability(metrics),
        "On the line, the probabilities mean what they say.",
    );
    if let Some(DamageReport { robustness, face }) = shown {
        section(
            &mut page,
            "Damaged pictures",
            "damage",
            &damage::damage(robustness),
        )?;
        page.figure(
            damage::pictures(face, robustness.seed),
            "One of the faces under each kind of damage.",
        );
    }
    if let Some(table) = baselines::table(metrics.accuracy, about.how, about.benchmark) {
        section(&mut page, "Baselines", "baselines", &table)?;
    }
    confusion_table(metrics).write_csv(&folder.join("confusion.csv"))?;
    bins(metrics).write_csv(&folder.join("reliability.csv"))?;
    page.write(&folder.join("report.html"))
}

fn summary(about: &Summary) -> Table {
    let m = about.metrics;
    let mut table = Table::new(["measure", "value"]);
    let mut push = |name: &str, value: Cell| table.push(vec![name.into(), value]);
    push(about.counted, Cell::Count(m.n));
    push("accuracy", Cell::Share(m.accuracy));
    push("95 % interval (Wilson), low", Cell::Share(m.interval.low));
    push("95 % interval (Wilson), high", Cell::Share(m.interval.high));
    if let Some(Interval { low, high }) = about.by_subject {
        let name = |end| {
            format!("95 % interval (bootstrap over subjects; below 30 Wilson's where wider), {end}")
        };
        push(&name("low"), Cell::Share(low));
        push(&name("high"), Cell::Share(high));
    }
    push("balanced accuracy", Cell::Share(m.balanced_accuracy));
    push("macro F1", Cell::Number(m.macro_f1, 4));
    push("calibration error (ECE, 15 bins)", Cell::Number(m.ece, 4));
    push("negative log-likelihood", Cell::Number(m.nll, 4));
    if let Some(votes) = about.agreement {
        push("cosine to people's votes", Cell::Number(votes.cosine, 4));
        push(
            "divergence from them, nats",
            Cell::Number(votes.divergence, 4),
        );
    }
    push("pictures without a face", Cell::Count(about.missed.n));
    push(
        "accuracy with them as wrong",
        Cell::Share(about.missed.accuracy_with),
    );
    if let Some(time) = about.milliseconds {
        push("milliseconds a picture", Cell::Number(time, 2));
    }
    table
}

fn classes(metrics: &Metrics) -> Table {
    let mut table = Table::new(["class", "n", "precision", "recall", "F1"]);
    for class in &metrics.classes {
        table.push(vec![
            class.class.as_str().into(),
            Cell::Count(class.n),
            Cell::share(class.precision),
            Cell::share(class.recall),
            class.f1.map_or(Cell::Empty, |f1| Cell::Number(f1, 4)),
        ]);
    }
    table
}

fn confusion_table(metrics: &Metrics) -> Table {
    let names = metrics.classes.iter().map(|c| c.class.clone());
    let mut table = Table::new(std::iter::once("true".to_owned()).chain(names));
    for (class, row) in metrics.classes.iter().zip(&metrics.confusion) {
        let counts = row.iter().map(|n| Cell::Count(*n));
        let name = Cell::Text(class.class.clone());
        table.push(std::iter::once(name).chain(counts).collect());
    }
    table
}

fn bins(metrics: &Metrics) -> Table {
    let mut table = Table::new(["n", "confidence", "accuracy"]);
    for bin in &metrics.reliability {
        table.push(vec![
            Cell::Count(bin.n),
            Cell::Share(bin.confidence),
            Cell::Share(bin.accuracy),
        ]);
    }
    table
}
