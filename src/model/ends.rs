//! The ends of a graph, as all engines can feed and read them: one input and one output, of
//! 32-bit floats, with no axis open but the batch.

use crate::onnx::proto::{
    GraphProto, NodeProto, TensorProto, TensorShapeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value as Dim},
    type_proto::Value as TypeValue,
};

use super::InputSpec;

/// A shape in messages.
pub fn show(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape
        .iter()
        .map(|d| d.map_or("?".to_owned(), |n| n.to_string()))
        .collect();
    format!("[{}]", axes.join(", "))
}

/// Rewrites the ends of `graph`, where they are `input` and `output`, for 32-bit floats and
/// the sizes in `spec`; `None` where they are as they should be already. Otherwise the names of
/// the ends that it then has.
///
/// The types must be among [`INPUTS`] and [`OUTPUTS`].
pub fn plain(
    graph: &mut GraphProto,
    input: &str,
    output: &str,
    spec: &InputSpec,
) -> Option<(String, String)> {
    let at = graph.input.iter().position(|i| i.name == input)?;
    let kind = graph.input[at]
        .element_type()
        .filter(|kind| *kind != DataType::Float);
    let end = graph.output.iter().find(|o| o.name == output)?;
    let end_kind = end.element_type().filter(|kind| *kind != DataType::Float);
    let open = graph.input[at]
        .dims()
        .is_none_or(|shape| shape[1..].contains(&None));
    if kind.is_none() && end_kind.is_none() && !open && graph.output.len() == 1 {
        return None;
    }
    graph.output.retain(|o| o.name == output);
    // What was of another kind than a tensor has lost its type in reading.
    graph
        .value_info
        .retain(|value| value.r#type.as_ref().is_some_and(|t| t.value.is_some()));
    if open {
        fix(&mut graph.input[at], spec);
    }
    let mut names = (input.to_owned(), output.to_owned());
    if let Some(kind) = kind {
        names.0 = unused(graph, input);
        rename(&mut graph.input[at], &names.0);
        let nodes = narrow(graph, &names.0, input, kind);
        graph.node.splice(0..0, nodes);
    }
    if end_kind.is_some() {
        names.1 = unused(graph, output);
        rename(&mut graph.output[0], &names.1);
        graph
            .node
            .push(NodeProto::cast(output, &names.1, DataType::Float));
    }
    Some(names)
}

/// Types of inputs that faces are converted to.
pub const INPUTS: [DataType; 4] = [
    DataType::Float,
    DataType::Float16,
    DataType::Double,
    DataType::Uint8,
];

/// Types of outputs that are converted.
pub const OUTPUTS: [DataType; 3] = [DataType::Float, DataType::Float16, DataType::Double];

/// Nodes that convert 32-bit floats called `from` to `to`. Whole numbers are rounded to.
fn narrow(graph: &mut GraphProto, from: &str, to: &str, kind: DataType) -> Vec<NodeProto> {
    if kind != DataType::Uint8 {
        return vec![NodeProto::cast(from, to, kind)];
    }
    // The conversion cuts off what is behind the point.
    let (half, sum) = (format!("{from}.rounding"), format!("{from}.rounded"));
    graph.initializer.push(TensorProto {
        name: half.clone(),
        data_type: DataType::Float as i32,
        float_data: vec![0.5],
        dims: vec![1],
        ..Default::default()
    });
    let mut readers = graph
        .node
        .iter()
        .filter(|n| n.input.iter().any(|i| i == to));
    // Where the network's first step is to make floats of the bytes, they need not become bytes
    // at all, which TensorRT has none of.
    let end = match readers.all(|reader| reader.op_type == "Cast") {
        true => NodeProto::new("Floor", &[&sum], to, Vec::new()),
        false => NodeProto::cast(&sum, to, kind),
    };
    vec![NodeProto::new("Add", &[from, &half], &sum, Vec::new()), end]
}

/// A name like `name` that no tensor has.
fn unused(graph: &GraphProto, name: &str) -> String {
    let mut free = format!("{name}.f32");
    let taken = |free: &str| {
        let mut tensors = graph
            .node
            .iter()
            .flat_map(|n| n.input.iter().chain(&n.output));
        tensors.any(|tensor| tensor == free)
    };
    while taken(&free) {
        free.push('_');
    }
    free
}

/// Makes `value` a tensor of 32-bit floats called `name`.
fn rename(value: &mut ValueInfoProto, name: &str) {
    value.name = name.to_owned();
    if let Some(TypeValue::TensorType(tensor)) =
        value.r#type.as_mut().and_then(|t| t.value.as_mut())
    {
        tensor.elem_type = DataType::Float as i32;
    }
}

/// Fixes all axes but the batch.
fn fix(input: &mut ValueInfoProto, spec: &InputSpec) {
    let Some(TypeValue::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut())
    else {
        return;
    };
    let shape = tensor.shape.get_or_insert_with(TensorShapeProto::default);
    let any = Dimension {
        value: Some(Dim::DimParam("N".to_owned())),
    };
    let batch = shape.dim.first().cloned().unwrap_or(any);
    let fixed = spec.shape(1).map(|n| Dimension {
        value: Some(Dim::DimValue(n as i64)),
    });
    shape.dim = fixed.to_vec();
    shape.dim[0] = batch;
}
