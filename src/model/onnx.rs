//! Reading what an ONNX file says of its input, output and metadata.

use prost::Message;

use crate::onnx::proto::{ModelProto, ValueInfoProto, tensor_proto::DataType};

use super::ends::{self, INPUTS, OUTPUTS, show};
use super::{
    Color, EngineHeader, InputSpec, Layout, METADATA_KEY, ModelInfo, Output, Overrides, Tone, head,
};

/// Names of the tensors that engines feed and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphSummary {
    /// The one input that is no constant.
    pub input: String,
    /// The output with the classes.
    pub output: String,
    /// The number of faces in each run where the network takes just that one; `None` where
    /// it may vary.
    pub batch: Option<usize>,
}

/// What is read from an ONNX file.
pub struct Described {
    pub graph: GraphSummary,
    pub info: ModelInfo,
    /// The file as engines are to have it, where that is not as it is.
    pub rewritten: Option<Vec<u8>>,
}

/// Operators have other rules before.
const FIRST_OPSET: i64 = 7;

/// Reads the graph's ends and the metadata, with `overrides` in place of either.
pub fn read(bytes: &[u8], overrides: &Overrides) -> Result<Described, String> {
    let mut proto = ModelProto::decode(bytes).map_err(|e| format!("not an ONNX file ({e})"))?;
    let graph = proto.graph.as_ref().ok_or("not an ONNX file (no graph)")?;
    let own = |domain: &str| matches!(domain, "" | "ai.onnx");
    if let Some(opset) = proto.opset_import.iter().find(|o| own(&o.domain))
        && opset.version < FIRST_OPSET
    {
        return Err(format!(
            "its operators are of version {}; bring it to {FIRST_OPSET} or newer, with \
             onnx.version_converter or by exporting it again",
            opset.version
        ));
    }
    let input = graph.only_input()?;
    let kind = input.element_type();
    if let Some(kind) = kind.filter(|kind| !INPUTS.contains(kind)) {
        return Err(format!(
            "input {:?} is of type {kind:?}; floats of 16, 32 or 64 bits and uint8 can be given",
            input.name
        ));
    }
    let shape = input.dims();
    let batch = shape.as_ref().and_then(|shape| *shape.first()?);

    let metadata = proto.metadata_props.iter().find(|p| p.key == METADATA_KEY);
    let mut info = match metadata {
        Some(entry) => ModelInfo::from_json(&entry.value).map_err(|e| e.to_string())?,
        None => describe(shape.as_deref(), kind, overrides)?,
    };
    apply(&mut info, overrides);
    info.check().map_err(|e| e.to_string())?;
    check_input(input, shape.as_deref(), &info.input)?;

    let labels = info.labels.len();
    let output = head::choose(graph, overrides.output_name.as_deref(), labels, batch)?;
    check_output(output, labels, batch)?;
    if metadata.is_none() && overrides.output.is_none() {
        info.output = head::kind(graph, &output.name).map_err(|operator| {
            format!(
                "output {:?} ends in {operator}, which leaves open what it is; say output=logits, \
                 probabilities or independent",
                output.name
            )
        })?;
    }

    let mut summary = GraphSummary {
        input: input.name.clone(),
        output: output.name.clone(),
        batch,
    };
    let names = proto
        .graph
        .as_mut()
        .and_then(|graph| ends::plain(graph, &summary.input, &summary.output, &info.input));
    let rewritten = names.map(|(input, output)| {
        (summary.input, summary.output) = (input, output);
        proto.encode_to_vec()
    });
    Ok(Described {
        graph: summary,
        info,
        rewritten,
    })
}

fn check_input(
    input: &ValueInfoProto,
    shape: Option<&[Option<usize>]>,
    spec: &InputSpec,
) -> Result<(), String> {
    if let Some(shape) = shape {
        let wanted = spec.shape(1);
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
    let raw = |c| spec.mean_and_std(c) == (0.0, 1.0);
    if input.element_type() == Some(DataType::Uint8) && !(0..spec.color.channels()).all(raw) {
        return Err(format!(
            "input {:?} is of uint8, which takes pixels as they are: mean 0 and std 1",
            input.name
        ));
    }
    Ok(())
}

fn check_output(
    output: &ValueInfoProto,
    labels: usize,
    batch: Option<usize>,
) -> Result<(), String> {
    if let Some(kind) = output.element_type().filter(|kind| !OUTPUTS.contains(kind)) {
        return Err(format!(
            "output {:?} is of type {kind:?}, not of floats",
            output.name
        ));
    }
    match head::classes(output, batch) {
        Some(classes) if classes != labels => Err(format!(
            "output {:?} has {classes} classes but there are {labels} labels",
            output.name
        )),
        _ => Ok(()),
    }
}

/// What an engine's header says, with `overrides` in place of it.
pub fn describe_engine(header: &EngineHeader, overrides: &Overrides) -> Result<Described, String> {
    if let Some(wanted) = overrides
        .output_name
        .as_ref()
        .filter(|o| **o != header.output)
    {
        return Err(format!(
            "no output {wanted:?}; the engine has {:?} only",
            header.output
        ));
    }
    let mut info = header.model.clone();
    apply(&mut info, overrides);
    info.check().map_err(|e| e.to_string())?;
    let (classes, labels) = (header.model.labels.len(), info.labels.len());
    if classes != labels {
        return Err(format!("{classes} classes but there are {labels} labels"));
    }
    let size = |spec: &InputSpec| (spec.width, spec.height, spec.color.channels());
    if size(&info.input) != size(&header.model.input) {
        return Err("the engine's input has another size or number of channels".to_owned());
    }
    let summary = GraphSummary {
        input: header.input.clone(),
        output: header.output.clone(),
        batch: header.batch,
    };
    Ok(Described {
        graph: summary,
        info,
        rewritten: None,
    })
}

/// Builds the description of a file without metadata from its input's shape and what the
/// user said. Nothing is guessed that would silently spoil the result.
fn describe(
    shape: Option<&[Option<usize>]>,
    kind: Option<DataType>,
    overrides: &Overrides,
) -> Result<ModelInfo, String> {
    // Bytes are taken as they are, so nothing is open there.
    let bytes = kind == Some(DataType::Uint8);
    let missing: Vec<&str> = [
        ("labels", overrides.labels.is_none()),
        ("mean", overrides.mean.is_none() && !bytes),
        ("std", overrides.std.is_none() && !bytes),
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
        (Some(n @ (1 | 3)), h, w) => (*n, *h, *w, Layout::Nchw),
        (h, w, Some(n @ (1 | 3))) => (*n, *h, *w, Layout::Nhwc),
        _ => {
            return Err(format!(
                "the file has no metadata and its input's shape {} is not that of a picture",
                show(shape.unwrap_or_default())
            ));
        }
    };
    let (width, height) = match (width, height, overrides.size) {
        (Some(width), Some(height), _) => (width, height),
        (_, _, Some(size)) => size,
        _ => {
            return Err(format!(
                "its input takes any size ({}), so the one it was trained with must be given: \
                 input-size=WIDTHxHEIGHT",
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
            mean: vec![0.0],
            std: vec![1.0],
            margin: 0.0,
            tone: Tone::AsIs,
        },
        output: Output::default(),
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
    if let Some((width, height)) = overrides.size {
        (info.input.width, info.input.height) = (width, height);
    }
    if let Some(output) = overrides.output {
        info.output = output;
    }
}
