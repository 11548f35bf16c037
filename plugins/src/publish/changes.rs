//! When faces come, go and change their expression.

use std::collections::{BTreeMap, BTreeSet};

use crate::meta::FaceMeta;
use crate::record::{Event, Happening};

/// The faces of the latest frame. Those without a number can't be told apart and are left out.
#[derive(Debug, Default)]
pub struct Changes {
    present: BTreeMap<i32, Present>,
    /// Stream time in nanoseconds at which the latest frame ends.
    end: Option<u64>,
}

#[derive(Debug)]
struct Present {
    since: Option<u64>,
    label: Option<String>,
    /// Since when it has this label.
    label_since: Option<u64>,
}

fn label(face: &FaceMeta) -> Option<String> {
    let expression = face.expression.as_ref()?;
    Some(expression.smoothed_label.clone())
}

fn duration(from: Option<u64>, to: Option<u64>) -> Option<u64> {
    to?.checked_sub(from?)
}

impl Changes {
    /// What has happened in a frame with `faces` at the stream time `now`, which ends at `end`.
    pub fn update(&mut self, faces: &[FaceMeta], now: Option<u64>, end: Option<u64>) -> Vec<Event> {
        let here: BTreeSet<i32> = faces.iter().map(|face| face.id).collect();
        let gone = self.present.keys().filter(|id| !here.contains(id));
        let gone: Vec<i32> = gone.copied().collect();
        let mut events: Vec<Event> = gone.iter().filter_map(|id| self.left(*id, now)).collect();
        for face in faces.iter().filter(|face| face.id > 0) {
            events.extend(self.see(face, now));
        }
        self.end = end;
        events
    }

    fn left(&mut self, id: i32, now: Option<u64>) -> Option<Event> {
        let face = self.present.remove(&id)?;
        let duration = duration(face.since, now);
        let label = face.label;
        let what = Happening::FaceLeft { label, duration };
        Some(Event { id, what })
    }

    fn see(&mut self, face: &FaceMeta, now: Option<u64>) -> Option<Event> {
        let (id, label) = (face.id, label(face));
        let Some(present) = self.present.get_mut(&id) else {
            let what = Happening::FaceAppeared {
                label: label.clone(),
            };
            let present = Present {
                since: now,
                label,
                label_since: now,
            };
            self.present.insert(id, present);
            return Some(Event { id, what });
        };
        // A frame in which nobody reads the face changes nothing.
        if label.is_none() || label == present.label {
            return None;
        }
        let duration = duration(present.label_since, now);
        let from = std::mem::replace(&mut present.label, label.clone());
        present.label_since = now;
        let what = Happening::ExpressionChanged {
            from,
            label,
            duration,
        };
        Some(Event { id, what })
    }

    /// All faces leave, as the stream breaks off or ends after the latest frame.
    pub fn end(&mut self) -> Vec<Event> {
        let all: Vec<i32> = self.present.keys().copied().collect();
        let end = self.end;
        all.iter().filter_map(|id| self.left(*id, end)).collect()
    }

    /// Stream time at which the latest frame ends.
    pub fn time(&self) -> Option<u64> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Expression;

    fn face(id: i32, label: Option<&str>) -> FaceMeta {
        FaceMeta {
            id,
            rect: fer::Rect::new(0.0, 0.0, 10.0, 10.0),
            detection: None,
            landmarks: None,
            tilt: None,
            expression: label.map(|label| Expression {
                element: String::new(),
                label: "of this frame".to_owned(),
                confidence: 1.0,
                probabilities: Vec::new(),
                smoothed_label: label.to_owned(),
                smoothed_confidence: 1.0,
            }),
            earlier: Vec::new(),
        }
    }

    fn text(events: &[Event]) -> Vec<String> {
        events.iter().map(crate::record::json).collect()
    }

    #[test]
    fn tells_of_each_change_once_with_how_long_it_was() {
        let mut changes = Changes::default();
        let mut at =
            |faces: &[FaceMeta], now| text(&changes.update(faces, Some(now), Some(now + 1)));
        assert_eq!(at(&[], 0), [""; 0]);
        assert_eq!(
            at(&[face(3, Some("happy"))], 10),
            [r#"{"id":3,"event":"face-appeared","label":"happy"}"#]
        );
        assert_eq!(at(&[face(3, Some("happy"))], 20), [""; 0]);
        assert_eq!(at(&[face(3, None)], 25), [""; 0]);
        assert_eq!(
            at(
                &[face(3, Some("sad")), face(5, None), face(0, Some("sad"))],
                30
            ),
            [
                r#"{"id":3,"event":"expression-changed","from":"happy","label":"sad","duration":20}"#,
                r#"{"id":5,"event":"face-appeared","label":null}"#,
            ]
        );
        assert_eq!(
            at(&[face(5, Some("neutral"))], 50),
            [
                r#"{"id":3,"event":"face-left","label":"sad","duration":40}"#,
                r#"{"id":5,"event":"expression-changed","from":null,"label":"neutral","duration":20}"#,
            ]
        );
        assert_eq!(
            text(&changes.end()),
            [r#"{"id":5,"event":"face-left","label":"neutral","duration":21}"#]
        );
        assert_eq!(text(&changes.end()), [""; 0]);
    }

    #[test]
    fn without_timestamps_there_are_no_durations() {
        let mut changes = Changes::default();
        changes.update(&[face(1, None)], None, None);
        let left = changes.update(&[], None, None);
        let expected = r#"{"id":1,"event":"face-left","label":null,"duration":null}"#;
        assert_eq!(text(&left), [expected]);
    }
}
