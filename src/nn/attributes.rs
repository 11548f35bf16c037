//! Settings of an operation.

use crate::onnx::proto::{AttributeProto, NodeProto};

/// An operation's settings and constants, with what is said where they don't do.
pub struct Attributes<'a>(pub &'a NodeProto);

impl<'a> Attributes<'a> {
    /// The attribute with this name.
    pub fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.attribute.iter().find(|a| a.name == name)
    }

    /// A whole number.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |a| a.i)
    }

    /// A number.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).map_or(default, |a| a.f)
    }

    /// Whole numbers.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.get(name).map(|a| a.ints.clone())
    }

    /// A text.
    pub fn text(&self, name: &str, default: &str) -> String {
        let text = self
            .get(name)
            .map(|a| String::from_utf8_lossy(&a.s).into_owned());
        text.unwrap_or_else(|| default.to_owned())
    }

    /// A pair of whole numbers that are not negative.
    pub fn pair(&self, name: &str, default: usize) -> Result<[usize; 2], String> {
        let Some(values) = self.ints(name) else {
            return Ok([default; 2]);
        };
        let pair: Option<Vec<usize>> = values.iter().map(|v| usize::try_from(*v).ok()).collect();
        pair.and_then(|pair| pair.try_into().ok())
            .ok_or_else(|| format!("its {name} {values:?} is not for pictures"))
    }
}

/// An axis counted from the front, where a negative one is counted from the end.
pub fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_front)
        .ok()
        .filter(|a| *a < rank)
        .ok_or_else(|| format!("axis {axis} of {rank}"))
}
