//! From a graph to steps.

mod linear;
mod pictures;
mod pointwise;
mod shapes;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::attributes::Attributes;
use super::constant::{Constant, MOST, Values, length};
use super::fold::evaluate;
use super::kernels::Isa;
use super::step::{Operation, Unary, Walk};
use crate::onnx::proto::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};

/// Axes of a tensor, the batch first.
type Shape = Vec<usize>;

/// What a step reads and writes, by the numbers of the values.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Values that it reads.
    pub inputs: Vec<usize>,
    /// The one that it writes.
    pub output: usize,
}

/// A graph as steps.
pub struct Lowered {
    /// In their order.
    pub steps: Vec<(Operation, Ends)>,
    /// Length of each value for one picture.
    pub lens: Vec<usize>,
    /// The value that holds the pictures.
    pub input: usize,
    /// The values that hold the results, with their axes for one picture, the batch first.
    pub outputs: Vec<(usize, Vec<usize>)>,
}

/// What a name in the graph stands for.
#[derive(Clone)]
enum Named {
    /// Something that depends on no picture.
    Constant(Rc<Constant>),
    /// Something that does.
    Tensor(Tensor),
}

/// Something that depends on the picture.
#[derive(Debug, Clone)]
struct Tensor {
    /// The value that holds it.
    value: usize,
    /// Its axes; the first is the batch, of 1.
    shape: Shape,
    /// Whether the channels of each place lie together (batch, height, width, channels), not
    /// those of each channel (batch, channels, height, width), of which `shape` always is.
    together: bool,
}

impl Tensor {
    /// Channels, height and width, where it is a picture.
    fn picture(&self) -> Result<[usize; 3], String> {
        match self.shape[..] {
            [1, channels, height, width] => Ok([channels, height, width]),
            _ => Err(format!("its input of shape {:?} is no picture", self.shape)),
        }
    }

    /// Whether both orders are the same.
    fn is_either(&self) -> bool {
        match self.shape[..] {
            [_, channels, height, width] => channels == 1 || height * width == 1,
            _ => true,
        }
    }
}

/// The state of the translation.
struct Lower<'a> {
    isa: Isa,
    nodes: &'a [NodeProto],
    /// Version of ONNX' operators.
    opset: i64,
    /// A batch that the input's shape fixes, which shapes inside of the graph repeat.
    batch: Option<usize>,
    names: HashMap<&'a str, Named>,
    /// Which nodes read a name; results of the graph are read once more.
    readers: HashMap<&'a str, Vec<usize>>,
    /// Nodes that became part of another one's step.
    done: HashSet<usize>,
    steps: Vec<(Operation, Ends)>,
    lens: Vec<usize>,
    /// Constants of signed bytes; all others that are quantised to are unsigned.
    signed: HashSet<&'a str>,
    /// The same values in the other order.
    turned: HashMap<(usize, bool), usize>,
}

/// Translates the graph of `model`.
///
/// # Errors
/// As [`super::Network::new`].
pub fn lower(model: &ModelProto, input: [usize; 3], outputs: &[&str]) -> Result<Lowered, String> {
    let graph = model.graph.as_ref().ok_or("not an ONNX file (no graph)")?;
    let opset = model.opset_import.iter().find(|o| o.domain.is_empty());
    let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, node) in graph.node.iter().enumerate() {
        for name in &node.input {
            readers.entry(name).or_default().push(i);
        }
    }
    for name in outputs {
        readers.entry(name).or_default().push(usize::MAX);
    }
    let mut names = HashMap::new();
    for tensor in &graph.initializer {
        let constant = Rc::new(Constant::read(tensor)?);
        names.insert(&tensor.name[..], Named::Constant(constant));
    }
    let picture = graph.only_input()?;
    // The batch that its shape fixes.
    let batch = picture.dims().and_then(|dims| *dims.first()?);
    let mut lower = Lower {
        isa: Isa::best(),
        nodes: &graph.node,
        opset: opset.map_or(1, |o| o.version),
        batch: batch.filter(|n| *n > 1),
        names,
        readers,
        done: HashSet::new(),
        steps: Vec::new(),
        lens: Vec::new(),
        signed: signed(graph),
        turned: HashMap::new(),
    };
    let shape = [&[1], &input[..]].concat();
    let tensor = lower.tensor(shape, false);
    let start = tensor.value;
    lower.names.insert(&picture.name, Named::Tensor(tensor));
    let needed = needed(graph, outputs);
    for (i, node) in graph.node.iter().enumerate() {
        if needed[i] && !lower.done.contains(&i) {
            let outcome = lower.node(i).and_then(|()| match lower.lens.last() {
                Some(len) if *len > MOST => Err("its result is too large".to_owned()),
                _ => Ok(()),
            });
            outcome.map_err(|why| {
                let name = node.output.first().map_or("", |name| name);
                format!("operation {} ({name:?}): {why}", node.op_type)
            })?;
        }
    }
    let mut results = Vec::new();
    for name in outputs {
        let Some(Named::Tensor(tensor)) = lower.names.get(name).cloned() else {
            return Err(format!(
                "the graph has no result {name:?} that depends on its input"
            ));
        };
        let tensor = lower.in_order(&tensor, false);
        results.push((tensor.value, tensor.shape));
    }
    Ok(Lowered {
        steps: lower.steps,
        lens: lower.lens,
        input: start,
        outputs: results,
    })
}

/// The names of the constants of signed bytes.
fn signed(graph: &GraphProto) -> HashSet<&str> {
    let is_signed = |tensor: &TensorProto| tensor.data_type == DataType::Int8 as i32;
    let tensors = graph.initializer.iter().filter(|t| is_signed(t));
    let of_node = |node: &NodeProto| {
        let values = node.attribute.iter().filter_map(|a| a.t.as_ref());
        node.op_type == "Constant" && values.into_iter().any(is_signed)
    };
    let nodes = graph.node.iter().filter(|node| of_node(node));
    let outputs = nodes.flat_map(|node| node.output.first());
    tensors
        .map(|t| &t.name[..])
        .chain(outputs.map(|name| &name[..]))
        .collect()
}

/// Which nodes the results depend on.
fn needed(graph: &GraphProto, outputs: &[&str]) -> Vec<bool> {
    let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
    let mut needed = vec![false; graph.node.len()];
    for (i, node) in graph.node.iter().enumerate().rev() {
        needed[i] = node.output.iter().any(|name| wanted.contains(&name[..]));
        if needed[i] {
            wanted.extend(node.input.iter().map(String::as_str));
        }
    }
    needed
}

impl<'a> Lower<'a> {
    /// A new value for something of this shape.
    fn tensor(&mut self, shape: Shape, together: bool) -> Tensor {
        // One that is too large is found before anything is done with it.
        self.lens.push(length(&shape).unwrap_or(usize::MAX));
        Tensor {
            value: self.lens.len() - 1,
            shape,
            together,
        }
    }

    /// A step that makes something of this shape.
    fn step(
        &mut self,
        operation: Operation,
        inputs: &[&Tensor],
        shape: Shape,
        together: bool,
    ) -> Tensor {
        let tensor = self.tensor(shape, together);
        let inputs = inputs.iter().map(|t| t.value).collect();
        let output = tensor.value;
        self.steps.push((operation, Ends { inputs, output }));
        tensor
    }

    /// The same with its channels together, or not.
    fn in_order(&mut self, tensor: &Tensor, together: bool) -> Tensor {
        let mut other = tensor.clone();
        other.together = together;
        if tensor.together == together || tensor.is_either() {
            return other;
        }
        if let Some(value) = self.turned.get(&(tensor.value, together)) {
            other.value = *value;
            return other;
        }
        let [_, channels, height, width] = tensor.shape[..] else {
            unreachable!("only pictures have an order");
        };
        let walk = if together {
            Walk {
                shape: vec![height, width, channels],
                strides: vec![width, 1, height * width],
                start: 0,
            }
        } else {
            Walk {
                shape: vec![channels, height, width],
                strides: vec![1, width * channels, channels],
                start: 0,
            }
        };
        let shape = tensor.shape.clone();
        let other = self.step(Operation::Gather(walk), &[tensor], shape, together);
        self.turned.insert((tensor.value, together), other.value);
        other
    }

    fn node(&mut self, i: usize) -> Result<(), String> {
        let node = &self.nodes[i];
        if !matches!(&node.domain[..], "" | "ai.onnx") {
            return Err(format!("it is not of ONNX but of {:?}", node.domain));
        }
        let attributes = Attributes(node);
        let constants: Option<Vec<Option<Rc<Constant>>>> = node
            .input
            .iter()
            .map(|name| match self.names.get(&name[..]) {
                Some(Named::Constant(constant)) => Some(Some(constant.clone())),
                Some(Named::Tensor(_)) => None,
                None => Some(None),
            })
            .collect();
        if let Some(constants) = constants {
            // As weights of 16 bits have it: nothing is to be done.
            if let ("Cast", [Some(constant)]) = (&node.op_type[..], &constants[..])
                && matches!(constant.values, Values::Floats(_))
                && attributes.int("to", 1) == DataType::Float as i64
            {
                return self.name(i, Named::Constant(constant.clone()));
            }
            let inputs: Vec<Option<&Constant>> = constants.iter().map(|c| c.as_deref()).collect();
            let constant = evaluate(&node.op_type, &attributes, &inputs)?
                .ok_or("not known to the built-in engine for constants")?;
            let output = node.output.first().ok_or("it has no output")?;
            self.names
                .insert(output, Named::Constant(Rc::new(constant)));
            return Ok(());
        }
        let result = match &node.op_type[..] {
            "Conv" => return self.convolution(i),
            "Gemm" | "MatMul" => return self.dense(i),
            "Identity" | "Dropout" | "Cast" | "DequantizeLinear" => {
                Named::Tensor(self.input(i, 0)?)
            }
            "QuantizeLinear" => Named::Tensor(self.quantise(i)?),
            "BatchNormalization" => Named::Tensor(self.norm(i)?),
            "Clip" => {
                let (low, high) = self.bounds(i)?;
                Named::Tensor(self.unary(i, Unary::Clamp(low, high))?)
            }
            "MaxPool" | "AveragePool" => Named::Tensor(self.pool(i)?),
            "GlobalAveragePool" | "GlobalMaxPool" => Named::Tensor(self.global_pool(i)?),
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => {
                Named::Tensor(self.reduce(i)?)
            }
            "Softmax" | "LogSoftmax" => Named::Tensor(self.softmax(i)?),
            "PRelu" => Named::Tensor(self.prelu(i)?),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Named::Tensor(self.reshape(i)?),
            "Transpose" => Named::Tensor(self.transpose(i)?),
            "Concat" => Named::Tensor(self.concat(i)?),
            "Slice" => Named::Tensor(self.slice(i)?),
            "Split" => return self.split(i),
            "Pad" => Named::Tensor(self.pad(i)?),
            "Resize" | "Upsample" => Named::Tensor(self.resize(i)?),
            "Shape" => {
                let shape = self.input(i, 0)?.shape;
                let dims = shape.iter().map(|n| *n as i64).collect();
                Named::Constant(Rc::new(Constant::ints(dims)))
            }
            op => {
                if let Some(function) = super::fold::unary(op, &attributes) {
                    Named::Tensor(self.unary(i, function)?)
                } else if let Some(function) = super::fold::binary(op) {
                    Named::Tensor(self.binary(i, function)?)
                } else {
                    return Err("not known to the built-in engine".to_owned());
                }
            }
        };
        self.name(i, result)
    }

    /// Names the first result of node `i`.
    fn name(&mut self, i: usize, result: Named) -> Result<(), String> {
        let output = self.nodes[i].output.first().ok_or("it has no output")?;
        self.names.insert(output, result);
        Ok(())
    }

    /// Input `at` of node `i`, which depends on the picture.
    fn input(&self, i: usize, at: usize) -> Result<Tensor, String> {
        match self.nodes[i]
            .input
            .get(at)
            .and_then(|name| self.names.get(&name[..]))
        {
            Some(Named::Tensor(tensor)) => Ok(tensor.clone()),
            Some(Named::Constant(_)) => Err(format!("its input {at} is a constant")),
            None => Err(format!("its input {at} is missing")),
        }
    }

    /// Input `at` of node `i` where it is there; it must be a constant.
    fn constant(&self, i: usize, at: usize) -> Result<Option<Rc<Constant>>, String> {
        let name = self.nodes[i].input.get(at).filter(|name| !name.is_empty());
        match name.map(|name| self.names.get(&name[..])) {
            None => Ok(None),
            Some(Some(Named::Constant(constant))) => Ok(Some(constant.clone())),
            Some(Some(Named::Tensor(_))) => Err(format!(
                "its input {at} depends on the picture, which is not known here"
            )),
            Some(None) => Err(format!("its input {at} is missing")),
        }
    }

    /// Input `at` of node `i`, or the attribute of this name: whole numbers.
    fn ints(&self, i: usize, at: usize, name: &str) -> Result<Option<Vec<i64>>, String> {
        let given = self.constant(i, at)?.map(|c| c.to_ints());
        Ok(given.or_else(|| Attributes(&self.nodes[i]).ints(name)))
    }

    /// The node that alone reads the result of node `i`, where it is that node's first input or
    /// its second one and the other one is a constant.
    fn only_reader(&self, i: usize) -> Option<usize> {
        match self.readers.get(&self.nodes[i].output.first()?[..])?[..] {
            [reader] if reader != usize::MAX => Some(reader),
            _ => None,
        }
    }
}
