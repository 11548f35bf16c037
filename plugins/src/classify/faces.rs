//! What is remembered of each face: its latest reading and its label over time.

use std::collections::HashMap;

use fer::Prediction;
use fer::smooth::Smoother;

use crate::meta::{Expression, FaceMeta, UNCERTAIN};

/// How far another class must be ahead before the smoothed label changes.
const HYSTERESIS: f32 = 0.1;
/// Frames for which a face that is not seen is remembered.
const PATIENCE: u64 = 50;

struct Reading {
    prediction: Prediction,
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

    /// Which of `faces` are to be classified in this frame: those without an id, new ones,
    /// and those whose reading is `interval` frames old.
    pub fn due(&mut self, faces: &[FaceMeta], interval: u32) -> Vec<usize> {
        self.frame += 1;
        let frame = self.frame;
        for face in faces {
            if let Some(reading) = self.readings.get_mut(&face.id) {
                reading.seen_at = frame;
            }
        }
        (0..faces.len())
            .filter(|i| {
                let id = faces[*i].id;
                let fresh = self
                    .readings
                    .get(&id)
                    .is_some_and(|r| frame - r.read_at < u64::from(interval));
                id <= 0 || !fresh
            })
            .collect()
    }

    /// Takes the predictions of the faces at `due` and gives the expressions of all, in the
    /// name of `element`.
    pub fn update(
        &mut self,
        element: &str,
        faces: &[FaceMeta],
        due: &[usize],
        predictions: Vec<Prediction>,
        (labels, threshold): (&[String], f64),
    ) -> Vec<Option<Expression>> {
        let mut expressions = vec![None; faces.len()];
        for (&at, prediction) in due.iter().zip(predictions) {
            let id = faces[at].id;
            if id <= 0 {
                expressions[at] = Some(express(element, &prediction, None, labels, threshold));
                continue;
            }
            self.smoother.update(id as u64, &prediction.probabilities);
            self.readings.insert(
                id,
                Reading {
                    prediction,
                    read_at: self.frame,
                    seen_at: self.frame,
                },
            );
        }
        for (face, expression) in faces.iter().zip(&mut expressions) {
            if let Some(reading) = self.readings.get(&face.id).filter(|_| face.id > 0) {
                let smoothed = self
                    .smoother
                    .get(face.id as u64)
                    .map(|s| (s.label, s.probabilities[s.label]));
                *expression = Some(express(
                    element,
                    &reading.prediction,
                    smoothed,
                    labels,
                    threshold,
                ));
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

fn express(
    element: &str,
    prediction: &Prediction,
    smoothed: Option<(usize, f32)>,
    labels: &[String],
    threshold: f64,
) -> Expression {
    let name = |label: usize, confidence: f32| {
        if f64::from(confidence) < threshold {
            UNCERTAIN.to_owned()
        } else {
            labels[label].clone()
        }
    };
    let (smoothed_label, smoothed_confidence) =
        smoothed.unwrap_or((prediction.label, prediction.confidence));
    Expression {
        element: element.to_owned(),
        label: name(prediction.label, prediction.confidence),
        confidence: prediction.confidence.into(),
        probabilities: labels
            .iter()
            .cloned()
            .zip(prediction.probabilities.iter().map(|p| f64::from(*p)))
            .collect(),
        smoothed_label: name(smoothed_label, smoothed_confidence),
        smoothed_confidence: smoothed_confidence.into(),
    }
}
