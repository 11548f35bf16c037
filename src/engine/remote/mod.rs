//! A network that servers run: the Open Inference Protocol (version 2) over gRPC, as Triton,
//! KServe, OpenVINO Model Server and MLServer speak it.
//!
//! ```text
//! Engine::run ──> service ── site ── link ── client ──> server
//!                    └─ the engine of this machine, where no server answers
//! ```
//!
//! Without the feature `remote` there are the options alone, so that a message says what is
//! missing.

#[cfg(feature = "remote")]
mod address;
#[cfg(feature = "remote")]
mod budget;
#[cfg(feature = "remote")]
mod client;
#[cfg(feature = "remote")]
mod fit;
#[cfg(feature = "remote")]
mod http;
#[cfg(feature = "remote")]
mod link;
#[cfg(feature = "remote")]
mod messages;
mod options;
mod report;
#[cfg(feature = "remote")]
mod service;
#[cfg(feature = "remote")]
mod site;
#[cfg(feature = "remote")]
mod tensors;

pub use options::{Fallback, RemoteOptions};
pub use report::ServiceReport;

use super::{Engine, EngineOptions};
use crate::{Error, Model, Result};

/// Batches that may be on their way at a time; faces that come then wait and are sent together.
pub(super) const UNDER_WAY: usize = 16;

/// Looks at the servers and says which is asked.
#[cfg(feature = "remote")]
pub(super) fn open(model: &Model, options: &EngineOptions) -> Result<(Box<dyn Engine>, String)> {
    let engine = service::Remote::open(model, options)?;
    let description = format!("remote: {}", engine.description());
    Ok((Box::new(engine), description))
}

/// Says that this program was built without.
#[cfg(not(feature = "remote"))]
pub(super) fn open(_: &Model, _: &EngineOptions) -> Result<(Box<dyn Engine>, String)> {
    Err(error("this program was built without the feature remote"))
}

fn error(reason: impl ToString) -> Error {
    Error::Engine {
        engine: "remote",
        reason: reason.to_string(),
    }
}
