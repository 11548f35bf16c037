//! Which servers run the network, and what becomes of faces that none reads.

use std::path::PathBuf;
use std::time::Duration;

use fer::Secret;
use fer::engine::{Fallback, RemoteOptions};
use gst::glib;
use gst::prelude::*;

use crate::element::{get, list, text};
use crate::property::{self, path};
use crate::secret::without_password;

/// A property of this part.
type Property = property::Property<ServerSettings>;

/// Where the token is looked for that no property gives.
const TOKEN: &str = "FER_REMOTE_TOKEN";

/// What becomes of faces that no server reads in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerFallback")]
#[repr(i32)]
pub enum FallbackChoice {
    /// This machine reads them.
    #[default]
    #[enum_value(
        name = "Local: this machine reads them until a server does again",
        nick = "local"
    )]
    Local,
    /// They are uncertain.
    #[enum_value(name = "Drop: they are uncertain in that frame", nick = "drop")]
    Drop,
    /// The stream ends.
    #[enum_value(name = "Error: the stream ends", nick = "error")]
    Error,
}

/// Which servers run the network, and what becomes of faces that none reads.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    pub endpoint: Option<String>,
    pub model_name: String,
    pub model_version: Option<String>,
    /// Milliseconds.
    pub deadline: u32,
    pub retries: u32,
    pub fallback: FallbackChoice,
    pub token: Option<Secret>,
    pub ca_file: Option<PathBuf>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            model_name: RemoteOptions::default().model,
            model_version: None,
            deadline: RemoteOptions::default().deadline.as_millis() as u32,
            retries: RemoteOptions::default().retries,
            fallback: FallbackChoice::default(),
            token: None,
            ca_file: None,
        }
    }
}

impl ServerSettings {
    /// The properties.
    pub fn properties() -> Vec<Property> {
        let default = Self::default();
        vec![
            Property::new(
                glib::ParamSpecString::builder("endpoint")
                    .nick("Endpoint")
                    .blurb(
                        "Servers for engine=remote, grpc://host:port, or grpcs:// where it is \
                         built in; several with commas between, the preferred one first",
                    )
                    .mutable_ready()
                    .build(),
                |s| s.endpoint.as_deref().map(without_password).to_value(),
                |s, value| s.endpoint = text(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("model-name")
                    .nick("Name of the model")
                    .blurb("What the servers call the network")
                    .default_value(Some(default.model_name.as_str()))
                    .mutable_ready()
                    .build(),
                |s| s.model_name.to_value(),
                |s, value| {
                    s.model_name = text(value).unwrap_or_else(|| Self::default().model_name);
                },
            ),
            Property::new(
                glib::ParamSpecString::builder("model-version")
                    .nick("Version of the model")
                    .blurb("Its version at the servers (unset: they choose)")
                    .mutable_ready()
                    .build(),
                |s| s.model_version.to_value(),
                |s, value| s.model_version = text(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("deadline")
                    .nick("Deadline")
                    .blurb(
                        "Longest time that a frame waits for servers, in ms, all tries together, \
                         after batch-timeout; what becomes of its faces then is fallback",
                    )
                    .minimum(1)
                    .maximum(600_000)
                    .default_value(default.deadline)
                    .mutable_ready()
                    .build(),
                |s| s.deadline.to_value(),
                |s, value| s.deadline = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("retries")
                    .nick("Retries")
                    .blurb(
                        "Further tries of a request that fails before the deadline, at the next \
                         endpoint where there is one; none while many fail",
                    )
                    .maximum(16)
                    .default_value(default.retries)
                    .mutable_ready()
                    .build(),
                |s| s.retries.to_value(),
                |s, value| s.retries = get(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("fallback", default.fallback)
                    .nick("Fallback")
                    .blurb("What becomes of faces that no server reads in time")
                    .mutable_ready()
                    .build(),
                |s| s.fallback.to_value(),
                |s, value| s.fallback = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("token")
                    .nick("Token")
                    .blurb(
                        "Sent to the servers with each request (authorization: Bearer); can't be \
                         read again (unset: that in the environment's FER_REMOTE_TOKEN)",
                    )
                    .write_only()
                    .mutable_ready()
                    .build(),
                |_| None::<String>.to_value(),
                |s, value| s.token = text(value).map(Secret::new),
            ),
            Property::new(
                glib::ParamSpecString::builder("ca-file")
                    .nick("Certificates")
                    .blurb(
                        "PEM file of the certificates that are trusted with grpcs:// (unset: \
                         those of the system)",
                    )
                    .mutable_ready()
                    .build(),
                |s| path(s.ca_file.as_ref()),
                |s, value| s.ca_file = text(value).map(PathBuf::from),
            ),
        ]
    }

    /// Whether servers are named where none is asked, which `is_asked` says.
    ///
    /// # Errors
    /// When they are.
    pub fn check(&self, is_asked: bool) -> fer::Result<()> {
        let fail = |text: &str| Err(fer::Error::Setting(text.to_owned()));
        let Some(endpoint) = &self.endpoint else {
            return Ok(());
        };
        if !is_asked {
            return fail("endpoint names servers, which only engine=remote asks");
        }
        if self.ca_file.is_some() && !endpoint.contains("grpcs://") {
            return fail("ca-file is for grpcs://, and endpoint names none");
        }
        Ok(())
    }

    /// The same for the library.
    pub fn options(&self) -> RemoteOptions {
        let token = || std::env::var(TOKEN).ok().map(Secret::new);
        RemoteOptions {
            endpoints: self.endpoint.as_deref().map(list).unwrap_or_default(),
            model: self.model_name.clone(),
            version: self.model_version.clone(),
            deadline: Duration::from_millis(self.deadline.into()),
            retries: self.retries,
            fallback: match self.fallback {
                FallbackChoice::Local => Fallback::Local,
                FallbackChoice::Drop => Fallback::Drop,
                FallbackChoice::Error => Fallback::Error,
            },
            token: self.token.clone().or_else(token).unwrap_or_default(),
            ca_file: self.ca_file.clone(),
        }
    }
}
