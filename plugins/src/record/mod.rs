//! What is said of a frame's faces, as lines of JSON. `ferpublish` and `fer-annotate` write the
//! same; `docs/records.schema.json` describes every line, `docs/records.md` explains them.

mod dlstreamer;
mod event;
mod native;
mod summary;

use gst::glib;
use serde::Serialize;

use crate::meta::FaceMeta;

pub use dlstreamer::DlStreamer;
pub use event::{Event, Happening};
pub use native::{Face, Fer};
pub use summary::{Person, Summary};

pub use crate::publish::Changes;

/// In whose words a frame is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, glib::Enum)]
#[enum_type(name = "GstFerSchema")]
#[repr(i32)]
pub enum Schema {
    /// Ours.
    #[default]
    #[enum_value(name = "Fer: all that is known, with all probabilities", nick = "fer")]
    Fer,
    /// That of DL Streamer's `gvametaconvert`.
    #[enum_value(
        name = "DL Streamer: objects as gvametaconvert writes them",
        nick = "dlstreamer"
    )]
    DlStreamer,
}

/// From where a record comes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Name that the user gave the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Name of the element that made the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
}

/// What a frame is, without its faces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// From where it comes.
    pub origin: Origin,
    /// Its number, from 0.
    pub number: u64,
    /// Stream time in nanoseconds, where the stream has one.
    pub time: Option<u64>,
    /// The time of day, in nanoseconds since 1970 (UTC): when the frame was taken where its
    /// sender says so.
    pub timestamp: Option<u64>,
    /// The sender's time by NTP (RTP sender reports), in nanoseconds since 1970 (UTC).
    pub sender: Option<u64>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Schema {
    /// A line without its end, for a frame with `faces` in which `events` happened.
    #[must_use]
    pub fn line(self, frame: &Frame, faces: &[FaceMeta], events: &[Event]) -> String {
        match self {
            Self::Fer => json(&Fer::new(frame, faces, events)),
            Self::DlStreamer => json(&DlStreamer::new(frame, faces, events)),
        }
    }
}

/// `record` as JSON. All records have text as keys and nothing that can fail, so that they
/// always can be written.
pub fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("keys are text")
}

/// Whether there is nothing to list.
fn is_empty<T>(list: &&[T]) -> bool {
    list.is_empty()
}
