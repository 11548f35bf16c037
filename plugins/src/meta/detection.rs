//! Faces as object detections, as far as they don't depend on whether they can be had.

use super::kept::{Carrier, Key};

/// An object detection on a buffer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// Its number in the buffer's metadata.
    pub mtd: u32,
    /// What was detected.
    pub kind: String,
    /// Number of the track that it belongs to; 0 where there is none.
    pub id: i32,
    /// Box in pixels, before it is turned.
    pub rect: fer::Rect,
    /// By how much it is turned: radians, clockwise as seen.
    pub tilt: Option<f32>,
    /// How sure the detector was, where it says so.
    pub confidence: Option<f64>,
    /// What classifiers said of it: classes with their probabilities.
    pub classes: Vec<Vec<(String, f64)>>,
}

impl Detection {
    /// By which it is known again.
    pub fn key(&self) -> Key {
        Key {
            carrier: Carrier::Detection,
            kind: self.kind.clone(),
            id: self.id,
            rect: self.rect,
        }
    }
}

/// When a face was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Timestamp of the first frame with it.
    pub first: Option<gst::ClockTime>,
    /// Timestamp of the latest frame in which it was seen.
    pub last: Option<gst::ClockTime>,
}

/// A number of a track as an id that fits a region: ids are counted from 1, and one that no
/// longer fits begins anew, but not at 0, which means none.
pub fn fold(id: u64) -> i32 {
    match id {
        0 => 0,
        id => ((id - 1) % i32::MAX as u64 + 1) as i32,
    }
}
