//! TensorRT's own check of an engine, which reads only its first bytes.

use std::path::Path;

use trtx::Runtime;

use super::builder::text;
use super::messages::{explained, logger};
use super::{error, library};
use crate::Result;
use crate::model::EngineFile;

/// What TensorRT says of an engine on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It runs here.
    Fits,
    /// It runs here, slower than one that is built here.
    Slow,
    /// It does not run here, and why.
    Refused(String),
    /// It begins as an engine does. Version and card are not checked: TensorRT compares them
    /// only where it finds a card, and classic TensorRT not at all.
    Unknown,
}

/// Asks TensorRT, whose library is looked for in `folder` where given.
///
/// # Errors
/// [`Error::Engine`](crate::Error::Engine) where TensorRT is missing.
pub fn validity(file: &EngineFile, folder: Option<&Path>) -> Result<Validity> {
    library::open(folder).map_err(error)?;
    explained(|| {
        let runtime = Runtime::new(logger()?).map_err(text)?;
        ask(&runtime, file.engine())
    })
    .map_err(error)
}

#[cfg(not(feature = "tensorrt-classic"))]
pub(super) fn ask(runtime: &Runtime, engine: &[u8]) -> Result<Validity, String> {
    use trtx::{EngineInvalidityDiagnostics as Fault, EngineValidity};

    let (validity, faults) = runtime.engine_validity(engine).map_err(text)?;
    let reasons = [
        (Fault::VERSION_MISMATCH, "built by another version"),
        (Fault::UNSUPPORTED_CC, "not built for this card"),
        (
            Fault::OLD_CUDA_DRIVER,
            "the driver is older than the one it was built with",
        ),
        (
            Fault::OLD_CUDA_RUNTIME,
            "the CUDA runtime is older than the one it was built with",
        ),
        (
            Fault::INSUFFICIENT_GPU_MEMORY,
            "the card has too little memory left",
        ),
        (Fault::MALFORMED_ENGINE, "damaged"),
        (
            Fault::CUDA_ERROR,
            "the driver or its installation is at fault",
        ),
    ];
    let told: Vec<&str> = reasons
        .iter()
        .filter_map(|(fault, reason)| faults.contains(*fault).then_some(*reason))
        .collect();
    Ok(match validity {
        EngineValidity::kVALID => Validity::Fits,
        EngineValidity::kSUBOPTIMAL => Validity::Slow,
        // Without a card TensorRT calls every engine invalid and gives no reason.
        EngineValidity::kINVALID if told.is_empty() => Validity::Unknown,
        EngineValidity::kINVALID => {
            Validity::Refused(format!("the engine can't run here: {}", told.join(", ")))
        }
    })
}

#[cfg(feature = "tensorrt-classic")]
pub(super) fn ask(_: &Runtime, _: &[u8]) -> Result<Validity, String> {
    Ok(Validity::Unknown)
}
