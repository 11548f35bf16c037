/**
 * SECTION:element-ferpublish
 *
 * Passes video on and sends what the metadata say of its faces: to a file, to standard output, to
 * an MQTT broker or to Kafka, for each frame, for each change, or summed up by intervals. Video never
 * waits for who reads it.
 *
 * ## Example pipeline
 * ```bash
 * gst-launch-1.0 v4l2src ! videoconvert ! ferfacedetect ! ferclassify ! ferpublish location=mqtt://localhost/cameras/door every=change ! fakesink
 * ```
 *
 * Since: 0.1.0
 */
use gst::glib;
use gst::prelude::*;

mod changes;
mod imp;
mod interval;
#[cfg(feature = "kafka")]
mod kafka;
mod lines;
mod location;
#[cfg(feature = "mqtt")]
mod mqtt;
mod queue;
mod reporter;
mod settings;
#[cfg(feature = "mqtts")]
mod tls;
mod worker;

pub use changes::Changes;

glib::wrapper! {
    pub struct Publish(ObjectSubclass<imp::Publish>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "ferpublish",
        gst::Rank::NONE,
        Publish::static_type(),
    )
}
