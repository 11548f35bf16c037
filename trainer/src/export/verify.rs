//! The exported file computes what the trainer does.

use fer::Model;
use fer::engine::{self, EngineKind, EngineOptions};

use crate::augment::write_input;
use crate::data::Sample;
use crate::error::Context;
use crate::nn::{Architecture, Weights, Workspace};
use crate::train::predict;
use crate::{Result, SIDE};

/// Largest difference of any score that passes, relative to the picture's largest score
/// where that is above one: 32-bit sums round in proportion to their terms.
pub const TOLERANCE: f32 = 1e-4;

/// Pictures that engines run at once.
const BATCH: usize = 16;

/// Largest difference of any score between the trainer's forward pass and `kind` running
/// `model`, over `samples`; as [`TOLERANCE`], relative to scores above one.
///
/// # Errors
/// When the engine can't be had or fails.
pub fn difference(
    net: &Architecture,
    weights: &Weights,
    model: &Model,
    kind: EngineKind,
    samples: &[&Sample],
) -> Result<f32> {
    let options = EngineOptions {
        kind,
        ..EngineOptions::default()
    };
    let engine = engine::open(model, &options)?.engine;
    let mut workspaces = [Workspace::new(net, BATCH)];
    let own = predict(net, weights, &mut workspaces, samples, false);
    let mut largest = 0.0f32;
    for (samples, own) in samples.chunks(BATCH).zip(own.chunks(BATCH)) {
        let mut input = vec![0.0; samples.len() * SIDE * SIDE];
        for (sample, input) in samples.iter().zip(input.chunks_exact_mut(SIDE * SIDE)) {
            write_input(&sample.pixels, net.tone, input);
        }
        let mut output = vec![0.0; samples.len() * net.classes];
        engine.run(&input, samples.len(), &mut output)?;
        for (own, output) in own.iter().zip(output.chunks_exact(net.classes)) {
            let scale = own.iter().fold(1.0f32, |scale, a| scale.max(a.abs()));
            for (a, b) in own.iter().zip(output) {
                ensure!(
                    a.is_finite() && b.is_finite(),
                    Export,
                    "a score is not a number"
                );
                largest = largest.max((a - b).abs() / scale);
            }
        }
    }
    Ok(largest)
}

/// As [`difference`], where more than [`TOLERANCE`] is an error.
///
/// # Errors
/// Names the engine and the difference.
pub fn check(
    net: &Architecture,
    weights: &Weights,
    model: &Model,
    kind: EngineKind,
    samples: &[&Sample],
) -> Result<f32> {
    let largest = difference(net, weights, model, kind, samples)
        .with_context(|| format!("checking the exported file in {kind}"))?;
    ensure!(
        largest <= TOLERANCE,
        Export,
        "the exported file differs from the trainer in {kind} by {largest:.2e}, more than {TOLERANCE:.0e}"
    );
    Ok(largest)
}
