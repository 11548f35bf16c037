//! Our own words: all that is known of a frame's faces.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Event, Frame, Origin, is_empty};
use crate::meta::FaceMeta;

/// A frame's record.
#[derive(Debug, Serialize)]
pub struct Fer<'a> {
    /// From where it comes.
    #[serde(flatten)]
    pub origin: &'a Origin,
    /// Number of the frame, from 0.
    pub frame: u64,
    /// Stream time in nanoseconds; null where the stream has none.
    pub pts: Option<u64>,
    /// Time of day in nanoseconds since 1970 (UTC); left out where not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// In the order of the frame's metadata.
    pub faces: Vec<Face<'a>>,
    /// What happened in this frame.
    #[serde(skip_serializing_if = "is_empty")]
    pub events: &'a [Event],
}

/// A face's part of it.
#[derive(Debug, Serialize)]
pub struct Face<'a> {
    /// Its number; 0 or less where the detector gives none.
    pub id: i32,
    /// x, y, width, height in pixels.
    pub r#box: [i32; 4],
    /// How sure the detector was, where known.
    pub detection: Option<f64>,
    /// Most probable class in this frame.
    pub label: Option<&'a str>,
    /// Its probability.
    pub confidence: Option<f64>,
    /// The label over time.
    pub smoothed_label: Option<&'a str>,
    /// Its probability over time.
    pub smoothed_confidence: Option<f64>,
    /// Of all classes, in this frame; empty where not classified.
    pub probabilities: BTreeMap<&'a str, f64>,
}

impl<'a> Fer<'a> {
    /// The record of `frame`.
    #[must_use]
    pub fn new(frame: &'a Frame, faces: &'a [FaceMeta], events: &'a [Event]) -> Self {
        Self {
            origin: &frame.origin,
            frame: frame.number,
            pts: frame.time,
            timestamp: frame.timestamp,
            width: frame.width,
            height: frame.height,
            faces: faces.iter().map(Face::new).collect(),
            events,
        }
    }
}

impl<'a> Face<'a> {
    /// What is said of `face`.
    #[must_use]
    pub fn new(face: &'a FaceMeta) -> Self {
        let expression = face.expression.as_ref();
        let rect = &face.rect;
        Self {
            id: face.id,
            r#box: [rect.x, rect.y, rect.width, rect.height].map(|v| v as i32),
            detection: face.detection,
            label: expression.map(|e| e.label.as_str()),
            confidence: expression.map(|e| e.confidence),
            smoothed_label: expression.map(|e| e.smoothed_label.as_str()),
            smoothed_confidence: expression.map(|e| e.smoothed_confidence),
            probabilities: expression
                .iter()
                .flat_map(|e| &e.probabilities)
                .map(|(label, p)| (label.as_str(), *p))
                .collect(),
        }
    }
}
