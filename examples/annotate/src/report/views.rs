//! What the page shows of each input, as its template takes it.

use std::collections::BTreeSet;

use super::gallery::PORTRAITS;
use super::people::{Clip, Moment, Person};
use super::timeline::{self, Band, Tick};
use super::words::{clock, count, name_of, percent, shown};
use crate::look::{self, Look};

/// Rows of a person's table of expressions; the records have all.
const ROWS: usize = 300;
/// Bands of a clip; the table has more people.
const BANDS: usize = 100;
/// People in a clip's tables; the records have everybody.
const PEOPLE: usize = 300;
/// Pictures of a person.
const MOMENTS: usize = 5;

/// A video.
pub struct ClipView {
    pub key: String,
    pub name: String,
    pub facts: String,
    pub ticks: Vec<Tick>,
    pub people: Vec<PersonView>,
    /// People who are in no table.
    pub more_people: usize,
    pub labels: Vec<String>,
    /// What is not shown of it.
    pub left_out: String,
    pub stills: Vec<StillView>,
}

/// Somebody in it.
pub struct PersonView {
    pub key: String,
    pub name: String,
    pub facts: String,
    pub bands: Vec<Band>,
    pub moments: Vec<MomentView>,
    /// Cells of the table of totals.
    pub first: String,
    pub last: String,
    pub frames: u64,
    pub counts: Vec<u64>,
    pub spans: Vec<SpanView>,
    pub more_spans: usize,
}

/// A picture of somebody.
pub struct MomentView {
    pub still: String,
    pub face: String,
    pub label: String,
    pub time: String,
    pub confidence: String,
}

/// An expression from when to when.
pub struct SpanView {
    pub start: String,
    pub end: String,
    pub label: String,
    pub frames: u64,
    pub confidence: String,
}

/// A frame that pictures are of.
pub struct StillView {
    pub key: String,
    pub data: String,
    pub caption: String,
}

/// An input that is a picture.
pub struct PictureView {
    pub key: String,
    pub name: String,
    pub data: String,
    pub faces: Vec<String>,
}

impl ClipView {
    pub fn new(number: usize, clip: &Clip, labels: &[String], looks: &[Look]) -> Self {
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
    pub fn new(
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
    pub fn new(number: usize, clip: &Clip) -> Self {
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
