use std::sync::Arc;

use tract_onnx::prelude::*;

use super::Engine;
use crate::{Error, Model, Result};

/// The engine that is compiled in: tract, pure Rust, one thread.
///
/// The graph is optimised for one face. tract gains nothing from a larger batch of this
/// network on a CPU, so a batch is run face by face.
pub struct Builtin {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
}

impl Builtin {
    /// Optimises `model`.
    ///
    /// # Errors
    /// [`Error::Model`] when the graph has an operator that the engine lacks, or another
    /// number of outputs than labels.
    pub fn open(model: &Model) -> Result<Self> {
        let shape = model.info().input.shape(1);
        let plan = optimise(model, shape).map_err(|e| model.error(format!("{e:#}")))?;
        let engine = Self { plan, shape };
        let zeros = vec![0.0; shape.iter().product()];
        let classes = engine
            .infer(&zeros)
            .map_err(|e| model.error(format!("{e:#}")))?
            .len();
        let labels = model.info().labels.len();
        if classes != labels {
            return Err(model.error(format!("{classes} outputs for {labels} labels")));
        }
        Ok(engine)
    }

    fn infer(&self, input: &[f32]) -> TractResult<Vec<f32>> {
        let tensor = Tensor::from_shape(&self.shape, input)?;
        let outputs = self.plan.run(tvec!(tensor.into()))?;
        Ok(outputs[0]
            .to_plain_array_view::<f32>()?
            .iter()
            .copied()
            .collect())
    }
}

fn optimise(model: &Model, shape: [usize; 4]) -> TractResult<Arc<TypedRunnableModel>> {
    let output = &model.graph().output;
    onnx()
        .model_for_read(&mut model.bytes())?
        .with_outputs_by_name([output])?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_optimized()?
        .into_runnable()
}

impl Engine for Builtin {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let error = |reason: String| Error::Engine {
            engine: "builtin",
            reason,
        };
        let (face, classes) = (input.len() / batch, output.len() / batch);
        for (input, output) in input
            .chunks_exact(face)
            .zip(output.chunks_exact_mut(classes))
        {
            let values = self.infer(input).map_err(|e| error(format!("{e:#}")))?;
            if values.len() != classes {
                return Err(error(format!(
                    "{} values instead of {classes}",
                    values.len()
                )));
            }
            output.copy_from_slice(&values);
        }
        Ok(())
    }
}
