/**
 * SECTION:element-ferfacedetect
 *
 * Finds the faces in a video and follows them from frame to frame. Each face becomes a
 * `GstVideoRegionOfInterestMeta` of type `face`, whose id is the face's number and whose
 * parameter `detection` tells how sure the detector is. The video itself is not touched.
 *
 * ## Example pipeline
 * ```bash
 * gst-launch-1.0 -m videotestsrc ! ferfacedetect post-messages=true ! fakesink
 * ```
 *
 * Since: 0.1.0
 */
use gst::glib;
use gst::prelude::*;

mod imp;
mod settings;

glib::wrapper! {
    pub struct FaceDetect(ObjectSubclass<imp::FaceDetect>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "ferfacedetect",
        gst::Rank::NONE,
        FaceDetect::static_type(),
    )
}
