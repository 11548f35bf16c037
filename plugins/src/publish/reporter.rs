//! What the user is told from the thread that sends.

use gst::glib;
use gst::prelude::*;

/// Tells the user what went wrong.
pub struct Reporter {
    element: glib::WeakRef<gst::Element>,
    cat: gst::DebugCategory,
}

impl Reporter {
    /// One that posts in the name of `element`.
    pub fn new(element: &impl IsA<gst::Element>, cat: gst::DebugCategory) -> Self {
        Self {
            element: element.upcast_ref::<gst::Element>().downgrade(),
            cat,
        }
    }

    /// Posts a warning; `why` is for who looks closer.
    pub fn warn(&self, text: &str, why: &str) {
        if let Some(element) = self.element.upgrade() {
            gst::element_warning!(element, gst::ResourceError::Write, ("{text}"), ["{why}"]);
        }
    }

    /// Writes into the debug log.
    pub fn log(&self, text: &str) {
        if let Some(element) = self.element.upgrade() {
            gst::info!(self.cat, obj = element, "{text}");
        }
    }
}
