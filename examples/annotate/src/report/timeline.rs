//! The bands of a timeline, in percent of its width.

use std::collections::BTreeMap;

use super::people::{Person, Span};
use super::words::{clock, shown};
use crate::look::Look;

/// A time with one expression.
pub struct Band {
    /// Percent.
    pub x: String,
    /// Percent.
    pub width: String,
    /// Number of its look.
    pub look: usize,
    /// What is written on it.
    pub label: String,
    /// What is said of it.
    pub title: String,
    /// The still that is typical of it, if there is one.
    pub still: String,
}

/// A mark on the axis.
pub struct Tick {
    /// Percent.
    pub x: String,
    /// Time.
    pub label: String,
}

/// Bands of a person, at most: more than that nobody can see, and the page would grow.
const MOST: usize = 500;
/// Bands of this share of the width have their name written on them.
const ROOM: f64 = 0.04;
const SECOND: u64 = 1_000_000_000;

fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}

/// Marks at round times, few enough for a telephone.
pub fn ticks(end: u64) -> Vec<Tick> {
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    let few = |step: &u64| end / (step * SECOND) <= 6;
    let step = steps.into_iter().find(few);
    let step = step.unwrap_or((end / 6 / 3600 / SECOND + 1) * 3600) * SECOND;
    let times = (0..).map(|i| i * step).take_while(|time| *time < end);
    let tick = |time: u64| Tick {
        x: percent(time as f64 / end as f64),
        label: clock(time).trim_end_matches(".0").to_owned(),
    };
    times.map(tick).collect()
}

/// The bands of a person in a clip that ends at `end`.
pub fn bands(
    person: &Person,
    end: u64,
    looks: &[Look],
    still: impl Fn(&str) -> Option<String>,
) -> Vec<Band> {
    let coarse;
    let spans = if person.spans.len() > MOST {
        coarse = columns(&person.spans, end);
        &coarse
    } else {
        &person.spans
    };
    let end = end.max(1) as f64;
    let band = |span: &Span| {
        let share = span.end.saturating_sub(span.start) as f64 / end;
        let name = shown(&span.label);
        let look = looks.iter().find(|look| look.label == name);
        Band {
            x: percent(span.start as f64 / end),
            // What is short is to be seen, too.
            width: percent(share.max(0.002)),
            look: look.map_or(0, |look| look.number),
            label: if share >= ROOM { name } else { "" }.to_owned(),
            title: format!("{} to {}: {name}", clock(span.start), clock(span.end)),
            still: still(&span.label).unwrap_or_default(),
        }
    };
    spans.iter().map(band).collect()
}

/// Spans that follow each other too fast for the eye, as columns of the expression that had most
/// of the time.
fn columns(spans: &[Span], end: u64) -> Vec<Span> {
    let width = (end / MOST as u64).max(1);
    let mut columns: BTreeMap<u64, BTreeMap<&str, u64>> = BTreeMap::new();
    for span in spans {
        for column in span.start / width..=span.end.saturating_sub(1).max(span.start) / width {
            let start = span.start.max(column * width);
            let length = span.end.min((column + 1) * width).saturating_sub(start);
            let times = columns.entry(column).or_default();
            *times.entry(&span.label).or_default() += length.max(1);
        }
    }
    let mut result: Vec<Span> = Vec::new();
    for (column, times) in columns {
        let Some((label, _)) = times.into_iter().max_by_key(|(_, time)| *time) else {
            continue;
        };
        let (start, end) = (column * width, (column + 1) * width);
        match result.last_mut() {
            Some(last) if last.end == start && last.label == label => last.end = end,
            _ => result.push(Span {
                start,
                end,
                label: label.to_owned(),
                frames: 0,
                confidence: 0.0,
            }),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64, label: &str) -> Span {
        Span {
            start,
            end,
            label: label.to_owned(),
            frames: 1,
            confidence: 1.0,
        }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let labels = |end: u64| -> Vec<String> {
            let ticks = ticks(end * SECOND / 10);
            ticks.into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(4), ["0:00"]);
        assert_eq!(labels(31), ["0:00", "0:01", "0:02", "0:03"]);
        assert_eq!(
            labels(4000),
            ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00", "6:00"]
        );
        assert!(labels(400 * 36_000).len() <= 8);
        assert!(labels(0).is_empty());
    }

    #[test]
    fn a_flicker_becomes_what_it_mostly_was_and_gaps_stay() {
        let mut spans = Vec::new();
        for i in 0..2000 {
            spans.push(span(i * 10, i * 10 + 7, "happy"));
            spans.push(span(i * 10 + 7, i * 10 + 10, "sad"));
        }
        spans.push(span(40_000, 41_000, "sad"));
        let coarse = columns(&spans, 50_000);
        let seen: Vec<(u64, u64, &str)> = coarse
            .iter()
            .map(|span| (span.start, span.end, span.label.as_str()))
            .collect();
        assert_eq!(seen, [(0, 20_000, "happy"), (40_000, 41_000, "sad")]);
    }
}
