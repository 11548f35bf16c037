/**
 * SECTION:element-feroverlay
 *
 * Draws a box around every face, with its number, expression and confidence, and bars
 * for all expressions on request. Where downstream says that it draws overlays by itself,
 * the drawing is attached to the buffer; elsewhere it is blended into the frame.
 *
 * ## Example pipeline
 * ```bash
 * gst-launch-1.0 v4l2src ! videoconvert ! ferfacedetect ! ferclassify ! feroverlay show-bars=true ! videoconvert ! autovideosink
 * ```
 *
 * Since: 0.1.0
 */
use gst::glib;
use gst::prelude::*;

mod face;
mod imp;
mod paint;
mod settings;
mod style;

glib::wrapper! {
    pub struct Overlay(ObjectSubclass<imp::Overlay>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "feroverlay",
        gst::Rank::NONE,
        Overlay::static_type(),
    )
}
