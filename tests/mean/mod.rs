//! A network that scores the means of its input's colours, with any end.

#![allow(dead_code, reason = "each test file uses a part")]

pub use fer::onnx::proto::tensor_proto::DataType;
use fer::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use prost::Message;

/// Three classes, one a channel: `scores` are the means of the channels, times ten. The tail
/// makes `output` of them.
pub struct MeanModel {
    /// Version of the operators.
    pub opset: i64,
    /// Axes of the input; -1 for one that may vary.
    pub input: Vec<i64>,
    /// Type of the input.
    pub input_type: DataType,
    /// Whether something takes the input as it is before it becomes floats.
    pub passed_on: bool,
    /// Whether channels come last.
    pub channels_last: bool,
    /// What comes after the scores.
    pub tail: Vec<NodeProto>,
    /// Constants that the tail takes.
    pub constants: Vec<TensorProto>,
    /// Name, type and axes of the outputs.
    pub outputs: Vec<(&'static str, DataType, Vec<i64>)>,
    /// Where the weights lie, if they are not in the file: location, offset and length.
    pub weights_at: Option<[String; 3]>,
}

impl Default for MeanModel {
    fn default() -> Self {
        Self {
            opset: 17,
            input: vec![-1, 3, 4, 4],
            input_type: DataType::Float,
            passed_on: false,
            channels_last: false,
            tail: vec![node("Identity", &["scores"], "output", &[])],
            constants: Vec::new(),
            outputs: vec![("output", DataType::Float, vec![-1, 3])],
            weights_at: None,
        }
    }
}

/// The weights of the scores.
pub const WEIGHTS: [f32; 9] = [10.0, 0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 10.0];

/// The scores of a face of one colour, which the input has as it is.
pub fn scores(colour: [f32; 3]) -> [f32; 3] {
    colour.map(|c| 10.0 * c)
}

impl MeanModel {
    /// One whose tail is a chain of operators, each with its whole numbers.
    pub fn chain(ops: &[(&str, &[(&str, i64)])]) -> Self {
        let last = ops.len() - 1;
        let name = |i: usize| format!("t{i}");
        let tail = ops.iter().enumerate().map(|(i, (op, attributes))| {
            let from = if i == 0 { "scores".into() } else { name(i - 1) };
            let to = if i == last { "output".into() } else { name(i) };
            node(op, &[&from], &to, attributes)
        });
        Self {
            tail: tail.collect(),
            ..Self::default()
        }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let kind = match self.input_type {
            DataType::Float16 => DataType::Float16,
            _ => DataType::Float,
        };
        let mut nodes = Vec::new();
        let mut start = "input";
        if self.passed_on {
            nodes.push(node("Identity", &[start], "same", &[]));
            start = "same";
        }
        if kind != self.input_type {
            nodes.push(node("Cast", &[start], "floats", &[("to", kind as i64)]));
            start = "floats";
        }
        if self.channels_last {
            let mut turn = node("Transpose", &[start], "planes", &[]);
            turn.attribute
                .push(AttributeProto::ints("perm", &[0, 3, 1, 2]));
            nodes.push(turn);
            start = "planes";
        }
        nodes.extend([
            node("GlobalAveragePool", &[start], "pooled", &[]),
            node("Flatten", &["pooled"], "means", &[]),
            node("MatMul", &["means", "weights"], "scores", &[]),
        ]);
        nodes.extend(self.tail.iter().cloned());
        let mut weights = match kind {
            DataType::Float16 => TensorProto {
                // Ten, by its bits.
                int32_data: WEIGHTS.map(|w| if w == 0.0 { 0 } else { 0x4900 }).to_vec(),
                ..Default::default()
            },
            _ => TensorProto {
                float_data: WEIGHTS.to_vec(),
                ..Default::default()
            },
        };
        weights.name = "weights".into();
        weights.data_type = kind as i32;
        weights.dims = vec![3, 3];
        if let Some(at) = &self.weights_at {
            weights.float_data.clear();
            weights.data_location = Some(1);
            weights.external_data = ["location", "offset", "length"]
                .into_iter()
                .zip(at)
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| fer::onnx::proto::StringStringEntryProto {
                    key: key.into(),
                    value: value.clone(),
                })
                .collect();
        }
        let mut initializer = vec![weights];
        initializer.extend(self.constants.iter().cloned());
        let output = |(name, kind, axes): &(&str, DataType, Vec<i64>)| {
            ValueInfoProto::tensor(name, *kind, axes)
        };
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: self.opset,
            }],
            graph: Some(GraphProto {
                name: "mean".into(),
                node: nodes,
                input: vec![ValueInfoProto::tensor(
                    "input",
                    self.input_type,
                    &self.input,
                )],
                output: self.outputs.iter().map(output).collect(),
                initializer,
                ..Default::default()
            }),
            ..Default::default()
        }
        .encode_to_vec()
    }
}

/// A node with whole numbers as attributes.
pub fn node(op: &str, inputs: &[&str], output: &str, numbers: &[(&str, i64)]) -> NodeProto {
    let numbers = numbers
        .iter()
        .map(|(name, i)| AttributeProto::int(name, *i));
    NodeProto::new(op, inputs, output, numbers.collect())
}

/// A constant of whole numbers, such as a shape.
pub fn whole(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: DataType::Int64 as i32,
        dims: vec![values.len() as i64],
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

/// A constant number.
pub fn number(name: &str, value: f32) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: DataType::Float as i32,
        dims: vec![1],
        float_data: vec![value],
        ..Default::default()
    }
}
