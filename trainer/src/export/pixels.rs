//! A network that takes the pixels of faces as bytes, and does what is left of their preparation
//! itself.

use fer::Model;
use fer::model::{InputSpec, Layout, METADATA_KEY};
use fer::onnx::proto::tensor_proto::DataType;
use fer::onnx::proto::{
    ModelProto, NodeProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};
use prost::Message;

use crate::{Error, Result};

/// Name of the input.
pub const INPUT: &str = "pixels";

/// An ONNX file of `model` with an input of uint8, values from 0 to 255. Mean and deviation are
/// in the graph then, and 0 and 1 in its description.
///
/// # Errors
/// Where the model is no ONNX file.
pub fn takes_bytes(model: &Model) -> Result<Vec<u8>> {
    let mut file = ModelProto::decode(model.bytes())
        .map_err(|why| Error::Export(format!("{}: {why}", model.name())))?;
    let graph = file.graph.as_mut();
    let graph = graph.ok_or_else(|| Error::Export(format!("{}: no graph", model.name())))?;
    let (name, spec) = (&model.graph().input, &model.info().input);
    let faces = model.graph().batch.map_or(-1, |faces| faces as i64);
    let [_, face @ ..] = spec.shape(1).map(|size| size as i64);
    let axes = [&[faces][..], &face].concat();
    graph.input.retain(|input| input.name != *name);
    graph
        .input
        .push(ValueInfoProto::tensor(INPUT, DataType::Uint8, &axes));
    let (mean, std): (Vec<f32>, Vec<f32>) = (0..spec.color.channels())
        .map(|channel| spec.mean_and_std(channel))
        .unzip();
    graph.initializer.push(constant("pixels.mean", &mean, spec));
    graph.initializer.push(constant("pixels.std", &std, spec));
    graph.node.splice(
        0..0,
        [
            NodeProto::cast(INPUT, "pixels.floats", DataType::Float),
            NodeProto::new(
                "Sub",
                &["pixels.floats", "pixels.mean"],
                "pixels.centred",
                vec![],
            ),
            NodeProto::new("Div", &["pixels.centred", "pixels.std"], name, vec![]),
        ],
    );
    let mut info = model.info().clone();
    (info.input.mean, info.input.std) = (vec![0.0], vec![1.0]);
    file.metadata_props
        .retain(|entry| entry.key != METADATA_KEY);
    file.metadata_props.push(StringStringEntryProto {
        key: METADATA_KEY.to_owned(),
        value: info.to_json(),
    });
    Ok(file.encode_to_vec())
}

fn constant(name: &str, values: &[f32], spec: &InputSpec) -> TensorProto {
    let channels = values.len() as i64;
    TensorProto {
        name: name.to_owned(),
        data_type: DataType::Float as i32,
        dims: match spec.layout {
            Layout::Nchw => vec![1, channels, 1, 1],
            Layout::Nhwc => vec![1, 1, 1, channels],
        },
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Default::default()
    }
}
