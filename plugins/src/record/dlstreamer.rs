//! The words of DL Streamer's `gvametaconvert format=json`, for consumers that know them.
//! Source: `jsonconverter.cpp` of DL Streamer 2026.0 (MIT). Left out is what we don't know
//! (`label_id`, `region_id`, tensors); `events` is ours.

use gst::glib;
use serde::Serialize;

use super::{Event, Frame, is_empty};
use crate::meta::{Expression, FACE, FaceMeta};

/// A frame's record.
#[derive(Debug, Serialize)]
pub struct DlStreamer<'a> {
    objects: Vec<Object<'a>>,
    resolution: Resolution,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtp: Option<Rtp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// ISO 8601 with milliseconds, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_timestamp: Option<String>,
    /// Stream time in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(skip_serializing_if = "is_empty")]
    events: &'a [Event],
}

#[derive(Debug, Serialize)]
struct Resolution {
    height: u32,
    width: u32,
}

#[derive(Debug, Serialize)]
struct Rtp {
    sender_ntp_unix_timestamp_ns: u64,
}

#[derive(Debug, Serialize)]
struct Object<'a> {
    detection: Detection,
    #[serde(skip_serializing_if = "Option::is_none")]
    emotion: Option<Emotion<'a>>,
    h: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i32>,
    roi_type: &'static str,
    w: i32,
    x: i32,
    y: i32,
}

#[derive(Debug, Serialize)]
struct Detection {
    bounding_box: BoundingBox,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    label: &'static str,
}

/// In shares of the frame's width and height.
#[derive(Debug, Serialize)]
struct BoundingBox {
    x_max: f64,
    x_min: f64,
    y_max: f64,
    y_min: f64,
}

#[derive(Debug, Serialize)]
struct Emotion<'a> {
    confidence: f64,
    label: &'a str,
    model: Model<'a>,
}

#[derive(Debug, Serialize)]
struct Model<'a> {
    name: &'a str,
}

impl<'a> DlStreamer<'a> {
    /// The record of `frame`.
    #[must_use]
    pub fn new(frame: &'a Frame, faces: &'a [FaceMeta], events: &'a [Event]) -> Self {
        Self {
            objects: faces.iter().map(|face| Object::new(face, frame)).collect(),
            resolution: Resolution {
                height: frame.height,
                width: frame.width,
            },
            rtp: frame.sender.map(|time| Rtp {
                sender_ntp_unix_timestamp_ns: time,
            }),
            source: frame.origin.stream.as_deref(),
            system_timestamp: frame.timestamp.and_then(time_of_day),
            timestamp: frame.time,
            events,
        }
    }
}

impl<'a> Object<'a> {
    fn new(face: &'a FaceMeta, frame: &Frame) -> Self {
        let rect = &face.rect;
        let share = |pixels: f32, whole: u32| f64::from(pixels) / f64::from(whole.max(1));
        Self {
            detection: Detection {
                bounding_box: BoundingBox {
                    x_max: share(rect.right(), frame.width),
                    x_min: share(rect.x, frame.width),
                    y_max: share(rect.bottom(), frame.height),
                    y_min: share(rect.y, frame.height),
                },
                confidence: face.detection,
                label: FACE,
            },
            emotion: face.expression.as_ref().map(Emotion::new),
            h: rect.height as i32,
            id: Some(face.id).filter(|id| *id > 0),
            roi_type: FACE,
            w: rect.width as i32,
            x: rect.x as i32,
            y: rect.y as i32,
        }
    }
}

impl<'a> Emotion<'a> {
    /// The expression over time, which does not flicker.
    fn new(expression: &'a Expression) -> Self {
        Self {
            confidence: expression.smoothed_confidence,
            label: &expression.smoothed_label,
            model: Model {
                name: &expression.element,
            },
        }
    }
}

/// Nanoseconds since 1970 as ISO 8601 with milliseconds; `None` beyond the year 9999.
fn time_of_day(nanoseconds: u64) -> Option<String> {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let time = glib::DateTime::from_unix_utc(seconds).ok()?;
    let text = time.format("%Y-%m-%dT%H:%M:%S").ok()?;
    Some(format!("{text}.{:03}Z", nanoseconds / 1_000_000 % 1000))
}

#[cfg(test)]
mod tests {
    use super::time_of_day;

    #[test]
    fn time_of_day_is_iso_8601() {
        // `date -u -d @1777350580`
        let text = time_of_day(1_777_350_580_751_188_754);
        assert_eq!(text.as_deref(), Some("2026-04-28T04:29:40.751Z"));
        assert_eq!(time_of_day(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
    }
}
