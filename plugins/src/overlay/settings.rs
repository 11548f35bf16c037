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
