//! The ends of a graph, as all engines can feed and read them: one input and one output, of
//! 32-bit floats, with no axis open but the batch.

use crate::onnx::proto::{
    AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value as Dim},
    type_proto::Value as TypeValue,
};

use super::InputSpec;

/// Type of a tensor's values; `None` where the file does not say it, or it is no tensor.
pub fn element_type(value: &ValueInfoProto) -> Option<DataType> {
    let TypeValue::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    DataType::try_from(tensor.elem_type).ok()
}

/// The shape, with `None` for an axis that is not fixed.
pub fn dims(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let TypeValue::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().map(|d| match d.value {
        Some(Dim::DimValue(n)) => usize::try_from(n).ok().filter(|n| *n > 0),
        _ => None,
    });
    Some(dims.collect())
}

/// A shape in messages.
pub fn show(shape: &[Option<usize>]) -> String {
    let axes: Vec<String> = shape
        .iter()
        .map(|d| d.map_or("?".to_owned(), |n| n.to_string()))
        .collect();
    format!("[{}]", axes.join(", "))
}

/// The input of a graph: the one that is no constant, which older files list too.
pub fn input(graph: &GraphProto) -> Result<&ValueInfoProto, String> {
    let mut inputs = graph
        .input
        .iter()
        .filter(|i| !graph.initializer.iter().any(|c| c.name == i.name));
    let input = inputs.next().ok_or("the graph has no input")?;
    match inputs.next() {
        Some(second) => Err(format!(
            "the graph has more than one input ({:?}, {:?})",
            input.name, second.name
        )),
        None => Ok(input),
    }
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
    let kind = element_type(&graph.input[at]).filter(|kind| *kind != DataType::Float);
    let end = graph.output.iter().find(|o| o.name == output)?;
    let end_kind = element_type(end).filter(|kind| *kind != DataType::Float);
    let open = dims(&graph.input[at]).is_none_or(|shape| shape[1..].contains(&None));
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
        graph.node.push(cast(output, &names.1, DataType::Float));
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
        return vec![cast(from, to, kind)];
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
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: op.into(),
        name: format!("{output}.{op}"),
        input: inputs.iter().map(|input| (*input).into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    };
    let mut readers = graph
        .node
        .iter()
        .filter(|n| n.input.iter().any(|i| i == to));
    // Where the network's first step is to make floats of the bytes, they need not become bytes
    // at all, which TensorRT has none of.
    let end = match readers.all(|reader| reader.op_type == "Cast") {
        true => node("Floor", &[&sum], to),
        false => cast(&sum, to, kind),
    };
    vec![node("Add", &[from, &half], &sum), end]
}

fn cast(from: &str, to: &str, kind: DataType) -> NodeProto {
    NodeProto {
        op_type: "Cast".into(),
        name: format!("{from}.cast"),
        input: vec![from.into()],
        output: vec![to.into()],
        attribute: vec![AttributeProto {
            name: "to".into(),
            r#type: AttributeType::Int as i32,
            i: kind as i64,
            ..Default::default()
        }],
        ..Default::default()
    }
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
