//! Functions of each value by itself, and of each two at the same place.

use super::{Lower, Named, Tensor};
use crate::nn::attributes::{Attributes, axis};
use crate::nn::constant::{Constant, Values};
use crate::nn::fold::{broadcast, spread};
use crate::nn::step::{Binary, Operation, Unary, Walk};

/// The axes of a picture in the order in which they lie.
fn as_it_lies(shape: &[usize], together: bool) -> Vec<usize> {
    match shape {
        [n, c, h, w] if together => vec![*n, *h, *w, *c],
        _ => shape.to_vec(),
    }
}

impl Lower<'_> {
    pub(super) fn unary(&mut self, i: usize, function: Unary) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let (shape, together) = (x.shape.clone(), x.together);
        Ok(self.step(Operation::Unary(function), &[&x], shape, together))
    }

    pub(super) fn quantise(&mut self, i: usize) -> Result<Tensor, String> {
        let scale = self.constant(i, 1)?.ok_or("it has no scale")?;
        let scale = scale.to_floats();
        let zero = self.constant(i, 2)?;
        let ([scale], true) = (&scale[..], zero.as_ref().is_none_or(|z| z.len() == 1)) else {
            return Err("it has more than one scale".to_owned());
        };
        let signed = self.nodes[i]
            .input
            .get(2)
            .is_some_and(|n| self.signed.contains(&n[..]));
        let zero = zero.map_or(0.0, |z| z.to_floats()[0]);
        let (lowest, highest) = if signed {
            (-128.0, 127.0)
        } else {
            (0.0, 255.0)
        };
        self.unary(i, Unary::Quantise(*scale, zero, lowest, highest))
    }

    pub(super) fn binary(&mut self, i: usize, function: Binary) -> Result<Tensor, String> {
        let node = &self.nodes[i];
        let ends: Vec<Named> = node
            .input
            .iter()
            .map(|name| {
                self.names
                    .get(&name[..])
                    .cloned()
                    .ok_or("an input is missing")
            })
            .collect::<Result<_, _>>()?;
        match &ends[..] {
            [Named::Tensor(x), Named::Constant(c)] => self.with_constant(function, x, c, false),
            [Named::Constant(c), Named::Tensor(x)] => self.with_constant(function, x, c, true),
            [Named::Tensor(a), Named::Tensor(b)] => self.two(function, a, b),
            _ => Err(format!("it has {} inputs", ends.len())),
        }
    }

    fn with_constant(
        &mut self,
        function: Binary,
        x: &Tensor,
        constant: &Constant,
        left: bool,
    ) -> Result<Tensor, String> {
        let shape = broadcast(&x.shape, &constant.shape)?;
        if shape != x.shape {
            return Err(format!(
                "a constant of shape {:?} is larger than its input",
                constant.shape
            ));
        }
        let mut walk = spread(&constant.shape, &shape);
        if x.together && shape.len() == 4 {
            walk = channels_last(&walk);
        }
        let values = walk.read(&constant.to_floats());
        let operation = Operation::WithConstant(function, values, left);
        Ok(self.step(operation, &[x], shape, x.together))
    }

    fn two(&mut self, function: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor, String> {
        let shape = broadcast(&a.shape, &b.shape)?;
        if shape.first() != Some(&1) {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        let together =
            shape.len() == 4 && (a.together || b.together) && a.shape.len() == b.shape.len();
        let (a, b) = (self.in_order(a, together), self.in_order(b, together));
        let lies = |t: &Tensor| as_it_lies(&t.shape, together);
        let whole = as_it_lies(&shape, together);
        let walks = [spread(&lies(&a), &whole), spread(&lies(&b), &whole)];
        let [from_a, from_b] = walks;
        let operation = if a.shape == b.shape {
            Operation::Pairs(function)
        } else {
            Operation::Binary(function, from_a, from_b)
        };
        Ok(self.step(operation, &[&a, &b], shape, together))
    }

    pub(super) fn prelu(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let slope = self.constant(i, 1)?.ok_or("it has no slope")?;
        // x where it is positive, and the slope times what is below zero.
        let above = self.unary(i, Unary::Clamp(0.0, f32::INFINITY))?;
        let below = self.unary(i, Unary::Clamp(f32::NEG_INFINITY, 0.0))?;
        let channels = x.shape.get(1).copied().unwrap_or(1);
        let slope = match &slope.values {
            // One a channel, which older files give without the axes behind it.
            Values::Floats(values) if slope.shape == [channels] && x.shape.len() == 4 => {
                Constant::floats(vec![channels, 1, 1], values.clone())
            }
            _ => (*slope).clone(),
        };
        let below = self.with_constant(Binary::Mul, &below, &slope, false)?;
        self.two(Binary::Add, &above, &below)
    }

    pub(super) fn softmax(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let x = self.in_order(&x, false);
        let node = &self.nodes[i];
        let attributes = Attributes(node);
        let rank = x.shape.len();
        let flat = self.opset < 13;
        let at = axis(attributes.int("axis", if flat { 1 } else { -1 }), rank)?;
        if at == 0 {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        let len = |range: std::ops::Range<usize>| x.shape[range].iter().product();
        // Before opset 13 all axes from this one on are one.
        let lens = if flat {
            [len(0..at), len(at..rank), 1]
        } else {
            [len(0..at), x.shape[at], len(at + 1..rank)]
        };
        let operation = Operation::Softmax(lens, node.op_type == "LogSoftmax");
        let shape = x.shape.clone();
        Ok(self.step(operation, &[&x], shape, false))
    }
}

/// A walk over batch, channels, height and width with the channels last.
fn channels_last(walk: &Walk) -> Walk {
    let order = [0, 2, 3, 1];
    Walk {
        shape: order.map(|a| walk.shape[a]).to_vec(),
        strides: order.map(|a| walk.strides[a]).to_vec(),
        start: walk.start,
    }
}
