//! The parts of a file: how they are made, and what is asked of them.

use super::proto::{
    AttributeProto, GraphProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value as Dim},
    type_proto::{Tensor, Value as TypeValue},
};

impl AttributeProto {
    /// A whole number.
    pub fn int(name: &str, i: i64) -> Self {
        Self {
            name: name.into(),
            r#type: AttributeType::Int as i32,
            i,
            ..Default::default()
        }
    }

    /// Several whole numbers.
    pub fn ints(name: &str, ints: &[i64]) -> Self {
        Self {
            name: name.into(),
            r#type: AttributeType::Ints as i32,
            ints: ints.to_vec(),
            ..Default::default()
        }
    }
}

impl NodeProto {
    /// An operation with one result, after which it is named.
    pub fn new(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> Self {
        Self {
            op_type: op.into(),
            name: output.into(),
            input: inputs.iter().map(|input| (*input).into()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        }
    }

    /// The same values as another type.
    pub fn cast(from: &str, to: &str, kind: DataType) -> Self {
        let attribute = vec![AttributeProto::int("to", kind as i64)];
        Self {
            name: format!("{to}.cast"),
            ..Self::new("Cast", &[from], to, attribute)
        }
    }
}

impl ValueInfoProto {
    /// A tensor; an axis of -1 is open.
    pub fn tensor(name: &str, kind: DataType, axes: &[i64]) -> Self {
        let dim = axes.iter().enumerate().map(|(i, n)| Dimension {
            value: Some(match (n, i) {
                (-1, 0) => Dim::DimParam("N".into()),
                (-1, i) => Dim::DimParam(format!("axis{i}")),
                (n, _) => Dim::DimValue(*n),
            }),
        });
        Self {
            name: name.into(),
            r#type: Some(TypeProto {
                value: Some(TypeValue::TensorType(Tensor {
                    elem_type: kind as i32,
                    shape: Some(TensorShapeProto { dim: dim.collect() }),
                })),
            }),
        }
    }

    /// Type of the values; `None` where the file does not say it, or it is no tensor.
    pub fn element_type(&self) -> Option<DataType> {
        let TypeValue::TensorType(tensor) = self.r#type.as_ref()?.value.as_ref()?;
        DataType::try_from(tensor.elem_type).ok()
    }

    /// The shape, with `None` for an axis that is not fixed.
    pub fn dims(&self) -> Option<Vec<Option<usize>>> {
        let TypeValue::TensorType(tensor) = self.r#type.as_ref()?.value.as_ref()?;
        let dims = tensor.shape.as_ref()?.dim.iter().map(|d| match d.value {
            Some(Dim::DimValue(n)) => usize::try_from(n).ok().filter(|n| *n > 0),
            _ => None,
        });
        Some(dims.collect())
    }
}

impl GraphProto {
    /// The input: the one that is no constant, which older files list too.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub fn only_input(&self) -> Result<&ValueInfoProto, String> {
        let mut inputs = self
            .input
            .iter()
            .filter(|i| !self.initializer.iter().any(|c| c.name == i.name));
        let input = inputs.next().ok_or("the graph has no input")?;
        match inputs.next() {
            Some(second) => Err(format!(
                "the graph has more than one input ({:?}, {:?})",
                input.name, second.name
            )),
            None => Ok(input),
        }
    }
}
