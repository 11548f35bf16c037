//! From faces in a frame to the probabilities of every expression.

use std::time::{Duration, Instant};

use crate::engine::{self, EngineKind, EngineOptions, Fallback, Membership, Runs, Selection};
use crate::prepare::Preparer;
use crate::{Error, FaceBox, Frame, Model, Result};

/// What the network says of one face.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Index of the most probable class in the model's labels.
    pub label: usize,
    /// Its probability, 0 to 1.
    pub confidence: f32,
    /// One probability a class; they sum to one.
    pub probabilities: Vec<f32>,
}

impl Prediction {
    /// From probabilities, one a class.
    ///
    /// # Panics
    /// When there is none.
    pub fn from_probabilities(probabilities: Vec<f32>) -> Self {
        let label = argmax(&probabilities).expect("a model has at least two classes");
        Self {
            label,
            confidence: probabilities[label],
            probabilities,
        }
    }
}

/// A model, its preparation and an engine.
pub struct Classifier {
    model: Model,
    preparer: Preparer,
    selection: Selection,
    max_batch: usize,
    /// Whether faces of a run that fails are left unread.
    drops: bool,
    mirror: bool,
    input: Vec<f32>,
    runs: Runs,
    prepare_time: Duration,
}

impl Classifier {
    /// Opens an engine for `model`.
    ///
    /// # Errors
    /// As [`engine::open`].
    pub fn new(model: &Model, options: &EngineOptions) -> Result<Self> {
        Ok(Self {
            preparer: Preparer::new(&model.info().input)?,
            selection: engine::open(model, options)?,
            model: model.clone(),
            max_batch: options.max_batch.max(1),
            drops: options.kind == EngineKind::Remote && options.remote.fallback == Fallback::Drop,
            mirror: false,
            input: Vec::new(),
            runs: Runs::default(),
            prepare_time: Duration::ZERO,
        })
    }

    /// Whether [`Classifier::classify`] also looks at every face mirrored and averages the
    /// probabilities of both: expressions are about symmetric, the network is not. Twice the
    /// work.
    pub fn set_mirror(&mut self, mirror: bool) {
        self.mirror = mirror;
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The engine in use.
    pub fn engine(&self) -> EngineKind {
        self.selection.kind
    }

    /// One line for the log: which engine is used and why.
    pub fn reason(&self) -> &str {
        &self.selection.reason
    }

    /// What the engine has run; one that several streams share, for all of them.
    pub fn runs(&self) -> Runs {
        self.membership()
            .map_or(self.runs, |membership| membership.runs())
    }

    /// What the engine has run for this classifier alone.
    pub fn own_runs(&self) -> Runs {
        self.runs
    }

    /// The part in an engine that several streams share, where it is shared.
    pub fn membership(&self) -> Option<Membership> {
        self.selection.engine.membership()
    }

    /// Time that [`Classifier::classify`] has spent on cutting faces out of their frames and
    /// bringing them to the network's size.
    pub fn prepare_time(&self) -> Duration {
        self.prepare_time
    }

    /// Classifies the faces at `faces`, in their order, in as few runs as the batch size
    /// allows. Those that are known to be tilted are read upright.
    ///
    /// # Errors
    /// [`Error::Setting`] when a box holds no pixel of the frame, [`Error::Engine`] when
    /// inference fails or gives no probabilities for one of the faces, such as values that
    /// are not numbers.
    pub fn classify<F>(&mut self, frame: &Frame, faces: &[F]) -> Result<Vec<Prediction>>
    where
        for<'a> &'a F: Into<FaceBox>,
    {
        self.classify_each(frame, faces)?.into_iter().collect()
    }

    /// As [`Classifier::classify`], with a result of its own for each face: one for which the
    /// network gives no probabilities leaves the others theirs; with [`Fallback::Drop`] also
    /// those that no server has read. However many faces there are, a deadline for servers counts
    /// once for all.
    ///
    /// # Errors
    /// [`Error::Setting`] when a box holds no pixel of the frame, [`Error::Engine`] when
    /// inference fails, or the stream leaves ([`Membership::set_hurry`]).
    pub fn classify_each<F>(
        &mut self,
        frame: &Frame,
        faces: &[F],
    ) -> Result<Vec<Result<Prediction>>>
    where
        for<'a> &'a F: Into<FaceBox>,
    {
        let len = self.preparer.spec().len();
        let looks = if self.mirror { 2 } else { 1 };
        let mut input = std::mem::take(&mut self.input);
        input.resize(faces.len() * looks * len, 0.0);
        let start = Instant::now();
        let prepared = faces
            .iter()
            .zip(input.chunks_exact_mut(looks * len))
            .try_for_each(|(face, out)| {
                let (upright, mirrored) = out.split_at_mut(len);
                self.preparer.prepare(frame, face, upright)?;
                if self.mirror {
                    self.preparer.mirror(upright, mirrored);
                }
                Ok(())
            });
        self.prepare_time += start.elapsed();
        let result = prepared.and_then(|()| self.read(&input, looks));
        self.input = input;
        result
    }

    /// Classifies faces that [`Preparer::prepare`] has prepared, one after another.
    ///
    /// # Errors
    /// [`Error::Engine`] when inference fails or gives no probabilities for one of the faces,
    /// such as values that are not numbers.
    ///
    /// # Panics
    /// When `input` is not a whole number of faces.
    pub fn classify_prepared(&mut self, input: &[f32]) -> Result<Vec<Prediction>> {
        self.read(input, 1)?.into_iter().collect()
    }

    /// Runs prepared faces, each of which is there as often as it has `looks`.
    fn read(&mut self, input: &[f32], looks: usize) -> Result<Vec<Result<Prediction>>> {
        let len = self.preparer.spec().len();
        assert_eq!(
            input.len() % (looks * len),
            0,
            "not a whole number of faces"
        );
        let classes = self.model.info().labels.len();
        let mut values = vec![0.0; input.len() / len * classes];
        let (faces, most) = (input.len() / len, self.max_batch);
        let engine = &self.selection.engine;
        let outcomes = engine.run_in_batches(input, faces, most, &mut values);
        // By batch, what is wrong with it.
        let mut failed = Vec::new();
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Err(Error::Engine { reason, .. }) if self.drops && !self.is_leaving() => {
                    failed.push(Some(reason));
                }
                outcome => {
                    outcome?;
                    self.runs.add(most.min(faces - at * most));
                    failed.push(None);
                }
            }
        }
        let faces = values.chunks_exact(looks * classes).enumerate();
        let read = |(at, values)| {
            let batches = at * looks / most..=((at + 1) * looks - 1) / most;
            match failed[batches].iter().flatten().next() {
                Some(reason) => Err(Error::Engine {
                    engine: self.selection.kind.name(),
                    reason: reason.clone(),
                }),
                None => self.interpret(at, values),
            }
        };
        Ok(faces.map(read).collect())
    }

    fn is_leaving(&self) -> bool {
        self.membership().is_some_and(|m| m.is_leaving())
    }

    /// What the values of all looks at a face say, which is the `at`-th of its call.
    fn interpret(&self, at: usize, values: &[f32]) -> Result<Prediction> {
        let info = self.model.info();
        let looks = values.chunks_exact(info.labels.len()).map(|values| {
            let read = info.output.probabilities(values);
            let read = read.map(Prediction::from_probabilities);
            read.map_err(|why| Error::Engine {
                engine: self.selection.kind.name(),
                reason: format!(
                    "model {:?} gives no probabilities for face {at} (counted from 0): {why}",
                    self.model.name()
                ),
            })
        });
        looks
            .reduce(|a, b| Ok(mean(&a?, &b?)))
            .expect("a face has at least one look")
    }
}

/// Both with the same say.
fn mean(a: &Prediction, b: &Prediction) -> Prediction {
    let pairs = a.probabilities.iter().zip(&b.probabilities);
    Prediction::from_probabilities(pairs.map(|(a, b)| (a + b) / 2.0).collect())
}

/// Index of the largest of the values, of equal ones the last; `None` where there are none.
pub fn argmax(values: &[f32]) -> Option<usize> {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

/// exp(x_i) / sum exp(x_j), shifted by the largest value so that nothing overflows.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.iter().map(|v| (v - largest).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.iter().map(|v| v / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_large_logits_is_finite() {
        let p = softmax(&[1000.0, 1000.0 + 3f32.ln(), -1000.0]);
        assert!((p[0] - 0.25).abs() < 1e-4 && (p[1] - 0.75).abs() < 1e-4 && p[2] == 0.0);
        assert_eq!(Prediction::from_probabilities(p).label, 1);
    }
}
