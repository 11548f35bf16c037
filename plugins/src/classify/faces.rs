//! What is remembered of each face: its latest reading and its label over time.

use std::collections::HashMap;

use fer::Prediction;
use fer::smooth::Smoother;

use crate::meta::{Expression, FaceMeta, UNCERTAIN};

/// How far another class must be ahead before the smoothed label changes.
const HYSTERESIS: f32 = 0.1;
/// Frames for which a face that is not seen is remembered.
const PATIENCE: u64 = 50;

/// How much larger a face must have become to be read again before its time.
const GROWTH: f32 = 1.2;

struct Reading {
    prediction: Prediction,
    /// Height of the face's box when it was read, in pixels.
    size: f32,
    read_at: u64,
    seen_at: u64,
}

/// The faces of one stream, by their ids.
pub struct Faces {
    smoother: Smoother,
    readings: HashMap<i32, Reading>,
    frame: u64,
}

impl Faces {
    /// No faces yet; `smoothing` is the weight of the past, 0 to below 1.
    pub fn new(smoothing: f64) -> Self {
        Self {
            smoother: Smoother::new(1.0 - smoothing as f32, HYSTERESIS),
            readings: HashMap::new(),
            frame: 0,
        }
    }

    /// Changes the weight of the past.
    pub fn set_smoothing(&mut self, smoothing: f64) {
        self.smoother.set(1.0 - smoothing as f32, HYSTERESIS);
    }

    /// Forgets all faces.
    pub fn reset(&mut self) {
        self.smoother.reset();
        self.readings.clear();
    }

    /// Goes on to the next frame, with `faces`: which of them are to be classified there.
    /// Those are faces without an id of their own, new ones, those whose reading is
    /// `interval` frames old, and those that are much larger than when they were read.
    pub fn due(&mut self, faces: &[FaceMeta], interval: u32) -> Vec<usize> {
        self.frame += 1;
        let frame = self.frame;
        let ids = ids(faces);
        for id in ids.iter().flatten() {
            if let Some(reading) = self.readings.get_mut(id) {
                reading.seen_at = frame;
            }
        }
        let is_fresh = |reading: &Reading, face: &FaceMeta| {
            frame - reading.read_at < u64::from(interval)
                && face.rect.height < GROWTH * reading.size
        };
        (0..faces.len())
            .filter(|at| {
                let reading = ids[*at].and_then(|id| self.readings.get(&id));
                !reading.is_some_and(|reading| is_fresh(reading, &faces[*at]))
            })
            .collect()
    }

    /// Takes the predictions of the faces at `due` and gives the expressions of all. A face
    /// that has no prediction there keeps what was known of it, and is due in the next frame
    /// again.
    pub fn update(
        &mut self,
        faces: &[FaceMeta],
        due: &[usize],
        predictions: Vec<Option<Prediction>>,
        express: impl Fn(Option<&Prediction>, Option<(usize, f32)>) -> Expression,
    ) -> Vec<Option<Expression>> {
        let ids = ids(faces);
        let mut expressions = vec![None; faces.len()];
        let mut unread = vec![false; faces.len()];
        for (&at, prediction) in due.iter().zip(predictions) {
            let (Some(id), Some(prediction)) = (ids[at], &prediction) else {
                expressions[at] = Some(express(prediction.as_ref(), None));
                unread[at] = prediction.is_none();
                continue;
            };
            let prediction = prediction.clone();
            self.smoother.update(id as u64, &prediction.probabilities);
            self.readings.insert(
                id,
                Reading {
                    prediction,
                    size: faces[at].rect.height,
                    read_at: self.frame,
                    seen_at: self.frame,
                },
            );
        }
        for ((id, expression), unread) in ids.iter().zip(&mut expressions).zip(unread) {
            if let Some(id) = id
                && let Some(reading) = self.readings.get_mut(id)
            {
                if unread {
                    // As if it had never been read: not fresh for any interval.
                    reading.size = 0.0;
                }
                let smoothed = self
                    .smoother
                    .get(*id as u64)
                    .map(|s| (s.label, s.probabilities[s.label]));
                let read = (!unread).then_some(&reading.prediction);
                *expression = Some(express(read, smoothed));
            }
        }
        let oldest = self.frame.saturating_sub(PATIENCE);
        self.readings.retain(|_, reading| reading.seen_at >= oldest);
        let readings = &self.readings;
        self.smoother
            .retain(|id| readings.contains_key(&(id as i32)));
        expressions
    }
}

/// The ids by which the faces of a frame can be known again: those above 0 that only one of
/// them has.
fn ids(faces: &[FaceMeta]) -> Vec<Option<i32>> {
    let is_own = |id: i32| faces.iter().filter(|face| face.id == id).count() == 1;
    let own = |face: &FaceMeta| Some(face.id).filter(|id| *id > 0 && is_own(*id));
    faces.iter().map(own).collect()
}

/// What the element called `element` says of a face; without a `prediction`, that the
/// network said nothing of it in this frame.
pub fn express(
    element: &str,
    labels: &[String],
    threshold: f64,
    prediction: Option<&Prediction>,
    smoothed: Option<(usize, f32)>,
) -> Expression {
    let name = |read: Option<(usize, f32)>| {
        read.filter(|(_, confidence)| f64::from(*confidence) >= threshold)
            .map_or(UNCERTAIN, |(label, _)| &labels[label])
            .to_owned()
    };
    let confidence = |read: Option<(usize, f32)>| read.map_or(0.0, |(_, c)| c.into());
    let read = prediction.map(|p| (p.label, p.confidence));
    let smoothed = smoothed.or(read);
    let probability = |label| prediction.map_or(0.0, |p| f64::from(p.probabilities[label]));
    Expression {
        element: element.to_owned(),
        label: name(read),
        confidence: confidence(read),
        probabilities: labels
            .iter()
            .enumerate()
            .map(|(label, name)| (name.clone(), probability(label)))
            .collect(),
        smoothed_label: name(smoothed),
        smoothed_confidence: confidence(smoothed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(id: i32, size: f32) -> FaceMeta {
        FaceMeta {
            id,
            rect: fer::Rect::new(0.0, 0.0, size, size),
            detection: None,
            landmarks: None,
            tilt: None,
            expression: None,
            earlier: Vec::new(),
        }
    }

    fn read(known: &mut Faces, faces: &[FaceMeta], interval: u32) -> Vec<usize> {
        let due = known.due(faces, interval);
        let readings = vec![Some(Prediction::from_probabilities(vec![0.3, 0.7])); due.len()];
        let labels = ["happy", "sad"].map(str::to_owned);
        let expressions = known.update(faces, &due, readings, |prediction, smoothed| {
            express("c", &labels, 0.0, prediction, smoothed)
        });
        assert!(
            expressions
                .iter()
                .all(|e| e.as_ref().unwrap().label == "sad")
        );
        due
    }

    #[test]
    fn a_face_that_grew_by_a_fifth_is_read_before_its_time() {
        let mut known = Faces::new(0.5);
        let sizes = [100.0, 110.0, 119.0, 121.0, 121.0, 60.0];
        let due = sizes.map(|size| read(&mut known, &[face(1, size)], 100).len());
        assert_eq!(due, [1, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn faces_that_share_an_id_are_each_read_for_themselves() {
        let mut known = Faces::new(0.5);
        let faces = [face(3, 50.0), face(3, 80.0), face(4, 50.0), face(0, 50.0)];
        assert_eq!(read(&mut known, &faces, 100), [0, 1, 2, 3]);
        assert_eq!(read(&mut known, &faces, 100), [0, 1, 3]);
    }

    #[test]
    fn a_face_that_the_network_said_nothing_of_is_uncertain_and_read_again() {
        let mut known = Faces::new(0.5);
        let faces = [face(1, 100.0), face(0, 50.0), face(2, 50.0)];
        let labels = ["happy", "sad"].map(str::to_owned);
        let express = |prediction: Option<&Prediction>, smoothed| {
            express("c", &labels, 0.0, prediction, smoothed)
        };
        let sad = Some(Prediction::from_probabilities(vec![0.2, 0.8]));
        let due = known.due(&faces, 1);
        known.update(&faces, &due, vec![sad.clone(), sad.clone(), None], express);
        let due = known.due(&faces, 1);
        let expressions = known.update(&faces, &due, vec![None, None, None], express);
        let [first, second, third] = &expressions[..] else {
            panic!("{expressions:?}");
        };
        for expression in [first, second, third] {
            let expression = expression.as_ref().unwrap();
            assert_eq!(
                (&*expression.label, expression.confidence),
                (UNCERTAIN, 0.0)
            );
            assert!(expression.probabilities.iter().all(|(_, p)| *p == 0.0));
        }
        // What was known before stays.
        assert_eq!(first.as_ref().unwrap().smoothed_label, "sad");
        assert_eq!(second.as_ref().unwrap().smoothed_label, UNCERTAIN);
        assert_eq!(known.due(&faces, 100), [0, 1, 2]);
    }
}
