//! What an interval was like.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Origin;

/// An interval's record, the same in all schemas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// From where it comes.
    #[serde(flatten)]
    pub origin: Origin,
    /// Stream time of the first frame in nanoseconds; null where the stream has none.
    pub start: Option<u64>,
    /// Stream time at which the last frame ended.
    pub end: Option<u64>,
    /// Time of day of the last frame, in nanoseconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// Frames in it.
    pub frames: u64,
    /// Faces in a frame, in the mean.
    pub mean_faces: f64,
    /// Most faces in a frame.
    pub most_faces: u64,
    /// Mean probability of each class over all faces of all frames.
    pub probabilities: BTreeMap<String, f64>,
    /// Each face that was there, by its number.
    pub people: Vec<Person>,
}

/// A face's part of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Person {
    /// Its number.
    pub id: i32,
    /// Frames that it was in.
    pub frames: u64,
    /// The class with the highest mean probability; null where it was never classified.
    pub label: Option<String>,
    /// Mean probability of each class over these frames.
    pub probabilities: BTreeMap<String, f64>,
}
