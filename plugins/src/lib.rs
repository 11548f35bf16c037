//! GStreamer elements for facial expressions.
//!
//! | element | does |
//! | --- | --- |
//! | `ferfacedetect` | finds and follows faces, one region-of-interest meta each |
//! | `ferclassify` | names the expression of every face |
//! | `feroverlay` | draws the result |
//! | `ferpublish` | sends it to a file or a broker |
//!
//! ```text
//! gst-launch-1.0 v4l2src ! videoconvert ! ferfacedetect ! ferclassify ! feroverlay ! videoconvert ! autovideosink
//! ```
//!
//! # Locks
//!
//! Each element has two: `settings`, the values of its properties, and `state`, what exists
//! while it runs. Both are held for moments only, to copy something in or out:
//!
//! - Where both are held, `settings` is taken first.
//! - Neither is held while anything is posted, pushed or queried, while the detector or the
//!   engine works, or while something is drawn. Who does that collects what it needs,
//!   unlocks, and does it. The detector, the engine and the painter are taken out of the
//!   state meanwhile; only the streaming thread does so.

mod caps;
mod classify;
mod continuity;
mod element;
mod facedetect;
mod frame;
mod logging;
mod message;
pub mod meta;
mod overlay;
mod property;
mod publish;
pub mod record;
mod secret;
mod stats;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    logging::init();
    meta::init();
    facedetect::register(plugin)?;
    classify::register(plugin)?;
    overlay::register(plugin)?;
    publish::register(plugin)
}

gst::plugin_define!(
    fer,
    env!("DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    // That of the repository, as soon as the workspace names one.
    "Unknown package origin",
    env!("BUILD_REL_DATE")
);
