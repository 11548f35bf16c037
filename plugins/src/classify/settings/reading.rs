//! Which faces are read, and what is told of them.

use gst::glib;
use gst::prelude::*;

use crate::element::{get, list, text};
use crate::property;

/// A property of this part.
type Property = property::Property<ReadingSettings>;

/// Which faces are read, and what is told of them.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingSettings {
    pub mirror: bool,
    pub threshold: f64,
    pub smoothing: f64,
    pub reclassify_interval: u32,
    pub min_size: f64,
    pub max_size: f64,
    pub roi_types: String,
    pub post_messages: bool,
}

impl Default for ReadingSettings {
    fn default() -> Self {
        Self {
            mirror: false,
            threshold: 0.0,
            smoothing: 0.7,
            reclassify_interval: 1,
            min_size: 0.0,
            max_size: 0.0,
            roi_types: crate::meta::FACE.to_owned(),
            post_messages: true,
        }
    }
}

impl ReadingSettings {
    /// The properties.
    pub fn properties() -> Vec<Property> {
        let default = Self::default();
        vec![
            Property::new(
                glib::ParamSpecBoolean::builder("mirror")
                    .nick("Mirror")
                    .blurb(
                        "Looks at every face mirrored too and averages: a little more accurate \
                         for twice the work",
                    )
                    .default_value(default.mirror)
                    .mutable_ready()
                    .build(),
                |s| s.mirror.to_value(),
                |s, value| s.mirror = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("threshold")
                    .nick("Threshold")
                    .blurb("Confidence below which the label is `uncertain`")
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(default.threshold)
                    .mutable_playing()
                    .build(),
                |s| s.threshold.to_value(),
                |s, value| s.threshold = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("smoothing")
                    .nick("Smoothing")
                    .blurb("Weight of earlier readings in the smoothed label of a face; 0 for none")
                    .minimum(0.0)
                    .maximum(0.99)
                    .default_value(default.smoothing)
                    .mutable_playing()
                    .build(),
                |s| s.smoothing.to_value(),
                |s, value| s.smoothing = get(value),
            ),
            Property::new(
                glib::ParamSpecUInt::builder("reclassify-interval")
                    .nick("Reclassify interval")
                    .blurb(
                        "Frames after which a face with an id is classified again; one that has \
                         become larger by a fifth is at once",
                    )
                    .minimum(1)
                    .maximum(10_000)
                    .default_value(default.reclassify_interval)
                    .mutable_playing()
                    .build(),
                |s| s.reclassify_interval.to_value(),
                |s, value| s.reclassify_interval = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("min-size")
                    .nick("Minimum size")
                    .blurb(
                        "Height of the smallest face that is classified: up to 1 a share of the \
                         frame's height, above 1 pixels",
                    )
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.min_size)
                    .mutable_playing()
                    .build(),
                |s| s.min_size.to_value(),
                |s, value| s.min_size = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("max-size")
                    .nick("Maximum size")
                    .blurb(
                        "Height of the largest face that is classified: up to 1 a share of the \
                         frame's height, above 1 pixels; 0 for no limit",
                    )
                    .minimum(0.0)
                    .maximum(16384.0)
                    .default_value(default.max_size)
                    .mutable_playing()
                    .build(),
                |s| s.max_size.to_value(),
                |s, value| s.max_size = get(value),
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
                glib::ParamSpecBoolean::builder("post-messages")
                    .nick("Post messages")
                    .blurb(
                        "Post an element message fer-expressions for every frame with faces and \
                         when the last one has left",
                    )
                    .default_value(default.post_messages)
                    .mutable_playing()
                    .build(),
                |s| s.post_messages.to_value(),
                |s, value| s.post_messages = get(value),
            ),
        ]
    }

    /// Whether a face of this size is to be classified, in a frame of this height.
    pub fn is_in_range(&self, face: &fer::Rect, frame_height: u32) -> bool {
        let limit = |limit: f64| match limit {
            share if share <= 1.0 => share * f64::from(frame_height),
            pixels => pixels,
        };
        let size = f64::from(face.height);
        size >= limit(self.min_size) && (self.max_size <= 0.0 || size <= limit(self.max_size))
    }

    /// The accepted types of regions of interest.
    pub fn types(&self) -> Vec<String> {
        list(&self.roi_types)
    }
}
