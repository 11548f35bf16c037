use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::by_name;

/// Type of an engine's arithmetic. Input and output are 32-bit floats either way, and
/// softmax is computed outside of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 16-bit floats: half the memory, and the units of every card since Turing.
    #[default]
    Fp16,
    /// 8-bit integers where the ONNX file is quantised.
    Int8,
}

impl Precision {
    /// Every precision, in the order of documentation.
    pub const ALL: [Self; 3] = [Self::Fp32, Self::Fp16, Self::Int8];

    /// The name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        by_name("precision", &Self::ALL, Self::name, name)
    }
}

/// Which of NVIDIA's two TensorRT products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// TensorRT for RTX: GeForce and RTX cards; builds without a card.
    Rtx,
    /// TensorRT: Jetson and data-centre cards; builds on the card it is for.
    Classic,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtx => "TensorRT for RTX",
            Self::Classic => "TensorRT",
        })
    }
}

/// A card, or a kind of card, that an engine is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The card in this machine.
    Current,
    /// A compute capability: 86 is 8.6.
    Sm(u16),
}

impl Target {
    /// Compute capabilities that TensorRT for RTX 1.7 builds for.
    pub const SUPPORTED: [Self; 6] = [
        Self::Sm(75),
        Self::Sm(80),
        Self::Sm(86),
        Self::Sm(89),
        Self::Sm(120),
        Self::Sm(121),
    ];

    /// Those of [`Target::SUPPORTED`] that `precision` can be built for. TensorRT for RTX has
    /// no matrix product of 32-bit floats for Turing (7.5).
    pub fn supported(precision: Precision) -> Vec<Self> {
        let mut targets = Self::SUPPORTED.to_vec();
        if precision != Precision::Fp16 {
            targets.retain(|target| *target != Self::Sm(75));
        }
        targets
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::Sm(capability) => write!(f, "sm_{capability}"),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name == "current" {
            return Ok(Self::Current);
        }
        Self::SUPPORTED
            .into_iter()
            .find(|target| target.to_string() == name)
            .ok_or_else(|| {
                let known: Vec<String> = Self::SUPPORTED.iter().map(Self::to_string).collect();
                Error::Setting(format!(
                    "target {name:?} is not current or one of {}",
                    known.join(", ")
                ))
            })
    }
}
