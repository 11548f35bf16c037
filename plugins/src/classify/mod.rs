/**
 * SECTION:element-ferclassify
 *
 * Names the expression of every face that an element upstream has described by a
 * `GstVideoRegionOfInterestMeta`, and adds a parameter `expression` to it with label,
 * confidence and the probabilities of all classes; with GStreamer 1.24 or later also of those
 * that are object detections in the buffer's `GstAnalyticsRelationMeta`, to which it adds a
 * classification. Posts an element message
 * `fer-expressions` for every frame with faces, and one without faces when the last has
 * left. The video itself is not touched.
 *
 * Frames with the flag GAP are not looked at: what is known of their faces is written. Of
 * several elements of this kind in a pipeline, each adds an `expression` of its own, with
 * its name in the field `element`.
 *
 * A face for which the network gives no probabilities, such as values that are not numbers, is
 * `uncertain` in that frame, does not count in the smoothed label and is read again in the next
 * frame; a warning tells of the first, `stats` counts them.
 *
 * With `engine=remote` servers of the Open Inference Protocol (Triton, KServe, OpenVINO Model
 * Server, MLServer) run the network; `model` or `builtin-model` says what it takes and gives, and
 * reads faces here while no server answers. A frame waits for them `deadline` at most, which is
 * part of the latency that is reported. A warning tells that no server answers any more.
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
    for kind in [
        settings::EngineChoice::static_type(),
        settings::BuiltinModel::static_type(),
        settings::PrecisionChoice::static_type(),
        settings::ProviderChoice::static_type(),
        settings::FallbackChoice::static_type(),
        settings::InputColor::static_type(),
        settings::InputTone::static_type(),
        settings::OutputKind::static_type(),
    ] {
        kind.mark_as_plugin_api(gst::PluginAPIFlags::empty());
    }
    gst::Element::register(
        Some(plugin),
        "ferclassify",
        gst::Rank::NONE,
        Classify::static_type(),
    )
}
