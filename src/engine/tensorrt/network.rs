//! What TensorRT's parser makes of an ONNX graph.
//!
//! A finished engine can only be asked for its tensors on a card; the network that it is
//! built from can be asked anywhere.

use trtx::NetworkDefinition;

use super::builder::text;

/// A tensor as TensorRT sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, the same as in the ONNX file.
    pub name: String,
    /// Its axes; -1 for the batch, which varies.
    pub shape: Vec<i64>,
    /// Type of its elements: `float`, `half`, `int8` and so on.
    pub kind: String,
}

/// A layer of the network before TensorRT joins it with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name: that of the ONNX node, where one node makes one layer.
    pub name: String,
    /// Its type, such as `convolution`.
    pub kind: String,
    /// What it computes.
    pub outputs: Vec<Tensor>,
}

/// The whole network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Tensors that the caller fills.
    pub inputs: Vec<Tensor>,
    /// Tensors that the caller reads.
    pub outputs: Vec<Tensor>,
    /// Layers in the order of the graph.
    pub layers: Vec<Layer>,
}

impl Network {
    pub(super) fn read(network: &NetworkDefinition) -> Result<Self, String> {
        let tensors = |tensors: Vec<trtx::Tensor>| -> Result<Vec<Tensor>, String> {
            tensors.iter().map(|t| tensor(network, t)).collect()
        };
        let layers = (0..network.nb_layers()).map(|i| {
            let layer = network.layer(i).map_err(text)?;
            let outputs = (0..layer.num_outputs(network))
                .map(|i| layer.output(network, i).map_err(text))
                .collect::<Result<_, _>>()?;
            Ok(Layer {
                name: layer.name(network),
                kind: plain(layer.layer_type_dynamic()),
                outputs: tensors(outputs)?,
            })
        });
        Ok(Self {
            inputs: tensors(network.inputs().collect())?,
            outputs: tensors(network.outputs().collect())?,
            layers: layers.collect::<Result<_, String>>()?,
        })
    }

    /// Whether the network begins and ends as those who run it expect: one input and one
    /// output, of 32-bit floats.
    pub(super) fn check(&self, input: &str, output: &str) -> Result<(), String> {
        for (tensors, wanted, side) in [
            (&self.inputs, input, "input"),
            (&self.outputs, output, "output"),
        ] {
            match &tensors[..] {
                [tensor] if tensor.name == wanted && tensor.kind == "float" => (),
                other => {
                    let names: Vec<_> = other
                        .iter()
                        .map(|t| format!("{} ({})", t.name, t.kind))
                        .collect();
                    return Err(format!(
                        "the network has the {side} {}, not just {wanted:?} of 32-bit floats",
                        names.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }
}

fn tensor(network: &NetworkDefinition, tensor: &trtx::Tensor) -> Result<Tensor, String> {
    Ok(Tensor {
        name: tensor.name(network).map_err(text)?,
        shape: tensor.dimensions(network).map_err(text)?,
        kind: plain(tensor.data_type(network)),
    })
}

/// `kFLOAT` as `float`.
fn plain(name: impl std::fmt::Debug) -> String {
    format!("{name:?}").trim_start_matches('k').to_lowercase()
}
