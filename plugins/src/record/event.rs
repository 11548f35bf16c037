//! What happens to faces.

use serde::Serialize;

/// Something that happened to a face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The face's number.
    pub id: i32,
    /// What it was.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened. Labels are those over time and null where no classifier has read the face;
/// durations are in nanoseconds of stream time and null where the stream has no timestamps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// A face is there that was not.
    FaceAppeared {
        /// Its expression.
        label: Option<String>,
    },
    /// A face is no longer there.
    FaceLeft {
        /// Its last expression.
        label: Option<String>,
        /// How long it was there.
        duration: Option<u64>,
    },
    /// A face has another expression.
    ExpressionChanged {
        /// The one before.
        from: Option<String>,
        /// The new one.
        label: Option<String>,
        /// How long it had the one before.
        duration: Option<u64>,
    },
}
