//! The best frame as a picture.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};

use super::waiting::waiting;
use crate::draft::Draft;

/// Writes a frame as the picture `output`, of the kind that its name ends in.
///
/// # Errors
/// When it can't be written.
pub fn write_still(
    interrupted: &AtomicBool,
    draft: &Draft,
    output: &Path,
    sample: &gst::Sample,
) -> Result<()> {
    let picture = encoded(sample, output).with_context(|| output.display().to_string())?;
    let file = draft.path().to_owned();
    waiting(interrupted, output, move || {
        Ok(std::fs::write(file, picture.map_readable()?)?)
    })
}

/// A frame as the kind of picture that `name` ends in.
fn encoded(sample: &gst::Sample, name: &Path) -> Result<gst::Buffer> {
    let end = name.extension().map(|end| end.to_ascii_lowercase());
    let kind = match end {
        Some(end) if end == "png" => "image/png",
        _ => "image/jpeg",
    };
    let caps = gst::Caps::new_empty_simple(kind);
    let picture = gst_video::convert_sample(sample, &caps, Some(gst::ClockTime::from_seconds(20)))?;
    picture.buffer_owned().context("no still")
}
