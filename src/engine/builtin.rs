use super::Engine;
use crate::nn::Network;
use crate::{Error, Model, Result};

/// The engine that is compiled in: one thread a run, as many runs at once as there are threads.
///
/// It knows the operations of networks of convolutions; for others there is ONNX Runtime.
pub struct Builtin {
    network: Network,
}

impl Builtin {
    /// Reads `model` and lays its weights out for this processor.
    ///
    /// # Errors
    /// [`Error::Model`] when the graph has an operation that the engine lacks, which is named,
    /// or another number of outputs than labels.
    pub fn open(model: &Model) -> Result<Self> {
        let [_, input @ ..] = model.info().input.shape(1);
        let output = &model.graph().output[..];
        let network = Network::new(model.bytes(), input, &[output])
            .map_err(|why| model.error(format!("{why}; engine onnxruntime may run it")))?;
        let classes: usize = network.shapes().flatten().product();
        let labels = model.info().labels.len();
        if classes != labels {
            return Err(model.error(format!("{classes} outputs for {labels} labels")));
        }
        Ok(Self { network })
    }
}

impl Engine for Builtin {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        self.network.run(input, batch, |results| {
            if results[0].len() != output.len() {
                return Err(Error::Engine {
                    engine: "builtin",
                    reason: format!("{} values instead of {}", results[0].len(), output.len()),
                });
            }
            output.copy_from_slice(results[0]);
            Ok(())
        })
    }
}
