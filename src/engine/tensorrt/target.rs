use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::model::Precision;

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
