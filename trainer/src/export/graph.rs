//! The ONNX graph.

use fer::model::{METADATA_KEY, ModelInfo};
use fer::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, ValueInfoProto, tensor_proto::DataType,
};
use half::f16;

use super::Storage;
use super::fold::Folded;
use super::quantise::{self, Scales};
use crate::SIDE;
use crate::nn::{Kind, Layer};

const OPSET: i64 = 17;
/// The version of the file format that came with the opset.
const IR_VERSION: i64 = 8;

/// The whole file; with `scales` convolutions are quantised.
pub(super) fn model(
    network: &Folded,
    storage: Storage,
    scales: Option<&Scales>,
    info: &ModelInfo,
) -> ModelProto {
    let mut graph = Graph::new(storage);
    let tensors = network.weights.to_tensors(&network.net);
    graph.constant("zero", &[], &[0.0]);
    graph.constant("six", &[], &[6.0]);
    let mut at = "input".to_owned();
    if let Some(scales) = scales {
        at = graph.quantised(&at, scales.input);
    }
    for (i, layer) in network.net.layers.iter().enumerate() {
        let weight = &tensors[&format!("{}.weight", layer.name)];
        let bias = &tensors[&format!("{}_bn.beta", layer.name)];
        let name = format!("{}.weight", layer.name);
        let weight = match scales {
            Some(_) => graph.quantised_weight(&name, &weight.shape, &weight.data),
            None => graph.weight(&name, &weight.shape, &weight.data),
        };
        let bias_name = format!("{}.bias", layer.name);
        graph.constant(&bias_name, &bias.shape, &bias.data);
        let convolved = format!("{}.conv", layer.name);
        let attributes = convolution(layer);
        graph.node("Conv", &[&at, &weight, &bias_name], &convolved, attributes);
        graph.node(
            "Clip",
            &[&convolved, "zero", "six"],
            &layer.name,
            Vec::new(),
        );
        at.clone_from(&layer.name);
        // The head is small, and rounding right before it would cost the most.
        if let Some(scales) = scales
            && i + 1 < network.net.layers.len()
        {
            at = graph.quantised(&at, scales.layers[i]);
        }
    }
    graph.node("GlobalAveragePool", &[&at], "pooled", Vec::new());
    graph.node(
        "Flatten",
        &["pooled"],
        "features",
        vec![AttributeProto::int("axis", 1)],
    );
    let (weight, bias) = (&tensors["head.weight"], &tensors["head.bias"]);
    let weight = graph.weight("head.weight", &weight.shape, &weight.data);
    graph.constant("head.bias", &bias.shape, &bias.data);
    let gemm = vec![AttributeProto::int("transB", 1)];
    graph.node("Gemm", &["features", &weight, "head.bias"], "logits", gemm);

    let side = SIDE as i64;
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        graph: Some(GraphProto {
            name: "mobilenet_v1".into(),
            input: vec![value("input", &[1, side, side])],
            output: vec![value("logits", &[info.labels.len() as i64])],
            node: graph.nodes,
            initializer: graph.constants,
            ..Default::default()
        }),
        metadata_props: vec![StringStringEntryProto {
            key: METADATA_KEY.into(),
            value: info.to_json(),
        }],
        ..Default::default()
    }
}

/// Nodes and constants as they come.
struct Graph {
    storage: Storage,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Graph {
    fn new(storage: Storage) -> Self {
        Self {
            storage,
            nodes: Vec::new(),
            constants: Vec::new(),
        }
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.nodes
            .push(NodeProto::new(op, inputs, output, attribute));
    }

    /// A constant of 32-bit floats.
    fn constant(&mut self, name: &str, shape: &[usize], data: &[f32]) {
        let raw = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constants
            .push(tensor(name, DataType::Float, shape, raw));
    }

    /// A tensor rounded to eight bits; returns the name of its 32-bit form, from which
    /// engines see that they may compute in eight.
    fn quantised(&mut self, name: &str, scale: f32) -> String {
        let (scale_name, zero) = (format!("{name}.scale"), format!("{name}.zero"));
        self.constant(&scale_name, &[], &[scale]);
        self.constants
            .push(tensor(&zero, DataType::Int8, &[], vec![0]));
        let (narrow, wide) = (format!("{name}.int8"), format!("{name}.wide"));
        let rounding = [name, &scale_name, &zero];
        self.node("QuantizeLinear", &rounding, &narrow, Vec::new());
        let widening = [&narrow[..], &scale_name, &zero];
        self.node("DequantizeLinear", &widening, &wide, Vec::new());
        wide
    }

    /// A constant in eight bits with a scale for each of its first axis; returns the name of
    /// its 32-bit form. Biases stay in 32 bits: TensorRT takes no others.
    fn quantised_weight(&mut self, name: &str, shape: &[usize], data: &[f32]) -> String {
        let (scales, values) = quantise::weights(data, shape[0]);
        let raw = values.iter().map(|v| v.cast_unsigned()).collect();
        self.constants
            .push(tensor(name, DataType::Int8, shape, raw));
        let (scale, zero) = (format!("{name}.scale"), format!("{name}.zero"));
        self.constant(&scale, &shape[..1], &scales);
        let zeros = vec![0; shape[0]];
        self.constants
            .push(tensor(&zero, DataType::Int8, &shape[..1], zeros));
        let wide = format!("{name}.wide");
        let axis = vec![AttributeProto::int("axis", 0)];
        self.node("DequantizeLinear", &[name, &scale, &zero], &wide, axis);
        wide
    }

    /// A constant in the wanted storage; returns the name of its 32-bit form.
    fn weight(&mut self, name: &str, shape: &[usize], data: &[f32]) -> String {
        if self.storage == Storage::Single {
            self.constant(name, shape, data);
            return name.to_owned();
        }
        let raw = data
            .iter()
            .flat_map(|v| f16::from_f32(*v).to_le_bytes())
            .collect();
        self.constants
            .push(tensor(name, DataType::Float16, shape, raw));
        let wide = format!("{name}.wide");
        self.node(
            "Cast",
            &[name],
            &wide,
            vec![AttributeProto::int("to", DataType::Float as i64)],
        );
        wide
    }
}

/// `SAME` padding is written out, since it depends on the input's side.
fn convolution(layer: &Layer) -> Vec<AttributeProto> {
    let (kernel, group, pads) = match layer.kind {
        Kind::Pointwise => (1, 1, [0; 4]),
        Kind::Stem | Kind::Depthwise => {
            let group = if layer.kind == Kind::Depthwise {
                layer.inputs
            } else {
                1
            };
            let [before, after] = [layer.pad_before(), layer.pad_after()].map(|n| n as i64);
            (3, group as i64, [before, before, after, after])
        }
    };
    let stride = layer.stride as i64;
    vec![
        AttributeProto::ints("kernel_shape", &[kernel, kernel]),
        AttributeProto::ints("strides", &[stride, stride]),
        AttributeProto::ints("pads", &pads),
        AttributeProto::int("group", group),
    ]
}

fn tensor(name: &str, kind: DataType, shape: &[usize], raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: kind as i32,
        dims: shape.iter().map(|n| *n as i64).collect(),
        raw_data,
        ..Default::default()
    }
}

/// A tensor of 32-bit floats whose first axis is the batch.
fn value(name: &str, axes: &[i64]) -> ValueInfoProto {
    ValueInfoProto::tensor(name, DataType::Float, &[&[-1], axes].concat())
}
