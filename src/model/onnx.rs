//! Reading what an ONNX file says of its input, output and metadata.

use crate::onnx::proto::{
    ModelProto, ValueInfoProto, tensor_shape_proto::dimension::Value as Dim,
    type_proto::Value as TypeValue,
};
use prost::Message;

use crate::engine::tensorrt::EngineHeader;

use super::{Color, InputSpec, Layout, METADATA_KEY, ModelInfo, Output, Overrides, Tone};

/// Names of the tensors that engines feed and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSummary {
    /// The one input that is no constant.
    pub input: String,
    /// The first output.
    pub output: String,
}

/// Element type of 32-bit floats in ONNX (`TensorProto.DataType.FLOAT`).
const FLOAT: i32 = 1;

/// Reads the graph's ends and the metadata, with `overrides` in place of either.
pub fn read(bytes: &[u8], overrides: &Overrides) -> Result<(GraphSummary, ModelInfo), String> {
    let proto = ModelProto::decode(bytes).map_err(|e| format!("not an ONNX file ({e})"))?;
    let graph = proto.graph.as_ref().ok_or("not an ONNX file (no graph)")?;
    let mut inputs = graph
        .input
        .iter()
        .filter(|i| !graph.initializer.iter().any(|c| c.name == i.name));
    let input = inputs.next().ok_or("the graph has no input")?;
    if let Some(second) = inputs.next() {
        return Err(format!(
            "the graph has more than one input ({:?}, {:?})",
            input.name, second.name
        ));
    }
    let output = graph.output.first().ok_or("the graph has no output")?;
    for (value, side) in [(input, "input"), (output, "output")] {
        if element_type(value).is_some_and(|t| t != FLOAT) {
            return Err(format!("{side} {:?} is not of 32-bit floats", value.name));
        }
    }

    let metadata = proto.metadata_props.iter().find(|p| p.key == METADATA_KEY);
    let ends_in_softmax = graph
        .node
        .iter()
        .any(|n| n.op_type == "Softmax" && n.output.contains(&output.name));
    let shape = dims(input);
    let mut info = match metadata {
        Some(entry) => ModelInfo::from_json(&entry.value).map_err(|e| e.to_string())?,
        None => describe(shape.as_deref(), overrides, ends_in_softmax)?,
    };
    apply(&mut info, overrides);
    info.check().map_err(|e| e.to_string())?;

    if let Some(shape) = &shape {
        let wanted = info.input.shape(1);
        let fits = shape.len() == 4
            && shape[1..]
                .iter()
                .zip(&wanted[1..])
                .all(|(have, want)| have.is_none_or(|have| have == *want));
        if !fits {
            return Err(format!(
                "input {:?} of shape {} does not take faces prepared as {wanted:?}",
                input.name,
                show(shape)
            ));
        }
    }
    if let Some(classes) = dims(output).and_then(|d| d.last().copied().flatten())
        && classes != info.labels.len()
    {
        return Err(format!(
            "output {:?} has {classes} classes but there are {} labels",
            output.name,
            info.labels.len()
        ));
    }
    let summary = GraphSummary {
        input: input.name.clone(),
        output: output.name.clone(),
    };
    Ok((summary, info))
}

/// What an engine's header says, with `overrides` in place of it.
pub fn describe_engine(
    header: &EngineHeader,
    overrides: &Overrides,
) -> Result<(GraphSummary, ModelInfo), String> {
    let mut info = header.model.clone();
    apply(&mut info, overrides);
    info.check().map_err(|e| e.to_string())?;
    let (classes, labels) = (header.model.labels.len(), info.labels.len());
    if classes != labels {
        return Err(format!("{classes} classes but there are {labels} labels"));
    }
    if info.input.len() != header.model.input.len() {
        return Err("the engine's input has another number of channels".to_owned());
    }
    let summary = GraphSummary {
        input: header.input.clone(),
        output: header.output.clone(),
    };
    Ok((summary, info))
}

/// Builds the description of a file without metadata from its input's shape and what the
/// user said. Nothing is guessed that would silently spoil the result.
fn describe(
    shape: Option<&[Option<usize>]>,
    overrides: &Overrides,
    ends_in_softmax: bool,
) -> Result<ModelInfo, String> {
    let missing: Vec<&str> = [
        ("labels", overrides.labels.is_none()),
        ("mean", overrides.mean.is_none()),
        ("std", overrides.std.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, absent)| absent.then_some(name))
    .collect();
    if !missing.is_empty() {
        return Err(format!(
            "the file has no {METADATA_KEY:?} metadata, so its {} must be given",
            missing.join(", ")
        ));
    }
    let [_, a, b, c] = shape.unwrap_or_default() else {
        return Err("the file has no metadata and its input's shape is not known".to_owned());
    };
    let (channels, height, width, layout) = match (a, b, c) {
        (Some(n @ (1 | 3)), Some(h), Some(w)) => (*n, *h, *w, Layout::Nchw),
        (Some(h), Some(w), Some(n @ (1 | 3))) => (*n, *h, *w, Layout::Nhwc),
        _ => {
            return Err(format!(
                "the file has no metadata and its input's shape {} is not that of a picture",
                show(shape.unwrap_or_default())
            ));
        }
    };
    Ok(ModelInfo {
        version: 1,
        name: String::new(),
        labels: Vec::new(),
        input: InputSpec {
            width,
            height,
            color: if channels == 1 {
                Color::Gray
            } else {
                Color::Rgb
            },
            layout,
            mean: Vec::new(),
            std: Vec::new(),
            margin: 0.0,
            tone: Tone::AsIs,
        },
        output: if ends_in_softmax {
            Output::Probabilities
        } else {
            Output::Logits
        },
        training: serde_json::Value::Null,
        metrics: serde_json::Value::Null,
    })
}

fn apply(info: &mut ModelInfo, overrides: &Overrides) {
    if let Some(labels) = &overrides.labels {
        info.labels.clone_from(labels);
    }
    if let Some(color) = overrides.color {
        info.input.color = color;
    }
    if let Some(mean) = &overrides.mean {
        info.input.mean.clone_from(mean);
    }
    if let Some(std) = &overrides.std {
        info.input.std.clone_from(std);
    }
    if let Some(margin) = overrides.margin {
        info.input.margin = margin;
    }
    if let Some(tone) = overrides.tone {
        info.input.tone = tone;
    }
}

fn element_type(value: &ValueInfoProto) -> Option<i32> {
    match value.r#type.as_ref()?.value.as_ref()? {
        TypeValue::TensorType(tensor) => Some(tensor.elem_type),
    }
}

/// The shape, with `None` for an axis that is not fixed.
fn dims(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let TypeValue::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|d| match d.value {
        Some(Dim::DimValue(n)) => usize::try_from(n).ok().filter(|n| *n > 0),
        _ => None,
    });
    Some(dims.collect())
}

fn show(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape
        .iter()
        .map(|d| d.map_or("?".to_owned(), |n| n.to_string()))
        .collect();
    format!("[{}]", axes.join(", "))
}
