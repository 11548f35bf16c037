//! The end of a graph: which of its outputs has the classes, and what its values are.

use std::collections::{HashMap, HashSet};

use crate::onnx::proto::{GraphProto, NodeProto, ValueInfoProto};

use super::Output;
use super::ends::show;

/// The output called `wanted`; without a name the only one, or of several the only one with
/// one value a label. `batch` is the number of faces where the network takes just one.
pub fn choose<'a>(
    graph: &'a GraphProto,
    wanted: Option<&str>,
    labels: usize,
    batch: Option<usize>,
) -> Result<&'a ValueInfoProto, String> {
    let describe = || {
        let output = |o: &ValueInfoProto| {
            let shape = o.dims().map_or("[?]".to_owned(), |shape| show(&shape));
            format!("{:?} {shape}", o.name)
        };
        let all: Vec<String> = graph.output.iter().map(output).collect();
        all.join(", ")
    };
    if let Some(wanted) = wanted {
        return graph
            .output
            .iter()
            .find(|output| output.name == wanted)
            .ok_or_else(|| format!("no output {wanted:?}; the outputs are {}", describe()));
    }
    if let [output] = &graph.output[..] {
        return Ok(output);
    }
    let mut fitting = graph
        .output
        .iter()
        .filter(|output| classes(output, batch) == Some(labels));
    match (fitting.next(), fitting.next()) {
        _ if graph.output.is_empty() => Err("the graph has no output".to_owned()),
        (Some(output), None) => Ok(output),
        (found, _) => Err(format!(
            "{} of its outputs has {labels} values a face; name one of them with output-name: {}",
            if found.is_some() {
                "more than one"
            } else {
                "none"
            },
            describe()
        )),
    }
}

/// Values of an output for one face, where its shape says so.
pub fn classes(output: &ValueInfoProto, batch: Option<usize>) -> Option<usize> {
    let shape = output.dims()?;
    // Only the batch may vary.
    let known = shape.iter().enumerate().map(|(axis, length)| match axis {
        0 => Some(length.unwrap_or(1)),
        _ => *length,
    });
    let all = known.product::<Option<usize>>()?;
    let faces = batch.filter(|batch| shape.first() == Some(&Some(*batch)));
    Some(all / faces.unwrap_or(1))
}

/// What the values of `output` are, by the operators that it ends in.
///
/// # Errors
/// The operator that leaves it open.
pub fn kind(graph: &GraphProto, output: &str) -> Result<Output, String> {
    let ending = Ending::new(graph).kind(output, 0);
    match ending {
        Kind::Scores => Ok(Output::Logits),
        Kind::Probabilities => Ok(Output::Probabilities),
        Kind::Independent => Ok(Output::Independent),
        Kind::Open(operator) => Err(operator.to_owned()),
    }
}

/// What a tensor holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind<'a> {
    Scores,
    Probabilities,
    Independent,
    /// One operator too many to tell.
    Open(&'a str),
}

/// Operators that change neither what values mean nor their order among the classes.
const PASSING: [&str; 11] = [
    "Cast",
    "Clip",
    "DequantizeLinear",
    "Dropout",
    "Flatten",
    "Identity",
    "QuantizeLinear",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Operators that mix or rescale what they are given: of scores they make scores, of
/// probabilities anything.
const MIXING: [&str; 30] = [
    "Abs",
    "Add",
    "AveragePool",
    "Concat",
    "Div",
    "Expand",
    "Gather",
    "GatherElements",
    "GatherND",
    "GlobalAveragePool",
    "LpNormalization",
    "Max",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "Pad",
    "Pow",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Slice",
    "Split",
    "Sqrt",
    "Sub",
    "Sum",
    "Tile",
    "Where",
];

/// A longer ending is none.
const DEPTH: usize = 200;

struct Ending<'a> {
    nodes: HashMap<&'a str, &'a NodeProto>,
    constants: HashSet<&'a str>,
    known: HashMap<&'a str, Kind<'a>>,
}

impl<'a> Ending<'a> {
    fn new(graph: &'a GraphProto) -> Self {
        let outputs = |node: &'a NodeProto| node.output.iter().map(move |o| (o.as_str(), node));
        let nodes: HashMap<_, _> = graph.node.iter().flat_map(outputs).collect();
        let initializers = graph.initializer.iter().map(|c| c.name.as_str());
        let written = nodes.iter().filter(|(_, node)| node.op_type == "Constant");
        Self {
            constants: initializers.chain(written.map(|(name, _)| *name)).collect(),
            nodes,
            known: HashMap::new(),
        }
    }

    fn kind(&mut self, tensor: &'a str, depth: usize) -> Kind<'a> {
        if let Some(kind) = self.known.get(tensor) {
            return *kind;
        }
        let Some(node) = self.nodes.get(tensor).copied() else {
            return Kind::Scores;
        };
        if depth > DEPTH {
            return Kind::Open(&node.op_type);
        }
        // So that a graph that bites its own tail ends.
        self.known.insert(tensor, Kind::Open(&node.op_type));
        let kind = self.kind_of(node, depth);
        self.known.insert(tensor, kind);
        kind
    }

    fn kind_of(&mut self, node: &'a NodeProto, depth: usize) -> Kind<'a> {
        let open = Kind::Open(&node.op_type);
        let op = node.op_type.as_str();
        match op {
            _ if PASSING.contains(&op) => self.kind(first(node), depth + 1),
            "Softmax" | "QLinearSoftmax" => Kind::Probabilities,
            "Sigmoid" | "HardSigmoid" | "QLinearSigmoid" => Kind::Independent,
            // Softmax of logarithms of probabilities gives these probabilities.
            "LogSoftmax" => Kind::Scores,
            "Log" => match self.kind(first(node), depth + 1) {
                Kind::Independent => open,
                _ => Kind::Scores,
            },
            "Exp" => match self.is_log_softmax(first(node)) {
                true => Kind::Probabilities,
                false => open,
            },
            "Div" | "Mul" if self.is_divided_by_its_sum(node) => Kind::Probabilities,
            // x * sigmoid(x), which is an activation.
            "Mul" if self.activated(node).is_some() => {
                let input = self.activated(node).unwrap_or_default();
                self.kind(input, depth + 1)
            }
            _ if MIXING.contains(&op) => {
                let inputs = node.input.iter().map(String::as_str);
                let computed: Vec<&str> = inputs.filter(|i| !self.constants.contains(i)).collect();
                let scores = computed
                    .into_iter()
                    .all(|input| self.kind(input, depth + 1) == Kind::Scores);
                if scores { Kind::Scores } else { open }
            }
            "If" | "Loop" | "Scan" | "Hardmax" | "ArgMax" | "TopK" => open,
            // Of the rest, ONNX' own and those of ONNX Runtime weigh and activate; functions
            // of the file's own may be anything.
            _ if matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") => Kind::Scores,
            _ => open,
        }
    }

    /// `x / sum(x)` or `x * (1 / sum(x))`, as a softmax is written out.
    fn is_divided_by_its_sum(&self, node: &NodeProto) -> bool {
        let [a, b] = &node.input[..] else {
            return false;
        };
        if node.op_type == "Div" {
            return self.is_sum(b, a);
        }
        [(a, b), (b, a)].into_iter().any(|(x, factor)| {
            let reciprocal = self.node(factor, "Reciprocal");
            reciprocal.is_some_and(|r| self.is_sum(first(r), x))
        })
    }

    /// Whether `sum` is the sum of `values`, which something small may have been added to.
    fn is_sum(&self, sum: &str, values: &str) -> bool {
        let sum = self.source(sum);
        let sum = ["Add", "Max"]
            .into_iter()
            .find_map(|op| self.node(sum, op))
            .and_then(|node| {
                let constant = |i: &&String| !self.constants.contains(i.as_str());
                node.input.iter().find(constant)
            })
            .map_or(sum, |input| self.source(input));
        ["ReduceSum", "ReduceL1"]
            .into_iter()
            .filter_map(|op| self.node(sum, op))
            .any(|node| self.source(first(node)) == self.source(values))
    }

    /// `log softmax(x)`, also written out as `x - log sum exp x`.
    fn is_log_softmax(&self, tensor: &str) -> bool {
        if self.node(tensor, "LogSoftmax").is_some() {
            return true;
        }
        let Some([x, shift]) = self.node(tensor, "Sub").map(|node| &node.input[..]) else {
            return false;
        };
        if let Some(node) = self.node(shift, "ReduceLogSumExp") {
            return self.source(first(node)) == self.source(x);
        }
        let sum = self.node(shift, "Log").map(|node| self.source(first(node)));
        let sum = sum.and_then(|sum| self.node(sum, "ReduceSum"));
        let exp = sum.and_then(|node| self.node(first(node), "Exp"));
        exp.is_some_and(|node| self.source(first(node)) == self.source(x))
    }

    /// `x` where `node` is `x * sigmoid(x)`.
    fn activated(&self, node: &'a NodeProto) -> Option<&'a str> {
        let [a, b] = &node.input[..] else {
            return None;
        };
        [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
            let gate = self
                .node(gate, "Sigmoid")
                .or(self.node(gate, "HardSigmoid"))?;
            (first(gate) == x).then_some(x.as_str())
        })
    }

    /// The node behind `tensor`, where that is an `op`.
    fn node(&self, tensor: &str, op: &str) -> Option<&'a NodeProto> {
        let node = self.nodes.get(self.source(tensor)).copied();
        node.filter(|node| node.op_type == op)
    }

    /// `tensor` without what only reshapes it.
    fn source<'b>(&self, tensor: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let mut tensor = tensor;
        for _ in 0..DEPTH {
            match self.nodes.get(tensor) {
                Some(node)
                    if PASSING.contains(&node.op_type.as_str()) || node.op_type == "Expand" =>
                {
                    tensor = first(node);
                }
                _ => break,
            }
        }
        tensor
    }
}

fn first(node: &NodeProto) -> &str {
    node.input.first().map_or("", String::as_str)
}
