//! One page of HTML about all inputs, which needs nothing beside it.

mod gallery;
mod people;
mod timeline;
mod views;
mod words;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use askama::Template;

use crate::args::Args;
use crate::draft::Draft;
use crate::look::{self, Look};
pub use gallery::Gallery;
pub use people::Clip;
use views::{ClipView, PictureView};
use words::{count, shown};

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

#[cfg(test)]
mod tests {
    use super::people::Person;
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
