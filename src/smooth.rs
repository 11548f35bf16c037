//! Class probabilities of a face over time, and a label that does not flicker.

use std::collections::HashMap;

/// Probabilities of a face after smoothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed {
    /// Index of the class shown.
    pub label: usize,
    /// Smoothed probability of each class.
    pub probabilities: Vec<f32>,
}

/// Exponential smoothing of class probabilities, face by face, with hysteresis on the
/// label.
#[derive(Debug, Clone)]
pub struct Smoother {
    alpha: f32,
    hysteresis: f32,
    faces: HashMap<u64, Smoothed>,
}

impl Smoother {
    /// `alpha` is the weight of a new reading, above 0 (ever slower) to 1 (no
    /// smoothing); `hysteresis` is by how much the smoothed probability of another
    /// class must exceed that of the label shown before it takes over, 0 to 1. Values
    /// outside are clamped.
    pub fn new(alpha: f32, hysteresis: f32) -> Self {
        Self {
            alpha: alpha.clamp(f32::EPSILON, 1.0),
            hysteresis: hysteresis.clamp(0.0, 1.0),
            faces: HashMap::new(),
        }
    }

    /// Adds a reading of the face `id` and gives its smoothed state. A face's first
    /// reading is taken as it is, and so is one with another number of classes.
    pub fn update(&mut self, id: u64, probabilities: &[f32]) -> &Smoothed {
        let (alpha, hysteresis) = (self.alpha, self.hysteresis);
        let face = self.faces.entry(id).or_insert_with(|| Smoothed {
            label: 0,
            probabilities: Vec::new(),
        });
        if face.probabilities.len() == probabilities.len() {
            for (old, new) in face.probabilities.iter_mut().zip(probabilities) {
                *old += alpha * (new - *old);
            }
            let best = largest(&face.probabilities);
            if face.probabilities[best] > face.probabilities[face.label] + hysteresis {
                face.label = best;
            }
        } else {
            face.probabilities = probabilities.to_vec();
            face.label = largest(probabilities);
        }
        face
    }

    /// The state of the face `id`, where it has had a reading.
    pub fn get(&self, id: u64) -> Option<&Smoothed> {
        self.faces.get(&id)
    }

    /// Changes the settings, keeping the faces.
    pub fn set(&mut self, alpha: f32, hysteresis: f32) {
        let faces = std::mem::take(&mut self.faces);
        *self = Self {
            faces,
            ..Self::new(alpha, hysteresis)
        };
    }

    /// Forgets the faces for which `seen` is false.
    pub fn retain(&mut self, mut seen: impl FnMut(u64) -> bool) {
        self.faces.retain(|id, _| seen(*id));
    }

    /// Forgets all faces.
    pub fn reset(&mut self) {
        self.faces.clear();
    }
}

/// Index of the largest value, the first of equal ones; 0 when there are none.
fn largest(values: &[f32]) -> usize {
    values
        .iter()
        .enumerate()
        .fold((0, f32::NEG_INFINITY), |best, (i, &v)| {
            if v > best.1 { (i, v) } else { best }
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_holds_until_another_class_is_clearly_ahead() {
        let mut smoother = Smoother::new(0.5, 0.2);
        assert_eq!(smoother.update(7, &[0.6, 0.4]).label, 0);
        // 0.45 against 0.55: ahead, but not by the hysteresis.
        assert_eq!(smoother.update(7, &[0.3, 0.7]).label, 0);
        assert_eq!(smoother.update(7, &[0.1, 0.9]).label, 1);
        // Back to even: the new label holds in turn.
        assert_eq!(smoother.update(7, &[0.7, 0.3]).label, 1);
    }

    #[test]
    fn a_flickering_reading_gives_one_label() {
        let mut smoother = Smoother::new(0.3, 0.1);
        let first = smoother.update(1, &[0.55, 0.45]).label;
        for i in 0..50 {
            let reading = if i % 2 == 0 {
                [0.45, 0.55]
            } else {
                [0.55, 0.45]
            };
            assert_eq!(smoother.update(1, &reading).label, first);
        }
    }

    #[test]
    fn faces_are_apart_and_can_be_forgotten() {
        let mut smoother = Smoother::new(0.2, 0.1);
        smoother.update(1, &[1.0, 0.0]);
        assert_eq!(smoother.update(2, &[0.0, 1.0]).label, 1);
        smoother.retain(|id| id == 2);
        assert_eq!(smoother.get(1), None);
        assert_eq!(smoother.update(1, &[0.0, 1.0]).probabilities, [0.0, 1.0]);
    }

    #[test]
    fn another_model_starts_anew() {
        let mut smoother = Smoother::new(0.2, 0.1);
        smoother.update(1, &[1.0, 0.0]);
        let smoothed = smoother.update(1, &[0.1, 0.2, 0.7]);
        assert_eq!(smoothed.label, 2);
    }
}
