//! Parameters of regions that survive conversions.
//!
//! `gst_video_region_of_interest_meta_transform` leaves the parameters out wherever it makes
//! a region for another frame, as in videoconvert and videoscale. What the elements of this
//! plugin write into a region is therefore kept a second time, in a meta of its own that has
//! no tags and so is copied by every element. It holds no boxes: those are the regions',
//! which GStreamer scales, and a parameter whose region is gone is never read. A region is
//! known again by its type and its id, and by its order among several with the same.

use gst::meta::CustomMeta;
use gst_video::VideoRegionOfInterestMeta;

const NAME: &str = "GstFerKeptMeta";
const REGIONS: &str = "regions";

/// Makes the meta known to GStreamer.
pub fn init() {
    if !CustomMeta::is_registered(NAME) {
        CustomMeta::register_simple(NAME);
    }
}

/// A region as it is known again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    kind: String,
    id: i32,
    /// How many of the same type and id come before it.
    nth: u32,
}

/// The keys of the regions of a buffer, in their order.
#[derive(Default)]
pub struct Keys {
    seen: Vec<(String, i32)>,
}

impl Keys {
    /// The key of the next region.
    pub fn next(&mut self, kind: &str, id: i32) -> Key {
        let same = self.seen.iter().filter(|(k, i)| k == kind && *i == id);
        let nth = same.count() as u32;
        self.seen.push((kind.to_owned(), id));
        Key {
            kind: kind.to_owned(),
            id,
            nth,
        }
    }
}

/// What is kept on a buffer.
#[derive(Default)]
pub struct Kept(Vec<(Key, gst::Structure)>);

impl Kept {
    /// Reads what is kept on `buffer`.
    pub fn read(buffer: &gst::BufferRef) -> Self {
        let Ok(meta) = CustomMeta::from_buffer(buffer, NAME) else {
            return Self::default();
        };
        let Ok(regions) = meta.structure().get::<gst::Array>(REGIONS) else {
            return Self::default();
        };
        let entry = |value: &gst::glib::SendValue| {
            let region = value.get::<gst::Structure>().ok()?;
            let key = Key {
                kind: region.get("type").ok()?,
                id: region.get("id").ok()?,
                nth: region.get("nth").ok()?,
            };
            Some((key, region.get("parameter").ok()?))
        };
        Self(regions.iter().filter_map(entry).collect())
    }

    /// The parameters kept for the region with this key.
    pub fn of<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a gst::StructureRef> {
        let same = self.0.iter().filter(move |(of, _)| of == key);
        same.map(|(_, parameter)| parameter.as_ref())
    }
}

/// Gives the regions of `buffer` back what they lost of what is kept.
pub fn restore(buffer: &mut gst::BufferRef) {
    let kept = Kept::read(buffer);
    if kept.0.is_empty() {
        return;
    }
    let mut keys = Keys::default();
    for mut region in buffer.iter_meta_mut::<VideoRegionOfInterestMeta>() {
        let key = keys.next(region.roi_type(), region.id());
        let lost: Vec<gst::Structure> = kept
            .of(&key)
            .filter(|parameter| !region.params().any(|own| own == *parameter))
            .map(ToOwned::to_owned)
            .collect();
        for parameter in lost {
            region.add_param(parameter);
        }
    }
}

/// Keeps those parameters of the regions of `buffer` whose names are in `names`.
pub fn keep(buffer: &mut gst::BufferRef, names: &[&str]) {
    let mut keys = Keys::default();
    let mut regions = Vec::new();
    for region in buffer.iter_meta::<VideoRegionOfInterestMeta>() {
        let key = keys.next(region.roi_type(), region.id());
        let ours = region
            .params()
            .filter(|p| names.contains(&p.name().as_str()));
        regions.extend(ours.map(|parameter| {
            gst::Structure::builder("region")
                .field("type", &key.kind)
                .field("id", key.id)
                .field("nth", key.nth)
                .field("parameter", parameter.to_owned())
                .build()
        }));
    }
    let regions = gst::Array::new(regions);
    if let Ok(mut meta) = CustomMeta::from_mut_buffer(buffer, NAME) {
        meta.mut_structure().set(REGIONS, regions);
    } else if let Ok(mut meta) = CustomMeta::add(buffer, NAME) {
        meta.mut_structure().set(REGIONS, regions);
    }
}
