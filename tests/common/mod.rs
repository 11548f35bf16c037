//! Small ONNX files that tests write themselves.

use fer::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, ValueInfoProto, tensor_proto::DataType,
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
    /// Element type of the input.
    pub input_type: DataType,
}

impl Default for TinyModel {
    fn default() -> Self {
        Self {
            input: [1, 8, 8],
            classes: 4,
            metadata: None,
            softmax: false,
            input_type: DataType::Float,
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
            input: vec![ValueInfoProto::tensor(
                "input",
                self.input_type,
                &[-1, a, b, c],
            )],
            output: vec![ValueInfoProto::tensor(
                "output",
                DataType::Float,
                &[-1, classes],
            )],
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
    let ints = ints.iter().map(|(name, i)| AttributeProto::int(name, *i));
    NodeProto::new(op, inputs, output, ints.collect())
}
