/**
 * SECTION:element-ferclassify
 *
 * Names the expression of every face that an element upstream has marked with a
 * `GstVideoRegionOfInterestMeta`, and adds a parameter `expression` to it with label,
 * confidence and the probabilities of all classes. Posts an element message
 * `fer-expressions` for every frame with faces. The video itself is not touched.
 *
 * ## Example pipeline
 * ```bash
 * gst-launch-1.0 -m filesrc location=party.mp4 ! decodebin ! ferfacedetect ! ferclassify ! fakesink sync=false
 * ```
 *
 * Since: 0.1.0
 */
use gst::glib;
use gst::prelude::*;

mod faces;
mod imp;
mod settings;

glib::wrapper! {
    pub struct Classify(ObjectSubclass<imp::Classify>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "ferclassify",
        gst::Rank::NONE,
        Classify::static_type(),
    )
}
