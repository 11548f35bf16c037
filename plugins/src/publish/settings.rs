//! The properties of `ferpublish`.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use fer::Secret;
use gst::glib;
use gst::prelude::*;

use super::location::Location;
use crate::element::{get, list, text};
use crate::property::{self, Properties};
use crate::record::Schema;
use crate::secret::without_password;

/// When a record is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerEvery")]
#[repr(i32)]
pub enum Every {
    /// For each frame.
    #[default]
    #[enum_value(name = "Frame: for each frame, with or without faces", nick = "frame")]
    Frame,
    /// For frames in which something happens.
    #[enum_value(
        name = "Change: when a face comes, goes or changes its expression",
        nick = "change"
    )]
    Change,
    /// For intervals.
    #[enum_value(
        name = "Interval: counts and mean probabilities by interval",
        nick = "interval"
    )]
    Interval,
}

/// Where the password is looked for that no property gives.
const PASSWORD: &str = "FER_PUBLISH_PASSWORD";

/// A property of this element.
type Property = property::Property<Settings>;

static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(Settings::properties);

/// The values of the properties.
#[derive(Debug, Clone)]
pub struct Settings {
    location: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    ca_file: Option<String>,
    pub schema: Schema,
    pub every: Every,
    /// Milliseconds.
    interval: u32,
    pub stream_name: Option<String>,
    roi_types: String,
    pub queue_size: u32,
    /// Milliseconds.
    drain_timeout: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            location: None,
            username: None,
            password: None,
            ca_file: None,
            schema: Schema::default(),
            every: Every::default(),
            interval: 1000,
            stream_name: None,
            roi_types: crate::meta::FACE.to_owned(),
            queue_size: 1000,
            drain_timeout: 5000,
        }
    }
}

impl Properties for Settings {
    const STATS: &'static str = "Since start: frames, faces, records published, dropped, queued; reconnects, \
                     connected";

    fn all() -> &'static [Property] {
        &PROPERTIES
    }
}

impl Settings {
    /// Types of regions and detections that are faces.
    pub fn types(&self) -> Vec<String> {
        list(&self.roi_types)
    }

    /// Length of an interval.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval.into())
    }

    /// How long the end of the stream waits for what is queued.
    pub fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout.into())
    }

    /// Where records go, with all that it takes.
    ///
    /// # Errors
    /// A text for the user.
    pub fn place(&self) -> Result<Location, String> {
        let location = self.location.as_deref().ok_or("No location is set")?;
        let mut place = Location::parse(location)?;
        let user = match &mut place {
            Location::Mqtt(broker) => Some(&mut broker.user),
            Location::Kafka(cluster) => Some(&mut cluster.user),
            Location::Output | Location::File(_) => None,
        };
        if let Some(own) = user {
            let from_environment = || std::env::var(PASSWORD).ok().map(Secret::new);
            let password = self.password.clone().or_else(from_environment);
            let in_location = own.take().map(|(user, _)| user);
            let user = self.username.clone().or(in_location);
            *own = match (user, password) {
                (Some(user), password) => Some((user, password.unwrap_or_default())),
                // Without a user there is nobody whose password it could be; that of the
                // environment may be meant for another element.
                (None, Some(_)) if self.password.is_some() => {
                    return Err("There is a password and no user (username)".to_owned());
                }
                (None, _) => None,
            };
        }
        if let Location::Mqtt(broker) = &mut place {
            broker.certificates = self.ca_file.as_ref().map(PathBuf::from);
        }
        Ok(place)
    }

    fn properties() -> Vec<Property> {
        let default = Self::default();
        let place = |name: &'static str, nick: &'static str, blurb: &'static str| {
            glib::ParamSpecString::builder(name)
                .nick(nick)
                .blurb(blurb)
                .mutable_ready()
                .build()
        };
        vec![
            Property::new(
                place(
                    "location",
                    "Location",
                    "Where records go: a file, - for standard output, \
                     mqtt://[user@]host[:port]/topic, or mqtts:// and \
                     kafka://[user@]host[:port][,host...]/topic where they are built in; \
                     without a password",
                ),
                |s| s.location.as_deref().map(without_password).to_value(),
                |s, value| s.location = text(value),
            ),
            Property::new(
                place(
                    "username",
                    "User name",
                    "User of the broker (unset: the one in location)",
                ),
                |s| s.username.to_value(),
                |s, value| s.username = text(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("password")
                    .nick("Password")
                    .blurb(
                        "Password of the broker's user; can't be read again (unset: that in the \
                         environment's FER_PUBLISH_PASSWORD)",
                    )
                    .write_only()
                    .mutable_ready()
                    .build(),
                |_| None::<String>.to_value(),
                |s, value| s.password = text(value).map(Secret::new),
            ),
            Property::new(
                place(
                    "ca-file",
                    "Certificates",
                    "PEM file of the certificates that are trusted with mqtts:// (unset: \
                     those of the system)",
                ),
                |s| s.ca_file.to_value(),
                |s, value| s.ca_file = text(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("schema", default.schema)
                    .nick("Schema")
                    .blurb("In whose words frames are told of")
                    .mutable_playing()
                    .build(),
                |s| s.schema.to_value(),
                |s, value| s.schema = get(value),
            ),
            Property::new(
                glib::ParamSpecEnum::builder_with_default("every", default.every)
                    .nick("Every")
                    .blurb("When a record is sent")
                    .mutable_playing()
                    .build(),
                |s| s.every.to_value(),
                |s, value| s.every = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("interval")
                    .nick("Interval")
                    .blurb("Length of an interval in ms, for every=interval")
                    .minimum(1)
                    .default_value(default.interval)
                    .mutable_playing()
                    .build(),
                |s| s.interval.to_value(),
                |s, value| s.interval = get(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("stream-name")
                    .nick("Name of the stream")
                    .blurb("Name that records give the stream (unset: none)")
                    .mutable_playing()
                    .build(),
                |s| s.stream_name.to_value(),
                |s, value| s.stream_name = text(value),
            ),
            Property::new(
                glib::ParamSpecString::builder("roi-types")
                    .nick("Region types")
                    .blurb(
                        "Types of regions of interest and object detections that are faces, with \
                         commas between",
                    )
                    .default_value(Some(default.roi_types.as_str()))
                    .mutable_playing()
                    .build(),
                |s| s.roi_types.to_value(),
                |s, value| {
                    s.roi_types = text(value).unwrap_or_else(|| crate::meta::FACE.to_owned());
                },
            ),
            Property::new(
                glib::ParamSpecUInt::builder("queue-size")
                    .nick("Size of the queue")
                    .blurb(
                        "Records that may wait to be sent; the oldest is dropped when there is \
                         no room for a new one",
                    )
                    .minimum(1)
                    .maximum(1_000_000)
                    .default_value(default.queue_size)
                    .mutable_ready()
                    .build(),
                |s| s.queue_size.to_value(),
                |s, value| s.queue_size = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("drain-timeout")
                    .nick("Time to send the rest")
                    .blurb(
                        "How long the end of the stream waits for queued records to be sent, in ms",
                    )
                    .default_value(default.drain_timeout)
                    .mutable_playing()
                    .build(),
                |s| s.drain_timeout.to_value(),
                |s, value| s.drain_timeout = get(value),
            ),
        ]
    }
}
