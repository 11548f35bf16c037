//! What the numbers are that a network gives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::classify::softmax;
use crate::error::by_name;

/// What the network's output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// Unnormalised scores, or logarithms of probabilities; softmax makes them probabilities.
    #[default]
    Logits,
    /// Probabilities that sum to one.
    Probabilities,
    /// One probability a class, each for itself, as sigmoids give them; they are divided by
    /// their sum.
    Independent,
}

/// Why the values of a face can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// One is not a number or infinite.
    NotFinite,
    /// Every class has probability 0.
    Nothing,
    /// They are not what the output was said to be.
    Misnamed(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite => f.write_str("a value is not a number or infinite"),
            Self::Nothing => f.write_str("every class has probability 0"),
            Self::Misnamed(reason) => f.write_str(reason),
        }
    }
}

/// How far probabilities may be beside what they should be: 8-bit arithmetic rounds them.
const ROUNDING: f32 = 0.1;

impl Output {
    /// Every kind, in the order of documentation.
    pub const ALL: [Self; 3] = [Self::Logits, Self::Probabilities, Self::Independent];

    /// The name in metadata, options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Independent => "independent",
        }
    }

    /// Probabilities that sum to one, from what the network gave for a face.
    pub(crate) fn probabilities(self, values: &[f32]) -> Result<Vec<f32>, Unreadable> {
        // The logarithm of a probability of nought is minus infinity.
        let is_number =
            |v: &f32| v.is_finite() || (self == Self::Logits && *v == f32::NEG_INFINITY);
        if !values.iter().all(is_number) || !values.iter().any(|v| v.is_finite()) {
            return Err(Unreadable::NotFinite);
        }
        if self == Self::Logits {
            return Ok(softmax(values));
        }
        let range = -ROUNDING..=1.0 + ROUNDING;
        if let Some(odd) = values.iter().find(|v| !range.contains(v)) {
            return Err(Unreadable::Misnamed(format!(
                "{odd} is said to be a probability (output is {}, not logits)",
                self.name()
            )));
        }
        let sum: f32 = values.iter().map(|v| v.max(0.0)).sum();
        if self == Self::Probabilities && (sum - 1.0).abs() > ROUNDING {
            return Err(Unreadable::Misnamed(format!(
                "the probabilities of all classes sum to {sum}, not to 1 (output is probabilities, \
                 not logits or independent)"
            )));
        }
        if sum <= 0.0 {
            return Err(Unreadable::Nothing);
        }
        Ok(values.iter().map(|v| v.max(0.0) / sum).collect())
    }
}

impl FromStr for Output {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        by_name("output", &Self::ALL, Self::name, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_nought_is_a_score_but_not_if_all_are() {
        let none = f32::NEG_INFINITY;
        let read = Output::Logits.probabilities(&[0.0, none, none]).unwrap();
        assert_eq!(read, [1.0, 0.0, 0.0]);
        for bad in [[none; 3], [f32::INFINITY, 0.0, 0.0], [f32::NAN, 0.0, 0.0]] {
            assert!(Output::Logits.probabilities(&bad).is_err());
        }
    }

    #[test]
    fn values_that_are_not_what_they_are_said_to_be_are_not_read() {
        let misnamed = |output: Output, values: &[f32]| {
            matches!(output.probabilities(values), Err(Unreadable::Misnamed(_)))
        };
        assert!(misnamed(Output::Probabilities, &[2.0, 0.0, 1.0]));
        assert!(misnamed(Output::Probabilities, &[0.9, 0.9]));
        assert!(misnamed(Output::Independent, &[-2.0, 0.5]));
        let nothing = Output::Independent.probabilities(&[0.0, 0.0]);
        assert_eq!(nothing, Err(Unreadable::Nothing));
    }

    #[test]
    fn what_sigmoids_give_is_divided_by_its_sum() {
        let read = Output::Independent.probabilities(&[0.9, 0.6]).unwrap();
        assert!((read[0] - 0.6).abs() < 1e-6 && (read[1] - 0.4).abs() < 1e-6);
    }

    #[test]
    fn no_value_that_is_not_finite_is_read() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for output in Output::ALL {
                // The logarithm of nought is a score.
                if (output, odd) != (Output::Logits, f32::NEG_INFINITY) {
                    let read = output.probabilities(&[0.5, odd]);
                    assert_eq!(read, Err(Unreadable::NotFinite), "{output:?} {odd}");
                }
            }
        }
    }
}
