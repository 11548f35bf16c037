/**
 * SECTION:element-ferfacedetect
 *
 * Finds the faces in a video and follows them from frame to frame. Each face becomes a
 * `GstVideoRegionOfInterestMeta` of type `face`, whose id is the face's number and whose
 * parameter `detection` tells how sure the detector is; with GStreamer 1.24 or later also an
 * object detection and a track in the buffer's `GstAnalyticsRelationMeta`. The video itself is not touched.
 *
 * In a live pipeline the detector works on a thread of its own and frames never wait for
 * it: each passes at once with the faces followed so far (`mode=async`). From files, each
 * frame has its own result, the same at every run (`mode=sync`). Between the two, frames
 * of a live pipeline wait for their own result, for a time that `max-delay` bounds and that
 * is reported as latency (`mode=aligned`). When results fall behind
 * the video, an element message `fer-behind` with the counts `skipped-scans` and
 * `late-frames` is posted, at most once a second. Frames that are too late downstream (by
 * QoS events) keep the faces of the frame before and a QoS message is posted; not so where
 * frames wait for the detector, nor with `qos=false`.
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

mod behind;
mod imp;
mod lateness;
mod settings;

glib::wrapper! {
    pub struct FaceDetect(ObjectSubclass<imp::FaceDetect>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::Detector::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    settings::Mode::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "ferfacedetect",
        gst::Rank::NONE,
        FaceDetect::static_type(),
    )
}
