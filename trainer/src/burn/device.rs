//! Finding a device and opening backends on it.

use burn_tensor::{Device as BurnDevice, DeviceType, Tensor};
use fer_cli::one_line;

use super::backend::BurnBackend;
use super::panics::catch_panic;
use crate::error::Context;
use crate::nn::{Architecture, Backend};
use crate::train::Device;
use crate::{Error, Result};

/// Checks that `device` is there and computes, and says what it is.
///
/// # Errors
/// When it is not there, its driver or compiler is missing, or it computes wrongly.
pub fn check(device: Device) -> Result<String> {
    let probe = || {
        let found = find(device)?;
        let numbers = Tensor::<1>::from_floats([1.0, 2.0, 4.0], &found);
        let sum = numbers.square().sum_dim(0).try_into_data();
        let sum = sum.map_err(|e| Error::Device(one_line(&e.to_string())))?;
        let sum = sum
            .as_slice::<f32>()
            .map_err(|e| Error::Device(format!("{e:?}")))?[0];
        ensure!(sum == 21.0, Device, "it says that 1 + 4 + 16 is {sum}");
        Ok(name(&found))
    };
    catch_panic(probe).with_context(|| format!("device {device}"))
}

/// A backend on `device` for ghost batches of up to `capacity` pictures.
///
/// # Errors
/// When the device is not there.
pub fn backend(device: Device, net: &Architecture, capacity: usize) -> Result<Box<dyn Backend>> {
    let found = catch_panic(|| find(device)).with_context(|| format!("device {device}"))?;
    Ok(Box::new(BurnBackend::new(net, found, capacity)))
}

/// The part's name where the backend knows it.
#[cfg(any(feature = "cuda", feature = "vulkan"))]
fn name(found: &BurnDevice) -> String {
    let identity = found.identity();
    identity.map_or_else(|| format!("{found:?}"), |identity| identity.name)
}

#[cfg(not(any(feature = "cuda", feature = "vulkan")))]
fn name(_: &BurnDevice) -> String {
    "Burn's processor backend".to_owned()
}

fn find(device: Device) -> Result<BurnDevice> {
    let (kind, index) = match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(index) => (DeviceType::Cuda, index),
        #[cfg(feature = "vulkan")]
        Device::Vulkan(index) => (DeviceType::Vulkan, index),
        #[cfg(feature = "flex")]
        Device::Flex => (DeviceType::Flex, 0),
        _ => return Err(Error::Device("not one of Burn's in this build".into())),
    };
    let mut devices = BurnDevice::enumerate(kind).into_vec();
    ensure!(!devices.is_empty(), Device, "none found");
    ensure!(
        index < devices.len(),
        Device,
        "there are only {}",
        devices.len()
    );
    Ok(devices.swap_remove(index))
}
