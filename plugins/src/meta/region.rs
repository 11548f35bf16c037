//! Faces as regions of interest.

use gst_video::VideoRegionOfInterestMeta;

use super::ANALYTICS_ID;
use super::kept::{Carrier, Kept, Key};

/// A region of interest on a buffer.
pub struct Region {
    /// By which it is known again.
    pub key: Key,
    /// Its parameters, and those that are kept for it.
    pub parameters: Vec<gst::Structure>,
}

impl Region {
    /// Which object detection on the same buffer is the same face, as its writer says.
    pub fn analytics_id(&self) -> Option<u32> {
        self.parameters
            .iter()
            .find_map(|p| p.get(ANALYTICS_ID).ok())
    }
}

/// A coordinate of a region; those left of and above the frame, which some elements write
/// wrapped around, are negative.
fn coordinate(value: u32) -> f32 {
    value as i32 as f32
}

/// All regions of `buffer`, in the order of the metas.
pub fn read(buffer: &gst::BufferRef, kept: &Kept) -> Vec<Region> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>();
    metas
        .map(|meta| {
            let (x, y, w, h) = meta.rect();
            let key = Key {
                carrier: Carrier::Region,
                kind: meta.roi_type().to_owned(),
                id: meta.id(),
                rect: fer::Rect::new(coordinate(x), coordinate(y), w as f32, h as f32),
            };
            let mut parameters: Vec<gst::Structure> =
                meta.params().map(ToOwned::to_owned).collect();
            for lost in kept.of(&key) {
                if !parameters.iter().any(|own| own.as_ref() == lost) {
                    parameters.push(lost.to_owned());
                }
            }
            Region { key, parameters }
        })
        .collect()
}

/// Gives the regions of `buffer` the parameters that `given` has for them, in their order,
/// where they don't have them.
pub fn give<'a>(
    buffer: &mut gst::BufferRef,
    given: impl IntoIterator<Item = &'a [gst::Structure]>,
) {
    let metas = buffer.iter_meta_mut::<VideoRegionOfInterestMeta>();
    for (mut meta, parameters) in metas.zip(given) {
        for parameter in parameters {
            if !meta.params().any(|own| own == parameter.as_ref()) {
                meta.add_param(parameter.clone());
            }
        }
    }
}

/// Adds a region to `buffer`.
pub fn add(
    buffer: &mut gst::BufferRef,
    kind: &str,
    id: i32,
    rect: (u32, u32, u32, u32),
    parameter: gst::Structure,
) {
    let mut meta = VideoRegionOfInterestMeta::add(buffer, kind, rect);
    meta.set_id(id);
    meta.add_param(parameter);
}
