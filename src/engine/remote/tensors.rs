//! Values as they cross the network.

use half::f16;
use prost::bytes::Bytes;

use super::client::line;
use super::messages::InferResponse;
use crate::model::{InputSpec, Layout};

/// A type of values that faces can be sent in and answers come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// 16-bit floats.
    Fp16,
    /// 32-bit floats.
    Fp32,
    /// 64-bit floats.
    Fp64,
    /// Pixels of 0 to 255, before mean and deviation: a quarter of 32-bit floats.
    Uint8,
}

impl Datatype {
    /// The one of this name in the protocol.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "FP16" => Self::Fp16,
            "FP32" => Self::Fp32,
            "FP64" => Self::Fp64,
            "UINT8" => Self::Uint8,
            _ => return None,
        })
    }

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp16 => "FP16",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Uint8 => "UINT8",
        }
    }

    /// Prepared faces, as they are sent.
    pub fn encode(self, values: &[f32], spec: &InputSpec) -> Bytes {
        match self {
            Self::Fp16 => values
                .iter()
                .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                .collect(),
            Self::Fp32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Fp64 => values
                .iter()
                .flat_map(|v| f64::from(*v).to_le_bytes())
                .collect(),
            Self::Uint8 => pixels(values, spec),
        }
    }
}

/// What prepared faces were before mean and deviation.
fn pixels(values: &[f32], spec: &InputSpec) -> Bytes {
    let (channels, plane) = (spec.color.channels(), spec.width * spec.height);
    let terms: Vec<(f32, f32)> = (0..channels).map(|c| spec.mean_and_std(c)).collect();
    let channel = |at: usize| match spec.layout {
        Layout::Nchw => at / plane % channels,
        Layout::Nhwc => at % channels,
    };
    let pixel = |(at, v): (usize, &f32)| {
        let (mean, std) = terms[channel(at)];
        // Rounded, and cut to 0 to 255.
        (v * std + mean).round() as u8
    };
    values.iter().enumerate().map(pixel).collect()
}

/// The values of the output called `name`, whichever way the server has put them: raw, or typed.
///
/// # Errors
/// What is missing or odd in the answer.
pub fn decode(answer: &InferResponse, name: &str) -> Result<Vec<f32>, String> {
    let named = answer.outputs.iter().position(|output| output.name == name);
    // The only one is the one that was asked for, whatever it is called there.
    let at = named.or((answer.outputs.len() == 1).then_some(0));
    let at = at.ok_or_else(|| format!("no output {:?} in the answer", line(name)))?;
    let output = &answer.outputs[at];
    if let Some(raw) = answer.raw_output_contents.get(at) {
        return from_bytes(raw, &output.datatype);
    }
    let contents = output.contents.clone().unwrap_or_default();
    match output.datatype.as_str() {
        "FP64" => Ok(contents.fp64.iter().map(|v| *v as f32).collect()),
        "FP32" => Ok(contents.fp32),
        other => Err(format!(
            "output {:?} is of type {}",
            line(name),
            line(other)
        )),
    }
}

fn from_bytes(raw: &[u8], datatype: &str) -> Result<Vec<f32>, String> {
    fn each<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> f32) -> Option<Vec<f32>> {
        let (values, rest) = raw.as_chunks::<N>();
        rest.is_empty()
            .then(|| values.iter().map(|value| read(*value)).collect())
    }
    let values = match datatype {
        "FP16" => each(raw, |v| f16::from_le_bytes(v).to_f32()),
        "FP32" => each(raw, f32::from_le_bytes),
        "FP64" => each(raw, |v| f64::from_le_bytes(v) as f32),
        other => return Err(format!("an output of type {}", line(other))),
    };
    values.ok_or_else(|| format!("{} bytes are no whole number of {datatype}", raw.len()))
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Contents, Tensor};
    use super::*;
    use crate::model::{Color, Tone};

    fn answer(datatype: &str, contents: Option<Contents>, raw: &[&[u8]]) -> InferResponse {
        let output = |name: &str| Tensor {
            name: name.to_owned(),
            datatype: datatype.to_owned(),
            shape: vec![1, 2],
            contents: contents.clone(),
        };
        InferResponse {
            outputs: ["other", "scores"].map(output).to_vec(),
            raw_output_contents: raw.iter().map(|raw| Bytes::copy_from_slice(raw)).collect(),
        }
    }

    #[test]
    fn raw_and_typed_answers_are_read() {
        let single: Vec<u8> = [1.0f32, -2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let double: Vec<u8> = [1.0f64, -2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let typed = Contents {
            fp32: vec![1.0, -2.0],
            fp64: vec![1.0, -2.0],
        };
        for answer in [
            answer("FP32", None, &[&[], &single]),
            answer("FP64", None, &[&[], &double]),
            answer("FP32", Some(typed.clone()), &[]),
            answer("FP64", Some(typed), &[]),
        ] {
            assert_eq!(decode(&answer, "scores").unwrap(), [1.0, -2.0]);
            assert!(decode(&answer, "missing").is_err());
        }
        for odd in [
            answer("FP32", None, &[&[], &single[1..]]),
            answer("INT64", None, &[&[], &single]),
            answer("BYTES", None, &[]),
        ] {
            assert!(decode(&odd, "scores").is_err());
        }
    }

    #[test]
    fn pixels_are_what_they_were_before_preparation() {
        let mut spec = InputSpec {
            width: 2,
            height: 1,
            color: Color::Rgb,
            layout: Layout::Nchw,
            mean: vec![10.0, 20.0, 30.0],
            std: vec![2.0],
            margin: 0.0,
            tone: Tone::AsIs,
        };
        let sent = Datatype::Uint8.encode(&[0.0, 5.0, 0.0, 0.2, 0.0, 1e9], &spec);
        assert_eq!(sent[..], [10, 20, 20, 20, 30, 255]);
        spec.layout = Layout::Nhwc;
        let sent = Datatype::Uint8.encode(&[0.0, 0.0, 0.0, -1e9, 0.0, 0.0], &spec);
        assert_eq!(sent[..], [10, 20, 30, 0, 20, 30]);
    }
}
