//! Other shapes, orders and parts of the same values.

use super::{Lower, Named, Tensor};
use crate::nn::attributes::{Attributes, axis};
use crate::nn::constant::MOST;
use crate::nn::fold::{permutation, reshaped, sliced, squeezed, strides, transposed, unsqueezed};
use crate::nn::step::{Operation, Walk};

impl Lower<'_> {
    /// The same values with another shape.
    fn view(&mut self, x: &Tensor, shape: Vec<usize>) -> Result<Tensor, String> {
        if shape.first() != Some(&1) {
            return Err(format!("shape {shape:?} mixes the pictures of a batch"));
        }
        let mut view = self.in_order(x, false);
        view.shape = shape;
        Ok(view)
    }

    pub(super) fn reshape(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let node = &self.nodes[i];
        let attributes = Attributes(node);
        let shape = match &node.op_type[..] {
            "Reshape" => {
                let mut target = self.ints(i, 1, "shape")?.ok_or("it has no shape")?;
                // The batch that the file was made for.
                if let (Some(batch), Some(first)) = (self.batch, target.first_mut())
                    && *first == batch as i64
                {
                    *first = 1;
                }
                reshaped(&x.shape, &target, attributes.int("allowzero", 0) == 0)?
            }
            "Flatten" => {
                let at = match attributes.int("axis", 1) {
                    at if at == x.shape.len() as i64 => x.shape.len(),
                    at => axis(at, x.shape.len())?,
                };
                if at == 0 {
                    return Err("it mixes the pictures of a batch".to_owned());
                }
                let (before, behind) = x.shape.split_at(at);
                vec![before.iter().product(), behind.iter().product()]
            }
            "Squeeze" => {
                let axes = match self.ints(i, 1, "axes")? {
                    Some(axes) => axes,
                    // All of length 1, but for the batch.
                    None => (1..x.shape.len() as i64)
                        .filter(|a| x.shape[*a as usize] == 1)
                        .collect(),
                };
                squeezed(&x.shape, Some(axes))?
            }
            _ => unsqueezed(&x.shape, &self.ints(i, 1, "axes")?.ok_or("it has no axes")?)?,
        };
        self.view(&x, shape)
    }

    pub(super) fn transpose(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let rank = x.shape.len();
        let reversed = (0..rank as i64).rev().collect();
        let perm = Attributes(&self.nodes[i]).ints("perm").unwrap_or(reversed);
        let perm = permutation(&perm, rank)?;
        if perm[0] != 0 {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        let shape: Vec<usize> = perm.iter().map(|p| x.shape[*p]).collect();
        // To channels last and back is only another name for how they lie already.
        if perm == [0, 2, 3, 1] && (x.together || x.is_either()) {
            return Ok(Tensor {
                shape,
                together: false,
                ..x
            });
        }
        if perm == [0, 3, 1, 2] && (!x.together || x.is_either()) {
            return Ok(Tensor {
                shape,
                together: true,
                ..x
            });
        }
        let x = self.in_order(&x, false);
        let walk = transposed(&x.shape, &perm);
        Ok(self.step(Operation::Gather(walk), &[&x], shape, false))
    }

    pub(super) fn concat(&mut self, i: usize) -> Result<Tensor, String> {
        let node = &self.nodes[i];
        let parts: Vec<Tensor> = (0..node.input.len())
            .map(|at| self.input(i, at))
            .collect::<Result<_, _>>()?;
        let first = parts.first().ok_or("it has no inputs")?;
        let rank = first.shape.len();
        let at = axis(Attributes(node).int("axis", 1), rank)?;
        let mut shape = first.shape.clone();
        shape[at] = 0;
        for part in &parts {
            if part.shape.len() != rank {
                return Err("its inputs have different ranks".to_owned());
            }
            shape[at] += part.shape[at];
            if (0..rank).any(|a| a != at && part.shape[a] != shape[a]) {
                return Err("its inputs have different shapes".to_owned());
            }
        }
        if at == 0 {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        let together = rank == 4 && at == 1 && parts.iter().any(|part| part.together);
        let parts: Vec<Tensor> = parts
            .iter()
            .map(|part| self.in_order(part, together))
            .collect();
        let lens = parts.iter().map(|part| {
            if together {
                part.shape[1]
            } else {
                part.shape[at..].iter().product()
            }
        });
        let operation = Operation::Concat(lens.collect());
        let parts: Vec<&Tensor> = parts.iter().collect();
        Ok(self.step(operation, &parts, shape, together))
    }

    fn part(&mut self, x: &Tensor, walk: Walk) -> Result<Tensor, String> {
        let shape = walk.shape.clone();
        if shape.first() != Some(&1) {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        Ok(self.step(Operation::Gather(walk), &[x], shape, false))
    }

    pub(super) fn slice(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let x = self.in_order(&x, false);
        let starts = self.ints(i, 1, "starts")?.ok_or("it has no starts")?;
        let ends = self.ints(i, 2, "ends")?.ok_or("it has no ends")?;
        let axes = self.ints(i, 3, "axes")?;
        let steps = self.constant(i, 4)?.map(|c| c.to_ints());
        let walk = sliced(&x.shape, &starts, &ends, axes.as_deref(), steps.as_deref())?;
        self.part(&x, walk)
    }

    pub(super) fn split(&mut self, i: usize) -> Result<(), String> {
        let x = self.input(i, 0)?;
        let x = self.in_order(&x, false);
        let node = &self.nodes[i];
        let at = axis(Attributes(node).int("axis", 0), x.shape.len())?;
        let count = node.output.len();
        let lens = match self.ints(i, 1, "split")? {
            Some(lens) => lens,
            None => vec![x.shape[at].div_ceil(count) as i64; count],
        };
        let mut start = 0;
        for (name, len) in node.output.iter().zip(&lens) {
            let end = i64::saturating_add(start, *len);
            let walk = sliced(&x.shape, &[start], &[end], Some(&[at as i64]), None)?;
            let part = self.part(&x, walk)?;
            self.names.insert(name, Named::Tensor(part));
            start = end;
        }
        Ok(())
    }

    pub(super) fn pad(&mut self, i: usize) -> Result<Tensor, String> {
        let x = self.input(i, 0)?;
        let x = self.in_order(&x, false);
        let attributes = Attributes(&self.nodes[i]);
        if attributes.text("mode", "constant") != "constant" {
            return Err("it repeats values in its padding".to_owned());
        }
        let pads = self.ints(i, 1, "pads")?.ok_or("it has no padding")?;
        let value = self
            .constant(i, 2)?
            .and_then(|c| c.to_floats().first().copied());
        let value = value.unwrap_or_else(|| attributes.float("value", 0.0));
        let rank = x.shape.len();
        let pads: Option<Vec<usize>> = pads.iter().map(|p| usize::try_from(*p).ok()).collect();
        let pads = pads
            .filter(|p| p.len() == 2 * rank && p.iter().all(|p| *p <= MOST))
            .ok_or("it takes values away, or adds too many")?;
        let shape: Vec<usize> = (0..rank)
            .map(|a| x.shape[a] + pads[a] + pads[rank + a])
            .collect();
        if shape[0] != 1 {
            return Err("it mixes the pictures of a batch".to_owned());
        }
        let own = strides(&shape);
        let walk = Walk {
            shape: x.shape.clone(),
            start: (0..rank).map(|a| pads[a] * own[a]).sum(),
            strides: own,
        };
        Ok(self.step(Operation::Pad(walk, value), &[&x], shape, false))
    }
}
