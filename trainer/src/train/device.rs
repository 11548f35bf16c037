//! What a network is trained on, chosen when the program runs.

use std::fmt;
use std::str::FromStr;

use crate::nn::{Architecture, Backend, Workspace};
use crate::{Error, Result};

/// A device. Those that a build lacks can be named as well, so that the answer says how to
/// build for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor, with the backend of this crate.
    #[default]
    Cpu,
    /// An NVIDIA card by its number.
    Cuda(usize),
    /// A device with a Vulkan driver by its number; graphics cards come first.
    Vulkan(usize),
    /// The processor, with Burn's backend for it: many times slower, for comparisons.
    Flex,
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Error::Device(format!("{text:?} is not a device's number")))
        };
        Ok(match text.split_once(':').unwrap_or((text, "")) {
            ("cpu", "") => Self::Cpu,
            ("flex", "") => Self::Flex,
            ("cuda", "") => Self::Cuda(0),
            ("vulkan", "") => Self::Vulkan(0),
            ("cuda", index) => Self::Cuda(number(index)?),
            ("vulkan", index) => Self::Vulkan(number(index)?),
            _ => bail!(Device, "not cpu, cuda, cuda:N, vulkan, vulkan:N or flex"),
        })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Vulkan(index) => write!(f, "vulkan:{index}"),
            Self::Flex => f.write_str("flex"),
        }
    }
}

impl Device {
    /// Checks that the device is there and computes, and says what it is.
    ///
    /// # Errors
    /// Says how to build for it, or what devices there are instead.
    pub fn check(self) -> Result<String> {
        match self {
            Self::Cpu => Ok("the processor".to_owned()),
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => crate::burn::check(self),
            #[cfg(feature = "vulkan")]
            Self::Vulkan(_) => crate::burn::check(self),
            #[cfg(feature = "flex")]
            Self::Flex => crate::burn::check(self),
            #[allow(unreachable_patterns, reason = "depends on the features")]
            _ => Err(self.missing()),
        }
    }

    /// A backend for each of `ghosts` ghost batches of up to `capacity` pictures.
    ///
    /// # Errors
    /// As [`Device::check`].
    pub fn backends(
        self,
        net: &Architecture,
        ghosts: usize,
        capacity: usize,
    ) -> Result<Vec<Box<dyn Backend>>> {
        self.check()?;
        (0..ghosts)
            .map(|_| match self {
                Self::Cpu => Ok(Box::new(Workspace::new(net, capacity)) as Box<dyn Backend>),
                #[cfg(any(feature = "cuda", feature = "vulkan", feature = "flex"))]
                _ => crate::burn::backend(self, net, capacity),
                #[cfg(not(any(feature = "cuda", feature = "vulkan", feature = "flex")))]
                _ => Err(self.missing()),
            })
            .collect()
    }

    /// Whether pictures are drawn ahead, on processors that would otherwise wait for the
    /// device. Where they compute, drawing is best done by the thread that goes on.
    pub(super) fn prefetches(self) -> bool {
        self != Self::Cpu
    }

    fn missing(self) -> Error {
        let name = self.to_string();
        let name = name.split(':').next().unwrap_or_default();
        Error::Device(format!(
            "this build has no {name}: build with --features {name}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["cpu", "cuda:0", "cuda:3", "vulkan:1", "flex"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        for name in ["", "gpu", "cpu:1", "cuda:x", "cuda:-1", "vulkan:1:2"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }
}
