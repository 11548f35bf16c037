//! Who was seen when, with which expression: what a report tells, and what is kept of a file
//! until the report is written.

use std::collections::BTreeMap;

use gstfer::meta::FaceMeta;
use serde::{Deserialize, Serialize};

/// What was seen of one input.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Clip {
    /// What the input is called.
    pub name: String,
    /// What ran the network.
    pub engine: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames seen.
    pub frames: u64,
    /// Nanoseconds of stream time at which the last frame ends.
    pub end: u64,
    /// Frames in which no face was.
    pub empty: u64,
    /// By number.
    pub people: BTreeMap<i32, Person>,
    /// Frames with what was drawn, as JPEG in base64, by number of the frame.
    pub stills: BTreeMap<u64, String>,
}

/// All faces of one number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Person {
    /// Nanoseconds of stream time.
    pub first: u64,
    /// Nanoseconds of stream time.
    pub last: u64,
    /// Frames in which the person was seen.
    pub frames: u64,
    /// Frames by expression over time; those that were not read are under the empty name.
    pub labels: BTreeMap<String, u64>,
    /// One after another, without those in which nobody was there.
    pub spans: Vec<Span>,
    /// By expression over time, that frame in which it was surest.
    pub moments: BTreeMap<String, Moment>,
}

/// A time with one expression.
#[derive(Debug, Serialize, Deserialize)]
pub struct Span {
    /// Nanoseconds of stream time.
    pub start: u64,
    /// Nanoseconds of stream time.
    pub end: u64,
    /// Expression over time; empty where it was not read.
    pub label: String,
    /// Frames in it.
    pub frames: u64,
    /// Sum of the confidence over time.
    pub confidence: f64,
}

/// A frame that is typical of an expression.
#[derive(Debug, Serialize, Deserialize)]
pub struct Moment {
    /// Nanoseconds of stream time.
    pub time: u64,
    /// Confidence over time.
    pub confidence: f64,
    /// The face as JPEG in base64.
    pub face: String,
    /// Number of the frame, whose picture is among the clip's stills.
    pub frame: u64,
}

/// The expression of a face that is counted, and its confidence.
pub fn reading(face: &FaceMeta) -> (&str, f64) {
    let read = face.expression.as_ref();
    read.map_or(("", 0.0), |e| (&e.smoothed_label, e.smoothed_confidence))
}

impl Clip {
    /// Counts a frame that is shown from `time` to `end`.
    pub fn add(&mut self, faces: &[FaceMeta], time: u64, end: u64) {
        let since = self.end;
        self.frames += 1;
        self.end = self.end.max(end);
        if faces.is_empty() {
            self.empty += 1;
        }
        for face in faces {
            let person = self.people.entry(face.id).or_insert_with(|| Person {
                first: time,
                ..Person::default()
            });
            person.add(face, time, end, since);
        }
    }

    /// Whether it is a picture rather than a video.
    pub fn is_picture(&self) -> bool {
        self.frames == 1
    }

    /// Drops the stills that no moment shows any more.
    pub fn tidy(&mut self) {
        let moments = self.people.values().flat_map(|p| p.moments.values());
        let shown: std::collections::BTreeSet<u64> = moments.map(|moment| moment.frame).collect();
        self.stills.retain(|frame, _| shown.contains(frame));
    }
}

impl Person {
    /// `since` is the end of the frame before: who was in it is not away between the two.
    fn add(&mut self, face: &FaceMeta, time: u64, end: u64, since: u64) {
        let (label, confidence) = reading(face);
        self.last = end;
        self.frames += 1;
        match self.labels.get_mut(label) {
            Some(frames) => *frames += 1,
            None => {
                self.labels.insert(label.to_owned(), 1);
            }
        }
        if let Some(last) = self.spans.last_mut().filter(|s| s.end >= since.min(time)) {
            // Without a gap, whatever rounding there is in the timestamps.
            last.end = time;
            if last.label == label {
                last.end = end;
                last.frames += 1;
                last.confidence += confidence;
                return;
            }
        }
        self.spans.push(Span {
            start: time,
            end,
            label: label.to_owned(),
            frames: 1,
            confidence,
        });
    }

    /// The expression of most frames, of those that were read.
    pub fn mostly(&self) -> Option<&str> {
        let read = self.labels.iter().filter(|(label, _)| !label.is_empty());
        let most = read.max_by_key(|(_, frames)| **frames)?;
        Some(most.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gstfer::meta::Expression;

    fn face(id: i32, label: &str) -> FaceMeta {
        FaceMeta {
            id,
            rect: Default::default(),
            detection: None,
            landmarks: None,
            tilt: None,
            expression: Some(Expression {
                element: String::new(),
                label: String::new(),
                confidence: 0.0,
                probabilities: Vec::new(),
                smoothed_label: label.to_owned(),
                smoothed_confidence: 0.5,
            }),
            earlier: Vec::new(),
        }
    }

    #[test]
    fn spans_are_of_one_expression_and_end_when_nobody_is_there() {
        let mut clip = Clip::default();
        for (time, label) in [
            (0, "sad"),
            (10, "sad"),
            (20, "happy"),
            (30, ""),
            (40, "sad"),
        ] {
            let faces = match label {
                "" => Vec::new(),
                label => vec![face(4, label)],
            };
            clip.add(&faces, time, time + 10);
        }
        let person = &clip.people[&4];
        let spans: Vec<(u64, u64, &str, u64)> = person
            .spans
            .iter()
            .map(|s| (s.start, s.end, s.label.as_str(), s.frames))
            .collect();
        assert_eq!(
            spans,
            [(0, 20, "sad", 2), (20, 30, "happy", 1), (40, 50, "sad", 1)]
        );
        assert_eq!((person.frames, clip.empty, clip.end), (4, 1, 50));
        assert_eq!(person.mostly(), Some("sad"));
    }
}
