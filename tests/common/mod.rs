//! Small ONNX files that tests write themselves.

use fer::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_shape_proto, type_proto,
};
use prost::Message;

/// A network of one matrix product: class `c` scores the mean of the input's values in
/// the `c`-th of equal parts of the flattened input.
pub struct TinyModel {
    /// Axes after the batch.
    pub input: [i64; 3],
    /// Classes.
    pub classes: usize,
    /// JSON document under the key `fer`.
    pub metadata: Option<String>,
    /// Whether the graph ends in a softmax.
    pub softmax: bool,
    /// Element type of the input; 1 is 32-bit floats.
    pub input_type: i32,
}

impl Default for TinyModel {
    fn default() -> Self {
        Self {
            input: [1, 8, 8],
            classes: 4,
            metadata: None,
            softmax: false,
            input_type: 1,
        }
    }
}

impl TinyModel {
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let len = self.input.iter().product::<i64>() as usize;
        let part = len / self.classes;
        let weights: Vec<f32> = (0..self.classes * len)
            .map(|i| {
                let (class, at) = (i / len, i % len);
                if at / part == class {
                    1.0 / part as f32
                } else {
                    0.0
                }
            })
            .collect();
        let scores = if self.softmax { "scores" } else { "output" };
        let mut nodes = vec![
            node("Flatten", &["input"], "flat", &[]),
            node("Gemm", &["flat", "weights"], scores, &[("transB", 1)]),
        ];
        if self.softmax {
            nodes.push(node("Softmax", &[scores], "output", &[("axis", 1)]));
        }
        let classes = self.classes as i64;
        let [a, b, c] = self.input;
        let graph = GraphProto {
            name: "tiny".into(),
            node: nodes,
            input: vec![value("input", self.input_type, &[a, b, c])],
            output: vec![value("output", 1, &[classes])],
            initializer: vec![TensorProto {
                name: "weights".into(),
                data_type: 1,
                dims: vec![classes, len as i64],
                float_data: weights,
                ..Default::default()
            }],
            ..Default::default()
        };
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: 17,
            }],
            graph: Some(graph),
            metadata_props: self
                .metadata
                .iter()
                .map(|json| StringStringEntryProto {
                    key: "fer".into(),
                    value: json.clone(),
                })
                .collect(),
            ..Default::default()
        }
        .encode_to_vec()
    }
}

fn node(op: &str, inputs: &[&str], output: &str, ints: &[(&str, i64)]) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|i| (*i).into()).collect(),
        output: vec![output.into()],
        attribute: ints
            .iter()
            .map(|(name, value)| AttributeProto {
                name: (*name).into(),
                r#type: AttributeType::Int as i32,
                i: *value,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

fn value(name: &str, elem_type: i32, axes: &[i64]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dimension = |value| Dimension { value: Some(value) };
    let mut dim = vec![dimension(Value::DimParam("N".into()))];
    dim.extend(axes.iter().map(|n| dimension(Value::DimValue(*n))));
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type,
                shape: Some(TensorShapeProto { dim }),
            })),
        }),
    }
}
