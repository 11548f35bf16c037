//! Networks that take one number of faces only, as exporters write it into them: runs of any
//! number are made of runs of that one.

use super::{Engine, EngineKind, batches};
use crate::model::Unreadable;
use crate::{Error, Model, Result};

/// An engine whose network takes `faces` at once, no more and no fewer.
struct Pieces {
    engine: Box<dyn Engine>,
    faces: usize,
}

impl Engine for Pieces {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let (whole, of) = (
            self.faces * (input.len() / batch),
            self.faces * (output.len() / batch),
        );
        for (input, faces, output) in batches(input, batch, self.faces, output) {
            if faces == self.faces {
                self.engine.run(input, self.faces, output)?;
                continue;
            }
            let mut padded = input.to_vec();
            padded.resize(whole, 0.0);
            let mut values = vec![0.0; of];
            self.engine.run(&padded, self.faces, &mut values)?;
            output.copy_from_slice(&values[..output.len()]);
        }
        Ok(())
    }
}

/// `engine` for any number of faces.
///
/// A number that the graph was written for may also be hidden in it, where only a run tells:
/// two faces together must give what each gives alone.
///
/// # Errors
/// Where it can't run a face, or what comes out is not what `model` says it is.
pub(super) fn any_number(
    engine: Box<dyn Engine>,
    kind: EngineKind,
    model: &Model,
) -> Result<Box<dyn Engine>> {
    // The one that is compiled in runs its faces one by one.
    let faces = model.graph().batch.filter(|_| kind != EngineKind::Builtin);
    let engine = Pieces {
        engine,
        faces: faces.unwrap_or(1),
    };
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let [first, second] = trial_faces(len);
    let mut alone = vec![0.0; 2 * classes];
    let (a, b) = alone.split_at_mut(classes);
    engine.run(&first, 1, a).map_err(|e| refused(model, e))?;
    engine.run(&second, 1, b).map_err(|e| refused(model, e))?;
    alone
        .chunks(classes)
        .try_for_each(|v| is_as_said(v, model))?;
    if faces.is_some() {
        return Ok(Box::new(engine));
    }
    let mut together = vec![0.0; 2 * classes];
    let both = [first, second].concat();
    let why = match engine.engine.run(&both, 2, &mut together) {
        Ok(()) if alike(&alone, &together) => return Ok(engine.engine),
        Ok(()) => "two faces together give other values than alone".to_owned(),
        Err(e) => e.to_string(),
    };
    log::info!(
        "model {:?} is run face by face in {kind}: {why}",
        model.name()
    );
    Ok(Box::new(engine))
}

/// Checks that what `engine`, which was opened for another stream, gives is what `model` says
/// it is: the same file may be described otherwise.
///
/// # Errors
/// Where it is not, or the engine fails.
pub(super) fn check(engine: &dyn Engine, model: &Model) -> Result<()> {
    let values = one_face(engine, model).map_err(|e| refused(model, e))?;
    is_as_said(&values, model)
}

/// What `engine` gives for a face.
///
/// # Errors
/// Where it fails.
pub(super) fn one_face(engine: &dyn Engine, model: &Model) -> Result<Vec<f32>> {
    let [face, _] = trial_faces(model.info().input.len());
    let mut values = vec![0.0; model.info().labels.len()];
    engine.run(&face, 1, &mut values)?;
    Ok(values)
}

/// Whether `values` of a face are what the model says they are.
pub(super) fn is_as_said(values: &[f32], model: &Model) -> Result<()> {
    match model.info().output.probabilities(values) {
        Err(Unreadable::Misnamed(reason)) => {
            Err(model.error(format!("output {:?}: {reason}", model.graph().output)))
        }
        _ => Ok(()),
    }
}

/// What an engine says of its first run, as said of the model.
pub(super) fn refused(model: &Model, error: Error) -> Error {
    match error {
        Error::Engine { engine, reason } => model.error(format!("engine {engine}: {reason}")),
        other => other,
    }
}

/// Two faces that no network takes for the same: values as they may be after preparation.
pub(super) fn trial_faces(len: usize) -> [Vec<f32>; 2] {
    [0.37, 0.73].map(|pace: f32| (0..len).map(|i| (i as f32 * pace).sin().abs()).collect())
}

/// How far values of a batch may lie beside those of single faces, in shares of the largest:
/// engines sum in another order, and in fewer bits on a card.
const ROUNDING: f32 = 0.02;

/// Whether both are the same values, but for rounding.
pub(super) fn alike(a: &[f32], b: &[f32]) -> bool {
    let finite = a.iter().copied().filter(|v| v.is_finite());
    let largest = finite.map(f32::abs).fold(0.0, f32::max);
    a.iter()
        .zip(b)
        .all(|(a, b)| (a - b).abs() <= ROUNDING * largest || a == b || (a.is_nan() && b.is_nan()))
}
