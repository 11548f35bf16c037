//! An ONNX graph of 32-bit floats turned into one of 16-bit floats.
//!
//! TensorRT's networks are strongly typed: an engine computes in the types that the graph
//! has. Input and output keep 32 bits, and so does every softmax, behind a `Cast` each.

use std::collections::HashSet;

use crate::onnx::proto::{
    GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType,
    type_proto::Value as TypeValue,
};
use half::f16;
use prost::Message;

/// The model with 16-bit weights and arithmetic.
///
/// # Errors
/// When `onnx` is no ONNX file or a weight is too large for 16 bits.
pub fn to_half(onnx: &[u8]) -> Result<Vec<u8>, String> {
    let mut model = ModelProto::decode(onnx).map_err(|e| format!("not an ONNX file ({e})"))?;
    let graph = model.graph.as_mut().ok_or("not an ONNX file (no graph)")?;
    convert(graph)?;
    Ok(model.encode_to_vec())
}

fn convert(graph: &mut GraphProto) -> Result<(), String> {
    for constant in &mut graph.initializer {
        narrow(constant)?;
    }
    let constants: HashSet<&str> = graph.initializer.iter().map(|c| c.name.as_str()).collect();
    let inputs: Vec<String> = graph
        .input
        .iter()
        .map(|input| input.name.clone())
        .filter(|name| !constants.contains(name.as_str()))
        .collect();
    let outputs: Vec<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    // Types of what lies between are found by the parser.
    graph.value_info.clear();
    for input in &mut graph.input {
        if let Some(TypeValue::TensorType(tensor)) =
            input.r#type.as_mut().and_then(|t| t.value.as_mut())
            && !inputs.contains(&input.name)
            && tensor.elem_type == DataType::Float as i32
        {
            tensor.elem_type = DataType::Float16 as i32;
        }
    }

    let mut nodes: Vec<NodeProto> = inputs
        .iter()
        .map(|name| NodeProto::cast(name, &narrowed(name), DataType::Float16))
        .collect();
    for mut node in std::mem::take(&mut graph.node) {
        for name in &mut node.input {
            if inputs.contains(name) {
                *name = narrowed(name);
            } else if outputs.contains(name) {
                *name = wide_end(name);
            }
        }
        for name in &mut node.output {
            if outputs.contains(name) {
                *name = wide_end(name);
            }
        }
        for attribute in &mut node.attribute {
            if node.op_type == "Cast"
                && attribute.name == "to"
                && attribute.i == DataType::Float as i64
            {
                attribute.i = DataType::Float16 as i64;
            }
            if let Some(tensor) = attribute.t.as_mut() {
                narrow(tensor)?;
            }
        }
        if node.op_type == "Softmax" {
            let (from, to) = (node.input[0].clone(), node.output[0].clone());
            let (wide_from, wide_to) = (format!("{to}.wide_input"), format!("{to}.wide"));
            nodes.push(NodeProto::cast(&from, &wide_from, DataType::Float));
            node.input[0].clone_from(&wide_from);
            node.output[0].clone_from(&wide_to);
            nodes.push(node);
            nodes.push(NodeProto::cast(&wide_to, &to, DataType::Float16));
        } else {
            nodes.push(node);
        }
    }
    nodes.extend(
        outputs
            .iter()
            .map(|name| NodeProto::cast(&wide_end(name), name, DataType::Float)),
    );
    graph.node = nodes;
    Ok(())
}

fn narrowed(input: &str) -> String {
    format!("{input}.half")
}

/// Name of the 16-bit tensor before an output.
fn wide_end(output: &str) -> String {
    format!("{output}.half")
}

/// 32-bit floats of a constant in 16 bits; other types stay.
fn narrow(tensor: &mut TensorProto) -> Result<(), String> {
    if tensor.data_type != DataType::Float as i32 {
        return Ok(());
    }
    let values: Vec<f32> = if tensor.raw_data.is_empty() {
        std::mem::take(&mut tensor.float_data)
    } else {
        let (chunks, _) = tensor.raw_data.as_chunks::<4>();
        chunks
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    };
    let mut raw = Vec::with_capacity(2 * values.len());
    for value in values {
        let narrow = f16::from_f32(value);
        if value.is_finite() && !narrow.is_finite() {
            return Err(format!(
                "{value} in {:?} is too large for 16-bit floats; use fp32",
                tensor.name
            ));
        }
        raw.extend_from_slice(&narrow.to_le_bytes());
    }
    tensor.raw_data = raw;
    tensor.data_type = DataType::Float16 as i32;
    Ok(())
}
