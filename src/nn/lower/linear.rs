//! Convolutions and dense layers, with what follows and can be a part of them: norms, constants
//! added or multiplied, and bounds.

use std::rc::Rc;

use super::{Lower, Named};
use crate::nn::attributes::Attributes;
use crate::nn::constant::Constant;
use crate::nn::kernels::depthwise::{Depthwise, Window};
use crate::nn::kernels::product::Weights;
use crate::nn::step::Operation;

/// What is done to each output channel of a linear map.
struct Channels {
    scale: Vec<f32>,
    bias: Vec<f32>,
    clamp: (f32, f32),
}

/// No bounds.
const OPEN: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

impl Lower<'_> {
    pub(super) fn convolution(&mut self, i: usize) -> Result<(), String> {
        let x = self.input(i, 0)?;
        let [channels, height, width] = x.picture()?;
        let weights = self.constant(i, 1)?.ok_or("it has no weights")?;
        let bias = self.constant(i, 2)?;
        let attributes = Attributes(&self.nodes[i]);
        let [outputs, own, kernel_height, kernel_width] = weights.shape[..] else {
            return Err(format!(
                "its weights of shape {:?} are not for pictures",
                weights.shape
            ));
        };
        let groups = usize::try_from(attributes.int("group", 1)).unwrap_or(0);
        if groups == 0
            || outputs == 0
            || own.checked_mul(groups) != Some(channels)
            || !outputs.is_multiple_of(groups)
        {
            return Err(format!(
                "weights of shape {:?} in {groups} groups for {channels} channels",
                weights.shape
            ));
        }
        let window = window(&attributes, [height, width], [kernel_height, kernel_width])?;
        let (last, channel) = self.channels(i, outputs, bias.as_deref(), 4)?;
        let values = weights.to_floats();
        let taps = window.taps();
        // In the file: output, input of its group, tap.
        let at = |output: usize, input: usize, tap: usize| {
            values[(output * own + input) * taps + tap] * channel.scale[output]
        };
        let single = window.kernel == [1, 1] && window.stride == [1, 1] && window.pad == [0, 0];
        let operation = if groups > 1 && own == 1 && outputs == channels {
            let weight = |tap: usize, c: usize| at(c, 0, tap);
            let conv = Depthwise::new(self.isa, window, weight, &channel.bias);
            Operation::Depthwise(conv, channel.clamp)
        } else if single && groups == 1 && window.output == window.input {
            let size = (channels, outputs);
            let weight = |input: usize, output: usize| at(output, input, 0);
            let weights = Weights::new(self.isa, size, weight, &channel.bias);
            Operation::Product(weights, channel.clamp)
        } else {
            let per_group = outputs / groups;
            let group = |g: usize| {
                let weight = |row: usize, c: usize| at(g * per_group + c, row % own, row / own);
                let bias = &channel.bias[g * per_group..(g + 1) * per_group];
                Weights::new(self.isa, (taps * own, per_group), weight, bias)
            };
            let all = (0..groups).map(group).collect();
            Operation::Convolution(window, channels, all, channel.clamp)
        };
        let x = self.in_order(&x, true);
        let shape = vec![1, outputs, window.output[0], window.output[1]];
        let result = self.step(operation, &[&x], shape, true);
        self.name(last, Named::Tensor(result))
    }

    pub(super) fn dense(&mut self, i: usize) -> Result<(), String> {
        let node = &self.nodes[i];
        let attributes = Attributes(node);
        let is_gemm = node.op_type == "Gemm";
        if is_gemm && attributes.int("transA", 0) != 0 {
            return Err("its left side is transposed, which mixes the pictures".to_owned());
        }
        let x = self.input(i, 0)?;
        let x = self.in_order(&x, false);
        let weights = self.constant(i, 1)?.ok_or("it has no weights")?;
        let [a, b] = weights.shape[..] else {
            return Err(format!(
                "its weights of shape {:?} are no matrix",
                weights.shape
            ));
        };
        let turned = is_gemm && attributes.int("transB", 0) != 0;
        let (depth, columns) = if turned { (b, a) } else { (a, b) };
        if depth == 0 || columns == 0 {
            return Err("it has no weights".to_owned());
        }
        if x.shape.len() < 2 || x.shape.last() != Some(&depth) {
            return Err(format!(
                "{depth} weights a column for an input of shape {:?}",
                x.shape
            ));
        }
        let bias = if is_gemm { self.constant(i, 2)? } else { None };
        let beta = attributes.float("beta", 1.0);
        let bias = bias.map(|bias| {
            let values = bias.to_floats().iter().map(|v| v * beta).collect();
            Constant::floats(bias.shape.clone(), values)
        });
        let (last, channel) = self.channels(i, columns, bias.as_ref(), x.shape.len())?;
        let alpha = if is_gemm {
            attributes.float("alpha", 1.0)
        } else {
            1.0
        };
        let values = weights.to_floats();
        let at = |row: usize, column: usize| {
            let at = if turned {
                column * depth + row
            } else {
                row * columns + column
            };
            values[at] * alpha * channel.scale[column]
        };
        let weights = Weights::new(self.isa, (depth, columns), at, &channel.bias);
        let mut shape = x.shape.clone();
        shape.pop();
        shape.push(columns);
        let operation = Operation::Product(weights, channel.clamp);
        let result = self.step(operation, &[&x], shape, false);
        self.name(last, Named::Tensor(result))
    }

    /// What is done to each of the `count` outputs of node `i`, a linear map with this bias and
    /// a result of `rank` axes, by it and the nodes behind it; and the last of these nodes.
    fn channels(
        &mut self,
        i: usize,
        count: usize,
        bias: Option<&Constant>,
        rank: usize,
    ) -> Result<(usize, Channels), String> {
        let bias = match bias {
            // The bias of a convolution has one axis.
            Some(bias) if bias.len() == count => bias.to_floats().into_owned(),
            Some(bias) if bias.len() == 1 => vec![bias.to_floats()[0]; count],
            Some(bias) => return Err(format!("{} biases for {count} outputs", bias.len())),
            None => vec![0.0; count],
        };
        let mut channels = Channels {
            scale: vec![1.0; count],
            bias,
            clamp: OPEN,
        };
        let mut last = i;
        while let Some(next) = self.only_reader(last) {
            if !self.is_absorbed(next, last, &mut channels, rank)? {
                break;
            }
            self.done.insert(next);
            last = next;
            if channels.clamp != OPEN {
                break;
            }
        }
        // What is multiplied later is multiplied with the bias that came before.
        Ok((last, channels))
    }

    /// Makes node `next`, which reads the result of node `last`, a part of the channels, where
    /// it can be one.
    fn is_absorbed(
        &self,
        next: usize,
        last: usize,
        channels: &mut Channels,
        rank: usize,
    ) -> Result<bool, String> {
        let node = &self.nodes[next];
        let count = channels.bias.len();
        let from = &self.nodes[last].output[0];
        match &node.op_type[..] {
            "Relu" => channels.clamp = (0.0, f32::INFINITY),
            "Clip" => match self.bounds(next) {
                Ok(bounds) => channels.clamp = bounds,
                Err(_) => return Ok(false),
            },
            "BatchNormalization" if rank == 4 => {
                let (scale, shift) = self.norm_of(next, count)?;
                for c in 0..count {
                    channels.scale[c] *= scale[c];
                    channels.bias[c] = channels.bias[c] * scale[c] + shift[c];
                }
            }
            op @ ("Add" | "Sub" | "Mul" | "Div") => {
                let left = node.input.first() == Some(from);
                let other = node.input.get(usize::from(left));
                let Some(Named::Constant(other)) = other.and_then(|n| self.names.get(&n[..]))
                else {
                    return Ok(false);
                };
                let Some(values) = per_channel(other, count, rank) else {
                    return Ok(false);
                };
                if !left && matches!(op, "Sub" | "Div") {
                    return Ok(false);
                }
                for (c, value) in values.iter().enumerate() {
                    let factor = match op {
                        "Mul" => *value,
                        "Div" => 1.0 / value,
                        _ => 1.0,
                    };
                    channels.scale[c] *= factor;
                    channels.bias[c] *= factor;
                    match op {
                        "Add" => channels.bias[c] += value,
                        "Sub" => channels.bias[c] -= value,
                        _ => (),
                    }
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Bounds of a `Clip`.
    pub(super) fn bounds(&self, i: usize) -> Result<(f32, f32), String> {
        let attributes = Attributes(&self.nodes[i]);
        let bound = |at: usize, name: &str, open: f32| -> Result<f32, String> {
            let given: Option<Rc<Constant>> = self.constant(i, at)?;
            let given = given.and_then(|c| c.to_floats().first().copied());
            Ok(given.unwrap_or_else(|| attributes.float(name, open)))
        };
        Ok((bound(1, "min", OPEN.0)?, bound(2, "max", OPEN.1)?))
    }

    /// What a `BatchNormalization` multiplies each channel with and then adds.
    pub(super) fn norm_of(&self, i: usize, count: usize) -> Result<(Vec<f32>, Vec<f32>), String> {
        let epsilon = Attributes(&self.nodes[i]).float("epsilon", 1e-5);
        let mut given = Vec::new();
        for at in 1..5 {
            let constant = self.constant(i, at)?.ok_or("it lacks a constant")?;
            let values = constant.to_floats().into_owned();
            if values.len() != count {
                return Err(format!("{} constants for {count} channels", values.len()));
            }
            given.push(values);
        }
        let scale: Vec<f32> = (0..count)
            .map(|c| given[0][c] / (given[3][c] + epsilon).sqrt())
            .collect();
        let shift = (0..count)
            .map(|c| given[1][c] - given[2][c] * scale[c])
            .collect();
        Ok((scale, shift))
    }
}

/// The constant's value for each of `count` channels of a result with `rank` axes, where it has
/// one for each or one for all.
fn per_channel(constant: &Constant, count: usize, rank: usize) -> Option<Vec<f32>> {
    let values = constant.to_floats();
    if values.len() == 1 && constant.shape.len() <= rank {
        return Some(vec![values[0]; count]);
    }
    let behind = if rank == 4 { 2 } else { 0 };
    let shape = &constant.shape;
    let at = shape.len().checked_sub(behind + 1)?;
    let is_channel = |(i, n): (usize, &usize)| if i == at { *n == count } else { *n == 1 };
    let fits = shape.len() <= rank && shape.iter().enumerate().all(is_channel);
    fits.then(|| values.into_owned())
}

/// Most of a side, a step or the padding of a window.
const WIDEST: usize = 1 << 14;

/// The window of a convolution or a pool over pictures of `input`.
pub(super) fn window(
    attributes: &Attributes,
    input: [usize; 2],
    kernel: [usize; 2],
) -> Result<Window, String> {
    let stride = attributes.pair("strides", 1)?;
    let dilation = attributes.pair("dilations", 1)?;
    if stride.contains(&0) || dilation.contains(&0) || kernel.contains(&0) {
        return Err("a stride, a dilation or its kernel is zero".to_owned());
    }
    if [stride, dilation, kernel]
        .as_flattened()
        .iter()
        .any(|n| *n > WIDEST)
    {
        return Err("a stride, a dilation or its kernel is too large".to_owned());
    }
    let reach = [0, 1].map(|a| (kernel[a] - 1) * dilation[a] + 1);
    let pads = attributes.ints("pads").unwrap_or_else(|| vec![0; 4]);
    let pads: Option<Vec<usize>> = pads.iter().map(|p| usize::try_from(*p).ok()).collect();
    let fits = |pads: &Vec<usize>| pads.len() == 4 && pads.iter().all(|p| *p <= WIDEST);
    let pads = pads.filter(fits).ok_or("its padding is not for pictures")?;
    let mut pad = [pads[0], pads[1]];
    let mut output = [0; 2];
    for a in 0..2 {
        let auto = attributes.text("auto_pad", "NOTSET");
        let total = match &auto[..] {
            "NOTSET" => pads[a] + pads[a + 2],
            "VALID" => 0,
            _ => {
                let out = input[a].div_ceil(stride[a]);
                ((out - 1) * stride[a] + reach[a]).saturating_sub(input[a])
            }
        };
        match &auto[..] {
            "SAME_UPPER" => pad[a] = total / 2,
            "SAME_LOWER" => pad[a] = total.div_ceil(2),
            "VALID" => pad[a] = 0,
            _ => (),
        }
        let room = (input[a] + total).checked_sub(reach[a]);
        let room = room.ok_or("its kernel is larger than the picture")?;
        output[a] = if attributes.int("ceil_mode", 0) == 0 {
            room / stride[a] + 1
        } else {
            // A window must begin inside of the picture or the padding before it.
            let outs = room.div_ceil(stride[a]) + 1;
            if (outs - 1) * stride[a] >= input[a] + pad[a] {
                outs - 1
            } else {
                outs
            }
        };
    }
    Ok(Window {
        input,
        output,
        kernel,
        stride,
        dilation,
        pad,
    })
}
