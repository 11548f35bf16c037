//! Values that are known before any picture.

use std::borrow::Cow;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::onnx::proto::TensorProto;
use crate::onnx::proto::tensor_proto::DataType;

/// Values of a constant: numbers, or whole numbers as shapes and indices are.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers.
    Floats(Vec<f32>),
    /// Whole numbers.
    Ints(Vec<i64>),
}

/// Most values of anything in a network: 1 GiB of numbers. Shapes in a file may say anything.
pub const MOST: usize = 1 << 28;

/// How many values something of this shape has.
///
/// # Errors
/// Where they are more than [`MOST`].
pub fn length(shape: &[usize]) -> Result<usize, String> {
    let len = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
    len.filter(|len| *len <= MOST)
        .ok_or_else(|| format!("shape {shape:?} is too large"))
}

/// A constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its axes; none for a single value.
    pub shape: Vec<usize>,
    /// Its values, the last axis fastest.
    pub values: Values,
}

impl Constant {
    /// Whole numbers in a row.
    pub fn ints(values: Vec<i64>) -> Self {
        Self {
            shape: vec![values.len()],
            values: Values::Ints(values),
        }
    }

    /// Numbers.
    pub fn floats(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            shape,
            values: Values::Floats(values),
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The values as numbers.
    pub fn to_floats(&self) -> Cow<'_, [f32]> {
        match &self.values {
            Values::Floats(values) => values.into(),
            Values::Ints(values) => values.iter().map(|v| *v as f32).collect(),
        }
    }

    /// The values as whole numbers.
    pub fn to_ints(&self) -> Vec<i64> {
        match &self.values {
            Values::Floats(values) => values.iter().map(|v| *v as i64).collect(),
            Values::Ints(values) => values.clone(),
        }
    }

    /// Reads a tensor of a file.
    ///
    /// # Errors
    /// When its values are of a type that networks don't compute in, lie in another file, or
    /// are more or fewer than its axes say.
    pub fn read(tensor: &TensorProto) -> Result<Self, String> {
        let fail = |why: &str| Err(format!("constant {:?} {why}", tensor.name));
        if !tensor.external_data.is_empty() {
            return fail("lies in another file");
        }
        let mut shape = Vec::new();
        for dim in &tensor.dims {
            match usize::try_from(*dim) {
                Ok(dim) => shape.push(dim),
                Err(_) => return fail("has a negative axis"),
            }
        }
        let Ok(kind) = DataType::try_from(tensor.data_type) else {
            return fail("is of an unknown type");
        };
        let raw = &tensor.raw_data[..];
        let is_raw = !raw.is_empty();
        let words = || tensor.int32_data.iter();
        let values = match kind {
            DataType::Float if is_raw => floats(raw, f32::from_le_bytes),
            DataType::Float => Values::Floats(tensor.float_data.clone()),
            DataType::Double if is_raw => floats(raw, |b| f64::from_le_bytes(b) as f32),
            DataType::Double => {
                Values::Floats(tensor.double_data.iter().map(|v| *v as f32).collect())
            }
            DataType::Float16 if is_raw => {
                let halves: Vec<f16> = split(raw).map(f16::from_le_bytes).collect();
                // Many at once where the processor can.
                let mut values = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut values);
                Values::Floats(values)
            }
            DataType::Float16 => Values::Floats(
                words()
                    .map(|v| f16::from_bits(*v as u16).to_f32())
                    .collect(),
            ),
            DataType::Bfloat16 if is_raw => floats(raw, |b| bf16::from_le_bytes(b).to_f32()),
            DataType::Bfloat16 => Values::Floats(
                words()
                    .map(|v| bf16::from_bits(*v as u16).to_f32())
                    .collect(),
            ),
            DataType::Int64 if is_raw => ints(raw, i64::from_le_bytes),
            DataType::Int64 => Values::Ints(tensor.int64_data.clone()),
            DataType::Int32 if is_raw => ints(raw, |b| i32::from_le_bytes(b).into()),
            DataType::Int16 if is_raw => ints(raw, |b| i16::from_le_bytes(b).into()),
            DataType::Uint16 if is_raw => ints(raw, |b| u16::from_le_bytes(b).into()),
            DataType::Int8 if is_raw => ints(raw, |b: [u8; 1]| i64::from(b[0] as i8)),
            DataType::Uint8 | DataType::Bool if is_raw => ints(raw, |b: [u8; 1]| b[0].into()),
            DataType::Int32
            | DataType::Int16
            | DataType::Uint16
            | DataType::Int8
            | DataType::Uint8
            | DataType::Bool => Values::Ints(words().map(|v| i64::from(*v)).collect()),
            _ => return fail(&format!("is of type {kind:?}, which is not computed in")),
        };
        let have = match &values {
            Values::Floats(values) => values.len(),
            Values::Ints(values) => values.len(),
        };
        if length(&shape) != Ok(have) {
            return fail(&format!("has {have} values for axes {shape:?}"));
        }
        Ok(Self { shape, values })
    }
}

fn floats<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> f32) -> Values {
    Values::Floats(split(raw).map(read).collect())
}

fn ints<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> i64) -> Values {
    Values::Ints(split(raw).map(read).collect())
}

fn split<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> {
    raw.chunks_exact(N)
        .map(|bytes| bytes.try_into().expect("chunks have this length"))
}
