//! A network out of an ONNX file that was exported here, to go on training from.

use std::collections::HashMap;

use fer::Model;
use fer::model::Bundled;
use fer::onnx::proto::{GraphProto, ModelProto, TensorProto, tensor_proto::DataType};
use half::f16;
use prost::Message;

use super::network::width;
use super::tensors::held_out;
use super::{Config, Shape, WeightsFile};
use crate::error::Context;
use crate::nn::batch_norm::EPSILON;
use crate::nn::weights::{Tensor, Tensors};
use crate::nn::{Architecture, Layer};
use crate::{Error, Result};

impl WeightsFile {
    /// The network in an ONNX file that `export` wrote, in 32 or 16 bits. Its batch norm is folded
    /// into the convolutions, see [`WeightsFile::folded`].
    ///
    /// # Errors
    /// When it is no ONNX file, is quantised, or holds another network than this crate trains.
    pub fn from_model(model: &Model) -> Result<Self> {
        let read = || -> Result<Self> {
            let graph = ModelProto::decode(model.bytes())
                .ok()
                .filter(|_| model.engine_file().is_none())
                .and_then(|file| file.graph)
                .ok_or_else(|| Error::Artifact("no ONNX file".into()))?;
            let mut tensors = Tensors::new();
            for layer in Architecture::new(1.0, 2)?.layers {
                insert_layer(&mut tensors, &layer, &graph)?;
            }
            for name in ["head.weight", "head.bias"] {
                tensors.insert(name.to_owned(), read_tensor(&graph, name)?);
            }
            let info = model.info();
            let recipe: Option<Config> = match info.training.get("recipe") {
                Some(recipe) => Some(serde_json::from_value(recipe.clone()).context("its recipe")?),
                None => None,
            };
            let shape = match &recipe {
                Some(recipe) => recipe.shape(),
                None => Shape {
                    width: width(&tensors)?,
                    stem_stride: stem_stride(&graph)?,
                    tone: info.input.tone,
                },
            };
            let validation = info.training.get("validation").and_then(|v| v.as_str());
            Ok(Self {
                tensors,
                classes: Some(info.labels.clone()),
                recipe,
                shape: Some(shape),
                validation: validation.map_or(Ok(None), held_out)?,
                metadata: HashMap::new(),
                folded: true,
                builtin: is_builtin(model),
            })
        };
        read().with_context(|| format!("{} can't be trained further", model.name()))
    }
}

/// Whether `model` is one of the networks that are built in, by whatever name.
pub fn is_builtin(model: &Model) -> bool {
    let own = model.sha256();
    [Bundled::Small, Bundled::Standard, Bundled::Accurate]
        .into_iter()
        .any(|which| Model::built_in(which).is_ok_and(|model| model.sha256() == own))
}

/// Adds a layer's convolution, and its bias as the shift of a batch norm that does nothing else.
fn insert_layer(tensors: &mut Tensors, layer: &Layer, graph: &GraphProto) -> Result<()> {
    let name = &layer.name;
    let bias = read_tensor(graph, &format!("{name}.bias"))?;
    let each = |value: f32| Tensor {
        shape: bias.shape.clone(),
        data: vec![value; bias.data.len()],
    };
    for (part, tensor) in [
        ("gamma", each(1.0)),
        ("moving_mean", each(0.0)),
        ("moving_variance", each(1.0 - EPSILON)),
        ("beta", bias.clone()),
    ] {
        tensors.insert(format!("{name}_bn.{part}"), tensor);
    }
    let weight = format!("{name}.weight");
    tensors.insert(weight.clone(), read_tensor(graph, &weight)?);
    Ok(())
}

fn read_tensor(graph: &GraphProto, name: &str) -> Result<Tensor> {
    let constant = graph.initializer.iter().find(|c| c.name == name);
    let constant = constant.ok_or_else(|| {
        Error::Artifact(format!(
            "it has no {name:?}, and so was not exported by fer-trainer"
        ))
    })?;
    let shape: Vec<usize> = constant.dims.iter().map(|n| *n as usize).collect();
    let data = floats(constant).ok_or_else(|| {
        Error::Artifact(format!(
            "{name:?} is not in 32 or 16 bits: export the network without --int8 to go on from it"
        ))
    })?;
    ensure!(
        data.len() == shape.iter().product::<usize>(),
        Artifact,
        "{name:?} has {} values, not as its shape says",
        data.len()
    );
    Ok(Tensor { shape, data })
}

/// The values of a tensor of 32- or 16-bit floats.
fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let raw = &tensor.raw_data;
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => Some(tensor.float_data.clone()),
        DataType::Float => {
            let values = raw.chunks_exact(4);
            Some(
                values
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            )
        }
        DataType::Float16 => {
            let values = raw.chunks_exact(2);
            Some(
                values
                    .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Stride of the first convolution.
fn stem_stride(graph: &GraphProto) -> Result<usize> {
    let first = graph.node.iter().find(|node| node.op_type == "Conv");
    let strides = first.and_then(|node| node.attribute.iter().find(|a| a.name == "strides"));
    let stride = strides.and_then(|attribute| attribute.ints.first());
    stride
        .and_then(|stride| usize::try_from(*stride).ok())
        .ok_or_else(|| Error::Artifact("its first convolution names no stride".into()))
}
