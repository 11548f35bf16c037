//! The properties of `feroverlay`.

use gst::glib;
use gst::prelude::*;

use crate::element::{get, text};

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

impl Settings {
    /// The properties.
    pub fn specs() -> Vec<glib::ParamSpec> {
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
                switch(
                    "show-box",
                    "Show box",
                    "Draw a box around every face",
                    default.show_box,
                ),
                switch(
                    "show-id",
                    "Show number",
                    "Write every face's number",
                    default.show_id,
                ),
                switch(
                    "show-label",
                    "Show label",
                    "Write every face's expression, smoothed over time",
                    default.show_label,
                ),
                switch(
                    "show-confidence",
                    "Show confidence",
                    "Write the probability of the expression in percent",
                    default.show_confidence,
                ),
                switch(
                    "show-bars",
                    "Show bars",
                    "Draw a bar for the probability of each expression",
                    default.show_bars,
                ),
                glib::ParamSpecDouble::builder("text-scale")
                    .nick("Text scale")
                    .blurb("Size of the text in proportion to the usual one")
                    .minimum(0.25)
                    .maximum(8.0)
                    .default_value(default.text_scale)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("roi-types")
                    .nick("Region types")
                    .blurb("Types of regions of interest and object detections that are faces, with commas between")
                    .default_value(Some(default.roi_types.as_str()))
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("classifier")
                    .nick("Classifier")
                    .blurb("Name of the ferclassify whose expressions are drawn (unset: the last before this element)")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Since start: frames, faces; draw-time in ns")
                    .read_only()
                    .build(),
            ]
    }

    /// Takes the value of a property.
    pub fn set(&mut self, property: &str, value: &glib::Value) {
        match property {
            "show-box" => self.show_box = get(value),
            "show-id" => self.show_id = get(value),
            "show-label" => self.show_label = get(value),
            "show-confidence" => self.show_confidence = get(value),
            "show-bars" => self.show_bars = get(value),
            "text-scale" => self.text_scale = get(value),
            "roi-types" => {
                self.roi_types = text(value).unwrap_or_else(|| crate::meta::FACE.to_owned());
            }
            "classifier" => self.classifier = text(value),
            _ => unimplemented!(),
        }
    }

    /// The value of a property.
    pub fn get(&self, property: &str) -> glib::Value {
        match property {
            "show-box" => self.show_box.to_value(),
            "show-id" => self.show_id.to_value(),
            "show-label" => self.show_label.to_value(),
            "show-confidence" => self.show_confidence.to_value(),
            "show-bars" => self.show_bars.to_value(),
            "text-scale" => self.text_scale.to_value(),
            "roi-types" => self.roi_types.to_value(),
            "classifier" => self.classifier.to_value(),
            _ => unimplemented!(),
        }
    }
}
