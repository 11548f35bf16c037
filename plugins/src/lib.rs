//! GStreamer elements for facial expressions.
//!
//! | element | does |
//! | --- | --- |
//! | `ferfacedetect` | finds and follows faces, one region-of-interest meta each |
//! | `ferclassify` | names the expression of every face |
//! | `feroverlay` | draws the result |
//!
//! ```text
//! gst-launch-1.0 v4l2src ! videoconvert ! ferfacedetect ! ferclassify ! feroverlay ! videoconvert ! autovideosink
//! ```

mod caps;
mod classify;
mod facedetect;
mod frame;
mod message;
pub mod meta;
mod overlay;
mod stats;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    meta::init();
    facedetect::register(plugin)?;
    classify::register(plugin)?;
    overlay::register(plugin)
}

gst::plugin_define!(
    fer,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MIT/X11",
    "gst-plugin-fer",
    "gst-plugin-fer",
    "https://gstreamer.freedesktop.org/",
    env!("BUILD_REL_DATE")
);
