//! Operations on constants.

use super::attributes::{Attributes, axis};
use super::constant::{Constant, Values, length};
use super::step::{Binary, Unary, Walk};
use crate::onnx::proto::tensor_proto::DataType;

/// Steps of the axes of a tensor whose last one is fastest.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// The shape that both have together, by the rules of broadcasting.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], i: usize| {
        let missing = rank - shape.len();
        if i < missing { 1 } else { shape[i - missing] }
    };
    let shape: Vec<usize> = (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (a, b) if a == b => Ok(a),
            (1, n) | (n, 1) => Ok(n),
            _ => Err(format!("shapes {a:?} and {b:?} don't go together")),
        })
        .collect::<Result<_, _>>()?;
    length(&shape)?;
    Ok(shape)
}

/// How a tensor of `shape` is read as one of `whole`, to which it is broadcast.
pub fn spread(shape: &[usize], whole: &[usize]) -> Walk {
    let own = strides(shape);
    let missing = whole.len() - shape.len();
    let strides = (0..whole.len()).map(|i| match i.checked_sub(missing) {
        Some(i) if shape[i] > 1 => own[i],
        _ => 0,
    });
    Walk {
        shape: whole.to_vec(),
        strides: strides.collect(),
        start: 0,
    }
}

/// The axes in the order of `perm`.
pub fn transposed(shape: &[usize], perm: &[usize]) -> Walk {
    let own = strides(shape);
    Walk {
        shape: perm.iter().map(|p| shape[*p]).collect(),
        strides: perm.iter().map(|p| own[*p]).collect(),
        start: 0,
    }
}

/// An order of `rank` axes.
pub fn permutation(perm: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let order: Vec<usize> = perm
        .iter()
        .map(|p| axis(*p, rank))
        .collect::<Result<_, _>>()?;
    let is_whole = order.len() == rank && (0..rank).all(|a| order.contains(&a));
    is_whole
        .then_some(order)
        .ok_or_else(|| format!("{perm:?} is no order of {rank} axes"))
}

/// The shape that a `Reshape` to `target` gives; 0 keeps an axis, -1 takes what is left.
pub fn reshaped(shape: &[usize], target: &[i64], keep_zero: bool) -> Result<Vec<usize>, String> {
    let len = length(shape)?;
    let fail = || format!("{shape:?} can't be reshaped to {target:?}");
    let mut result = Vec::new();
    for (i, dim) in target.iter().enumerate() {
        result.push(match dim {
            -1 => 0,
            0 if keep_zero => *shape.get(i).ok_or_else(fail)?,
            dim => usize::try_from(*dim).map_err(|_| fail())?,
        });
    }
    if let Some(open) = target.iter().position(|dim| *dim == -1) {
        result[open] = 1;
        let rest = length(&result)?;
        if rest == 0 || !len.is_multiple_of(rest) {
            return Err(fail());
        }
        result[open] = len / rest;
    }
    if length(&result)? == len {
        Ok(result)
    } else {
        Err(fail())
    }
}

/// The function of one number that an operator is, where it is one.
pub fn unary(op: &str, attributes: &Attributes) -> Option<Unary> {
    Some(match op {
        "Relu" => Unary::Clamp(0.0, f32::INFINITY),
        "LeakyRelu" => Unary::Leaky(attributes.float("alpha", 0.01)),
        "Sigmoid" => Unary::Sigmoid,
        "HardSigmoid" => Unary::HardSigmoid(
            attributes.float("alpha", 0.2),
            attributes.float("beta", 0.5),
        ),
        "HardSwish" => Unary::HardSwish,
        "Tanh" => Unary::Tanh,
        "Elu" => Unary::Elu(attributes.float("alpha", 1.0)),
        "Softplus" => Unary::Softplus,
        "Exp" => Unary::Exp,
        "Log" => Unary::Log,
        "Sqrt" => Unary::Sqrt,
        "Neg" => Unary::Neg,
        "Abs" => Unary::Abs,
        "Reciprocal" => Unary::Reciprocal,
        "Round" => Unary::Round,
        "Floor" => Unary::Floor,
        _ => return None,
    })
}

/// The function of two numbers that an operator is, where it is one.
pub fn binary(op: &str) -> Option<Binary> {
    Some(match op {
        "Add" => Binary::Add,
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Pow" => Binary::Pow,
        "Max" => Binary::Max,
        "Min" => Binary::Min,
        _ => return None,
    })
}

fn walk(constant: &Constant, walk: &Walk) -> Constant {
    let values = match &constant.values {
        Values::Floats(values) => Values::Floats(walk.read(values)),
        Values::Ints(values) => Values::Ints(walk.read(values)),
    };
    Constant {
        shape: walk.shape.clone(),
        values,
    }
}

fn pairs(function: Binary, a: &Constant, b: &Constant) -> Result<Constant, String> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let (a, b) = (
        walk(a, &spread(&a.shape, &shape)),
        walk(b, &spread(&b.shape, &shape)),
    );
    let values = match (&a.values, &b.values) {
        (Values::Ints(a), Values::Ints(b)) => {
            let of = |(a, b): (&i64, &i64)| match function {
                Binary::Add => a.checked_add(*b),
                Binary::Sub => a.checked_sub(*b),
                Binary::Mul => a.checked_mul(*b),
                Binary::Div => a.checked_div(*b),
                Binary::Pow => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
                Binary::Max => Some(*a.max(b)),
                Binary::Min => Some(*a.min(b)),
            };
            let values: Option<Vec<i64>> = a.iter().zip(b).map(of).collect();
            Values::Ints(values.ok_or("its numbers are too large")?)
        }
        _ => {
            let (a, b) = (a.to_floats(), b.to_floats());
            Values::Floats(
                a.iter()
                    .zip(&b[..])
                    .map(|(a, b)| function.of(*a, *b))
                    .collect(),
            )
        }
    };
    Ok(Constant { shape, values })
}

/// The shape with axes of length 1 put in at `axes`.
pub fn unsqueezed(shape: &[usize], axes: &[i64]) -> Result<Vec<usize>, String> {
    let rank = shape.len() + axes.len();
    let axes: Vec<usize> = axes
        .iter()
        .map(|a| axis(*a, rank))
        .collect::<Result<_, _>>()?;
    let mut own = shape.iter();
    let dims = (0..rank).map(|i| {
        if axes.contains(&i) {
            Some(1)
        } else {
            own.next().copied()
        }
    });
    dims.collect::<Option<_>>()
        .ok_or_else(|| "an axis is named twice".to_owned())
}

/// The shape without the axes of length 1 at `axes`, or without all of these.
pub fn squeezed(shape: &[usize], axes: Option<Vec<i64>>) -> Result<Vec<usize>, String> {
    let axes: Vec<usize> = match axes {
        Some(axes) => axes
            .iter()
            .map(|a| axis(*a, shape.len()))
            .collect::<Result<_, _>>()?,
        None => (0..shape.len()).filter(|i| shape[*i] == 1).collect(),
    };
    if axes.iter().any(|a| shape[*a] != 1) {
        return Err(format!(
            "axes {axes:?} of {shape:?} are not all of length 1"
        ));
    }
    Ok((0..shape.len())
        .filter(|i| !axes.contains(i))
        .map(|i| shape[i])
        .collect())
}

/// The part of a tensor that `starts`, `ends`, `axes` and `steps` name.
pub fn sliced(
    shape: &[usize],
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Result<Walk, String> {
    let all: Vec<i64> = (0..starts.len() as i64).collect();
    let axes = axes.unwrap_or(&all);
    let mut part = spread(shape, shape);
    part.strides = strides(shape);
    for (i, a) in axes.iter().enumerate() {
        let a = axis(*a, shape.len())?;
        let (Some(start), Some(end)) = (starts.get(i), ends.get(i)) else {
            return Err("it names more axes than ends".to_owned());
        };
        let step = steps.and_then(|s| s.get(i)).copied().unwrap_or(1);
        let step = usize::try_from(step)
            .ok()
            .filter(|s| *s > 0)
            .ok_or("it steps backwards")?;
        let dim = shape[a] as i64;
        let place = |v: i64| (if v < 0 { v.saturating_add(dim) } else { v }).clamp(0, dim) as usize;
        let (start, end) = (place(*start), place(*end));
        part.shape[a] = end.saturating_sub(start).div_ceil(step);
        part.start += start * part.strides[a];
        part.strides[a] *= step;
    }
    if part.shape.contains(&0) {
        return Err("nothing is left of it".to_owned());
    }
    Ok(part)
}

/// The value of an operation all of whose inputs are constants; `Ok(None)` where the operator
/// is not known here.
pub fn evaluate(
    op: &str,
    attributes: &Attributes,
    inputs: &[Option<&Constant>],
) -> Result<Option<Constant>, String> {
    if op == "Constant" {
        return constant(attributes).map(Some);
    }
    let Some(Some(x)) = inputs.first() else {
        return Ok(None);
    };
    let second = || inputs.get(1).copied().flatten();
    let ints = |name: &str| {
        let given = second().map(Constant::to_ints);
        given.or_else(|| attributes.ints(name))
    };
    let reshape = |shape: Vec<usize>| Constant {
        shape,
        values: x.values.clone(),
    };
    if let Some(function) = unary(op, attributes) {
        let values = x.to_floats().iter().map(|v| function.of(*v)).collect();
        return Ok(Some(Constant::floats(x.shape.clone(), values)));
    }
    if let (Some(function), Some(b)) = (binary(op), second()) {
        return pairs(function, x, b).map(Some);
    }
    Ok(Some(match op {
        "Identity" | "Dropout" => (*x).clone(),
        "Cast" => cast(x, attributes.int("to", 1))?,
        "Reshape" => {
            let target = ints("shape").ok_or("it has no shape")?;
            let keep = attributes.int("allowzero", 0) == 0;
            reshape(reshaped(&x.shape, &target, keep)?)
        }
        "Flatten" => {
            let at = attributes.int("axis", 1).clamp(0, x.shape.len() as i64) as usize;
            let (before, behind) = x.shape.split_at(at);
            reshape(vec![before.iter().product(), behind.iter().product()])
        }
        "Unsqueeze" => reshape(unsqueezed(
            &x.shape,
            &ints("axes").ok_or("it has no axes")?,
        )?),
        "Squeeze" => reshape(squeezed(&x.shape, ints("axes"))?),
        "Transpose" => {
            let reversed = (0..x.shape.len() as i64).rev().collect();
            let perm: Vec<i64> = attributes.ints("perm").unwrap_or(reversed);
            let perm = permutation(&perm, x.shape.len())?;
            walk(x, &transposed(&x.shape, &perm))
        }
        "Shape" => Constant::ints(x.shape.iter().map(|n| *n as i64).collect()),
        "Gather" => gather(
            x,
            second().ok_or("it has no indices")?,
            attributes.int("axis", 0),
        )?,
        "Concat" => concat(inputs, attributes.int("axis", 0))?,
        "Slice" => {
            let at = |i: usize| inputs.get(i).copied().flatten().map(Constant::to_ints);
            let starts = at(1).or_else(|| attributes.ints("starts"));
            let ends = at(2).or_else(|| attributes.ints("ends"));
            let axes = at(3).or_else(|| attributes.ints("axes"));
            let (Some(starts), Some(ends)) = (starts, ends) else {
                return Err("it has no ends".to_owned());
            };
            walk(
                x,
                &sliced(&x.shape, &starts, &ends, axes.as_deref(), at(4).as_deref())?,
            )
        }
        "ConstantOfShape" => {
            let shape: Result<Vec<usize>, _> =
                x.to_ints().iter().map(|n| usize::try_from(*n)).collect();
            let shape = shape.map_err(|_| "its shape is negative")?;
            let value = attributes.get("value").and_then(|a| a.t.as_ref());
            let value = match value.map(Constant::read).transpose()? {
                Some(value) => value.to_floats().first().copied().unwrap_or(0.0),
                None => 0.0,
            };
            let len = length(&shape)?;
            Constant::floats(shape, vec![value; len])
        }
        "DequantizeLinear" => dequantise(x, inputs, attributes)?,
        _ => return Ok(None),
    }))
}

fn constant(attributes: &Attributes) -> Result<Constant, String> {
    let single = |values| Constant {
        shape: Vec::new(),
        values,
    };
    if let Some(tensor) = attributes.get("value").and_then(|a| a.t.as_ref()) {
        return Constant::read(tensor);
    }
    if let Some(a) = attributes.get("value_float") {
        return Ok(single(Values::Floats(vec![a.f])));
    }
    if let Some(a) = attributes.get("value_int") {
        return Ok(single(Values::Ints(vec![a.i])));
    }
    if let Some(a) = attributes.get("value_ints") {
        return Ok(Constant::ints(a.ints.clone()));
    }
    if let Some(a) = attributes.get("value_floats") {
        return Ok(Constant::floats(vec![a.floats.len()], a.floats.clone()));
    }
    Err("its value is of a kind that is not known".to_owned())
}

fn cast(x: &Constant, to: i64) -> Result<Constant, String> {
    let kind = i32::try_from(to)
        .ok()
        .and_then(|to| DataType::try_from(to).ok());
    let values = match kind {
        Some(DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16) => {
            Values::Floats(x.to_floats().into_owned())
        }
        Some(DataType::Int64 | DataType::Int32 | DataType::Int8 | DataType::Uint8) => {
            Values::Ints(x.to_ints())
        }
        _ => return Err(format!("it casts to type {to}, which is not computed in")),
    };
    Ok(Constant {
        shape: x.shape.clone(),
        values,
    })
}

fn gather(x: &Constant, indices: &Constant, at: i64) -> Result<Constant, String> {
    let at = axis(at, x.shape.len())?;
    let picked: Vec<usize> = indices
        .to_ints()
        .iter()
        .map(|i| axis(*i, x.shape[at]))
        .collect::<Result<_, _>>()?;
    let behind: usize = x.len() / x.shape[at].max(1);
    length(&[behind, picked.len()])?;
    let parts: Vec<Constant> = picked
        .iter()
        .map(|i| {
            let mut part = spread(&x.shape, &x.shape);
            part.strides = strides(&x.shape);
            part.start = i * part.strides[at];
            part.shape[at] = 1;
            walk(x, &part)
        })
        .collect();
    let parts: Vec<Option<&Constant>> = parts.iter().map(Some).collect();
    let mut all = concat(&parts, at as i64)?;
    let mut shape = x.shape[..at].to_vec();
    shape.extend(&indices.shape);
    shape.extend(&x.shape[at + 1..]);
    all.shape = shape;
    Ok(all)
}

fn concat(inputs: &[Option<&Constant>], at: i64) -> Result<Constant, String> {
    let inputs: Vec<&Constant> = inputs.iter().copied().flatten().collect();
    let first = inputs.first().ok_or("it has no inputs")?;
    let at = axis(at, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[at] = 0;
    for x in &inputs {
        let mut own = x.shape.clone();
        if own.len() != shape.len() {
            return Err("its inputs have different ranks".to_owned());
        }
        shape[at] += own[at];
        own[at] = shape[at];
        if own != shape {
            return Err("its inputs have different shapes".to_owned());
        }
    }
    let before: usize = shape[..at].iter().product();
    let lens: Vec<usize> = inputs
        .iter()
        .map(|x| x.shape[at..].iter().product())
        .collect();
    let is_int = inputs.iter().all(|x| matches!(x.values, Values::Ints(_)));
    let values = if is_int {
        let all: Vec<Vec<i64>> = inputs.iter().map(|x| x.to_ints()).collect();
        Values::Ints(join(before, &lens, &all))
    } else {
        let all: Vec<Vec<f32>> = inputs.iter().map(|x| x.to_floats().into_owned()).collect();
        Values::Floats(join(before, &lens, &all))
    };
    Ok(Constant { shape, values })
}

fn join<T: Copy>(before: usize, lens: &[usize], all: &[Vec<T>]) -> Vec<T> {
    let mut joined = Vec::new();
    for i in 0..before {
        for (values, len) in all.iter().zip(lens) {
            joined.extend(&values[i * len..(i + 1) * len]);
        }
    }
    joined
}

fn dequantise(
    x: &Constant,
    inputs: &[Option<&Constant>],
    attributes: &Attributes,
) -> Result<Constant, String> {
    let scale = inputs
        .get(1)
        .copied()
        .flatten()
        .ok_or("it has no scale")?
        .to_floats();
    let zero = inputs.get(2).copied().flatten().map(Constant::to_floats);
    let zero = zero.unwrap_or_else(|| vec![0.0; scale.len()].into());
    let behind = if scale.len() == 1 {
        x.len()
    } else {
        let at = axis(attributes.int("axis", 1), x.shape.len())?;
        x.shape[at + 1..].iter().product()
    };
    if scale.is_empty() || zero.len() != scale.len() || behind == 0 {
        return Err("its scales and zero points don't fit".to_owned());
    }
    let of = |(i, v): (usize, &f32)| {
        let channel = i / behind % scale.len();
        (v - zero[channel]) * scale[channel]
    };
    let values = x.to_floats().iter().enumerate().map(of).collect();
    Ok(Constant::floats(x.shape.clone(), values))
}
