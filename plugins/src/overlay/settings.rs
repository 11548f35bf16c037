//! The properties of `feroverlay`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::element::{get, text};
use crate::property::{self, Properties};

/// A property of this element.
type Property = property::Property<Settings>;

static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(Settings::properties);

/// The values of the properties.
#[derive(Debug, Clone)]
pub struct Settings {
    pub show_box: bool,
    pub show_id: bool,
    pub show_label: bool,
    pub show_confidence: bool,
    pub show_bars: bool,
    pub text_scale: f64,
    pub roi_types: String,
    pub classifier: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            show_box: true,
            show_id: true,
            show_label: true,
            show_confidence: true,
            show_bars: false,
            text_scale: 1.0,
            roi_types: crate::meta::FACE.to_owned(),
            classifier: None,
        }
    }
}

impl Properties for Settings {
    const STATS: &'static str = "Since start: frames, faces; draw-time in ns";

    fn all() -> &'static [Property] {
        &PROPERTIES
    }
}

impl Settings {
    fn properties() -> Vec<Property> {
        let default = Self::default();
        let switch = |name: &'static str, nick: &'static str, blurb: &'static str, on: bool| {
            glib::ParamSpecBoolean::builder(name)
                .nick(nick)
                .blurb(blurb)
                .default_value(on)
                .mutable_playing()
                .build()
        };
        vec![
            Property::new(
                switch(
                    "show-box",
                    "Show box",
                    "Draw a box around every face",
                    default.show_box,
                ),
                |s| s.show_box.to_value(),
                |s, value| s.show_box = get(value),
            ),
            Property::new(
                switch(
                    "show-id",
                    "Show number",
                    "Write every face's number",
                    default.show_id,
                ),
                |s| s.show_id.to_value(),
                |s, value| s.show_id = get(value),
            ),
            Property::new(
                switch(
                    "show-label",
                    "Show label",
                    "Write every face's expression, smoothed over time",
                    default.show_label,
                ),
                |s| s.show_label.to_value(),
                |s, value| s.show_label = get(value),
            ),
            Property::new(
                switch(
                    "show-confidence",
                    "Show confidence",
                    "Write the probability of the expression in percent",
                    default.show_confidence,
                ),
                |s| s.show_confidence.to_value(),
                |s, value| s.show_confidence = get(value),
            ),
            Property::new(
                switch(
                    "show-bars",
                    "Show bars",
                    "Draw a bar for the probability of each expression",
                    default.show_bars,
                ),
                |s| s.show_bars.to_value(),
                |s, value| s.show_bars = get(value),
            ),
            Property::new(
                glib::ParamSpecDouble::builder("text-scale")
                    .nick("Text scale")
                    .blurb("Size of the text in proportion to the usual one")
                    .minimum(0.25)
                    .maximum(8.0)
                    .default_value(default.text_scale)
                    .mutable_playing()
                    .build(),
                |s| s.text_scale.to_value(),
                |s, value| s.text_scale = get(value),
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
                glib::ParamSpecString::builder("classifier")
                    .nick("Classifier")
                    .blurb(
                        "Name of the ferclassify whose expressions are drawn (unset: the last \
                         before this element)",
                    )
                    .mutable_playing()
                    .build(),
                |s| s.classifier.to_value(),
                |s, value| s.classifier = text(value),
            ),
        ]
    }
}
