//! In place of analytics metadata where GStreamer has none.

use super::detection::{Detection, Times};

/// None.
pub fn read(_: &gst::BufferRef) -> Vec<Detection> {
    Vec::new()
}

/// Adds nothing.
pub fn add(_: &mut gst::BufferRef, _: &Detection, _: Times) -> Option<u32> {
    None
}

/// Adds nothing.
pub fn add_classes(_: &mut gst::BufferRef, _: u32, _: &[(String, f64)]) {}
