//! One page of HTML about all inputs, which needs nothing beside it.

mod gallery;
mod people;
mod timeline;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use askama::Template;

use crate::args::Args;
use crate::draft::Draft;
use crate::look::{self, Look};
pub use gallery::Gallery;
use gallery::PORTRAITS;
pub use people::Clip;
use people::{Moment, Person};
use timeline::{Band, Tick};

/// What the report says of how the figures were had.
pub struct Method {
    /// Name of the network.
    pub network: String,
    /// Whether it is one of those that are built in.
    pub is_built_in: bool,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    summary: String,
    looks: Vec<Look>,
    clips: Vec<ClipView>,
    pictures: Vec<PictureView>,
    failed: Vec<(String, String)>,
    network: String,
    engine: String,
    accuracy: Option<(&'static str, &'static str)>,
}

struct ClipView {
    key: String,
    name: String,
    facts: String,
    ticks: Vec<Tick>,
    people: Vec<PersonView>,
    /// People who are in no table.
    more_people: usize,
    labels: Vec<String>,
    /// What is not shown of it.
    left_out: String,
    stills: Vec<StillView>,
}

struct PersonView {
    key: String,
    name: String,
    facts: String,
    bands: Vec<Band>,
    moments: Vec<MomentView>,
    /// Cells of the table of totals.
    first: String,
    last: String,
    frames: u64,
    counts: Vec<u64>,
    spans: Vec<SpanView>,
    more_spans: usize,
}

struct MomentView {
    still: String,
    face: String,
    label: String,
    time: String,
    confidence: String,
}

struct SpanView {
    start: String,
    end: String,
    label: String,
    frames: u64,
    confidence: String,
}

struct StillView {
    key: String,
    data: String,
    caption: String,
}

struct PictureView {
    key: String,
    name: String,
    data: String,
    faces: Vec<String>,
}

/// Rows of a person's table of expressions; the records have all.
const ROWS: usize = 300;
/// Bands of a clip; the table has more people.
const BANDS: usize = 100;
/// People in a clip's tables; the records have everybody.
const PEOPLE: usize = 300;
/// Pictures of a person.
const MOMENTS: usize = 5;

/// Writes the page about `clips`, and about what could not be read, with why.
///
/// # Errors
/// When it can't be written.
pub fn write(
    draft: Draft,
    clips: &[Clip],
    failed: Vec<(String, String)>,
    method: &Method,
) -> Result<()> {
    let page = render(clips, failed, method)?;
    std::fs::write(draft.path(), page).context("the report could not be written")?;
    draft.finish()
}

fn render(clips: &[Clip], failed: Vec<(String, String)>, method: &Method) -> Result<String> {
    let labels = labels(clips);
    let looks = look::looks(labels.iter().map(|label| shown(label)));
    let (pictures, videos): (Vec<&Clip>, Vec<&Clip>) =
        clips.iter().partition(|clip| clip.is_picture());
    let views = videos.iter().enumerate();
    let sheet = pictures.iter().enumerate();
    let page = Page {
        title: match (clips, failed.is_empty()) {
            ([clip], true) => clip.name.clone(),
            (clips, _) => count(clips.len() + failed.len(), "file", "files"),
        },
        summary: summary(&videos, &pictures),
        clips: views
            .map(|(i, clip)| ClipView::new(i, clip, &labels, &looks))
            .collect(),
        pictures: sheet.map(|(i, clip)| PictureView::new(i, clip)).collect(),
        looks,
        failed,
        network: method.network.clone(),
        engine: engines(clips),
        accuracy: method.accuracy(),
    };
    Ok(page.render()?)
}

impl Method {
    /// What `args` ask for.
    pub fn new(args: &Args) -> Self {
        Self {
            network: args.network.name(),
            is_built_in: args.network.model.is_none() && args.network.endpoint.is_none(),
        }
    }

    /// Shares of right answers of the networks that are built in, as it is and under damage
    /// (models/README.md).
    fn accuracy(&self) -> Option<(&'static str, &'static str)> {
        if !self.is_built_in {
            return None;
        }
        match self.network.as_str() {
            "standard" => Some(("85.3", "81.5")),
            "small" => Some(("83.0", "78.7")),
            "accurate" => Some(("87.4", "84.0")),
            _ => None,
        }
    }
}

/// All expressions, those of most frames first.
fn labels(clips: &[Clip]) -> Vec<String> {
    let people = || clips.iter().flat_map(|clip| clip.people.values());
    let all: BTreeSet<&String> = people().flat_map(|p| p.labels.keys()).collect();
    let frames = |label: &str| -> u64 { people().filter_map(|p| p.labels.get(label)).sum() };
    let mut all: Vec<String> = all.into_iter().cloned().collect();
    all.sort_by_key(|label| (label.is_empty(), std::cmp::Reverse(frames(label))));
    all
}

/// What has run the network.
fn engines(clips: &[Clip]) -> String {
    let all: BTreeSet<&str> = clips.iter().map(|clip| clip.engine.as_str()).collect();
    Vec::from_iter(all).join(" and ")
}

/// What people read for an expression.
fn shown(label: &str) -> &str {
    if label.is_empty() {
        look::UNREAD
    } else {
        label
    }
}

/// The last part of a path or address.
pub fn file_name(name: &str) -> String {
    let end = name.rsplit('/').find(|part| !part.is_empty());
    end.unwrap_or(name).to_owned()
}

fn summary(videos: &[&Clip], pictures: &[&Clip]) -> String {
    let faces: u64 = pictures
        .iter()
        .flat_map(|clip| clip.people.values())
        .map(|person| person.frames)
        .sum();
    let seen: usize = videos.iter().map(|clip| clip.people.len()).sum();
    let mut parts = Vec::new();
    if !videos.is_empty() {
        parts.push(format!(
            "{} with {}",
            count(videos.len(), "video", "videos"),
            count(seen, "person", "people")
        ));
    }
    if !pictures.is_empty() {
        parts.push(format!(
            "{} with {}",
            count(pictures.len(), "picture", "pictures"),
            count(faces as usize, "face", "faces")
        ));
    }
    parts.join(", ")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Minutes, seconds and tenths.
fn clock(nanoseconds: u64) -> String {
    let tenths = nanoseconds / 100_000_000;
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
    let (seconds, tenth) = (tenths / 10 % 60, tenths % 10);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{tenth}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}.{tenth}"),
    }
}

fn percent(share: f64) -> String {
    // It is not broken at the end of a line.
    format!("{:.0}\u{a0}%", share * 100.0)
}

fn name_of(id: i32) -> String {
    match id {
        id if id > 0 => format!("Person {id}"),
        _ => "Faces without a number".to_owned(),
    }
}

impl ClipView {
    fn new(number: usize, clip: &Clip, labels: &[String], looks: &[Look]) -> Self {
        let key = format!("clip{number}");
        let mut people: Vec<(&i32, &Person)> = clip.people.iter().collect();
        people.sort_by_key(|(id, person)| (std::cmp::Reverse(person.frames), **id));
        let labels: Vec<String> = labels
            .iter()
            .filter(|label| people.iter().any(|(_, p)| p.labels.contains_key(*label)))
            .cloned()
            .collect();
        let unseen = people.len().min(PEOPLE).saturating_sub(BANDS);
        let mut left_out = Vec::new();
        if unseen > 0 {
            let few = count(unseen, "person", "people");
            left_out.push(format!(
                "{few} seen for a shorter time are in the table only."
            ));
        }
        if people.len() > PORTRAITS {
            left_out.push(format!("There are pictures of {PORTRAITS} people at most."));
        }
        let views: Vec<PersonView> = people
            .iter()
            .take(PEOPLE)
            .enumerate()
            .map(|(i, (id, person))| {
                PersonView::new(&key, **id, person, clip, &labels, looks, i < BANDS)
            })
            .collect();
        let used: BTreeSet<&str> = views
            .iter()
            .flat_map(|view| &view.moments)
            .map(|moment| moment.still.as_str())
            .collect();
        let stills = clip.stills.iter().filter_map(|(frame, data)| {
            let key = still_key(&key, *frame);
            let caption = caption(clip, *frame);
            used.contains(key.as_str()).then(|| StillView {
                key: key.clone(),
                data: data.clone(),
                caption,
            })
        });
        Self {
            name: clip.name.clone(),
            facts: format!(
                "{}, {}, {} x {} pixels; {}; in {} nobody",
                clock(clip.end),
                count(clip.frames as usize, "frame", "frames"),
                clip.width,
                clip.height,
                count(people.len(), "person", "people"),
                count(clip.empty as usize, "frame", "frames"),
            ),
            ticks: timeline::ticks(clip.end),
            stills: stills.collect(),
            more_people: people.len().saturating_sub(PEOPLE),
            people: views,
            labels: labels.iter().map(|label| shown(label).to_owned()).collect(),
            left_out: left_out.join(" "),
            key,
        }
    }
}

fn still_key(clip: &str, frame: u64) -> String {
    format!("{clip}-frame{frame}")
}

/// Who is in a still, for those who can't see it.
fn caption(clip: &Clip, frame: u64) -> String {
    let mut time = None;
    let mut faces = Vec::new();
    for (id, person) in &clip.people {
        for (label, moment) in &person.moments {
            if moment.frame == frame {
                time = Some(moment.time);
                faces.push(format!("{} {}", name_of(*id).to_lowercase(), shown(label)));
            }
        }
    }
    format!("At {}: {}", clock(time.unwrap_or(0)), faces.join(", "))
}

impl PersonView {
    fn new(
        clip_key: &str,
        id: i32,
        person: &Person,
        clip: &Clip,
        labels: &[String],
        looks: &[Look],
        has_band: bool,
    ) -> Self {
        let mut moments: Vec<(&String, &Moment)> = person.moments.iter().collect();
        let frames = |label: &str| person.labels.get(label).copied().unwrap_or(0);
        moments.sort_by_key(|(label, _)| std::cmp::Reverse(frames(label)));
        moments.truncate(MOMENTS);
        let mostly = person.mostly().map_or(look::UNREAD.to_owned(), |label| {
            let share = frames(label) as f64 / person.frames as f64;
            format!("{label} in {} of the frames", percent(share))
        });
        let still = |label: &str| {
            let shown = moments.iter().find(|(l, _)| *l == label);
            shown.map(|(_, moment)| still_key(clip_key, moment.frame))
        };
        let spans = person.spans.iter().take(ROWS).map(|span| SpanView {
            start: clock(span.start),
            end: clock(span.end),
            label: shown(&span.label).to_owned(),
            frames: span.frames,
            confidence: percent(span.confidence / span.frames as f64),
        });
        Self {
            key: format!("{clip_key}-person{id}"),
            name: name_of(id),
            facts: format!(
                "{} to {}, {}: {mostly}",
                clock(person.first),
                clock(person.last),
                count(person.frames as usize, "frame", "frames"),
            ),
            bands: match has_band {
                true => timeline::bands(person, clip.end, looks, still),
                false => Vec::new(),
            },
            first: clock(person.first),
            last: clock(person.last),
            frames: person.frames,
            counts: labels.iter().map(|label| frames(label)).collect(),
            spans: spans.collect(),
            more_spans: person.spans.len().saturating_sub(ROWS),
            moments: moments
                .iter()
                .map(|(label, moment)| MomentView {
                    still: still_key(clip_key, moment.frame),
                    face: moment.face.clone(),
                    label: shown(label).to_owned(),
                    time: clock(moment.time),
                    confidence: percent(moment.confidence),
                })
                .collect(),
        }
    }
}

impl PictureView {
    fn new(number: usize, clip: &Clip) -> Self {
        let faces = clip.people.values().flat_map(|person| &person.spans);
        Self {
            key: format!("picture{number}"),
            name: clip.name.clone(),
            data: clip.stills.values().next().cloned().unwrap_or_default(),
            faces: faces
                .map(|span| match span.label.as_str() {
                    "" => look::UNREAD.to_owned(),
                    label => format!("{label} {}", percent(span.confidence)),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_crowds_have_an_end() {
        let person = |id: i32| {
            let person = Person {
                frames: 1000 - id as u64,
                ..Person::default()
            };
            (id, person)
        };
        let clip = Clip {
            frames: 1000,
            people: (1..=400).map(person).collect(),
            ..Clip::default()
        };
        let method = Method {
            network: String::new(),
            is_built_in: false,
        };
        let page = render(&[clip], Vec::new(), &method).unwrap();
        assert!(page.contains("Person 300</th>"));
        assert!(!page.contains("Person 301</th>"));
        assert!(page.contains("And 100 more"), "{page}");
    }
}
