use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::error::by_name;
use crate::secret::Secret;
use crate::{Error, Result};

/// What becomes of faces that no server reads in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Fallback {
    /// This machine reads them, with the same model, until a server does again.
    #[default]
    Local,
    /// They are left unread.
    Drop,
    /// The run fails.
    Error,
}

impl Fallback {
    /// Every one, in the order of documentation.
    pub const ALL: [Self; 3] = [Self::Local, Self::Drop, Self::Error];

    /// The name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Drop => "drop",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fallback {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        by_name("fallback", &Self::ALL, Self::name, name)
    }
}

/// Servers that run the network, and how they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteOptions {
    /// Addresses such as `grpc://host:8001`, the preferred one first: the next is asked where
    /// one does not answer.
    pub endpoints: Vec<String>,
    /// Name of the network at the server.
    pub model: String,
    /// Its version there; `None` leaves the choice to the server.
    pub version: Option<String>,
    /// Longest time for the answer to a run, all tries together, from when it is sent: faces
    /// that wait for others do so before.
    pub deadline: Duration,
    /// Further tries of a run that fails before the deadline.
    pub retries: u32,
    /// What becomes of faces that no server reads in time.
    pub fallback: Fallback,
    /// Sent with every request as `authorization: Bearer`; empty for none.
    pub token: Secret,
    /// PEM file of the certificates that are trusted with `grpcs://`; `None` for the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            model: "fer".to_owned(),
            version: None,
            deadline: Duration::from_millis(200),
            retries: 1,
            fallback: Fallback::default(),
            token: Secret::default(),
            ca_file: None,
        }
    }
}
