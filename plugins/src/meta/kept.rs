//! Parameters that survive conversions.
//!
//! `gst_video_region_of_interest_meta_transform` leaves the parameters out wherever it makes
//! a region for another frame, as in videoconvert and videoscale, and object detections have
//! none. What the elements of this plugin say is therefore kept a second time, in a meta of its
//! own that has no tags and so is copied by every element. It holds no boxes: those are the
//! regions' and the detections', which GStreamer scales, and a parameter whose region or
//! detection is gone is never read. Each is known again by its type and its id, and by its
//! order among several with the same.

use gst::meta::CustomMeta;

const NAME: &str = "GstFerKeptMeta";

/// Makes the meta known to GStreamer.
pub fn init() {
    if !CustomMeta::is_registered(NAME) {
        CustomMeta::register_simple(NAME);
    }
}

/// What a face is described by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A region of interest.
    Region,
    /// An object detection in analytics metadata.
    Detection,
}

impl Carrier {
    const ALL: [Self; 2] = [Self::Region, Self::Detection];

    /// The field of the meta with what is kept for such.
    fn field(self) -> &'static str {
        match self {
            Self::Region => "regions",
            Self::Detection => "detections",
        }
    }
}

/// A region or a detection as it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    carrier: Carrier,
    /// Its type.
    pub kind: String,
    /// Its id.
    pub id: i32,
    /// How many of the same type and id come before it.
    nth: u32,
}

/// The keys of the regions or detections of a buffer, in their order.
pub struct Keys {
    carrier: Carrier,
    seen: Vec<(String, i32)>,
}

impl Keys {
    /// No keys yet.
    pub fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            seen: Vec::new(),
        }
    }

    /// The key of the next one.
    pub fn next(&mut self, kind: &str, id: i32) -> Key {
        let same = self.seen.iter().filter(|(k, i)| k == kind && *i == id);
        let nth = same.count() as u32;
        self.seen.push((kind.to_owned(), id));
        Key {
            carrier: self.carrier,
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
        let mut kept = Self::default();
        let Ok(meta) = CustomMeta::from_buffer(buffer, NAME) else {
            return kept;
        };
        for carrier in Carrier::ALL {
            let Ok(entries) = meta.structure().get::<gst::Array>(carrier.field()) else {
                continue;
            };
            let entry = |value: &gst::glib::SendValue| {
                let entry = value.get::<gst::Structure>().ok()?;
                let key = Key {
                    carrier,
                    kind: entry.get("type").ok()?,
                    id: entry.get("id").ok()?,
                    nth: entry.get("nth").ok()?,
                };
                Some((key, entry.get("parameter").ok()?))
            };
            kept.0.extend(entries.iter().filter_map(entry));
        }
        kept
    }

    /// The parameters kept for the region or detection with this key.
    pub fn of<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a gst::StructureRef> {
        let same = self.0.iter().filter(move |(of, _)| of == key);
        same.map(|(_, parameter)| parameter.as_ref())
    }

    /// Keeps a parameter, unless it is kept already.
    pub fn add(&mut self, key: &Key, parameter: &gst::StructureRef) {
        if !self.of(key).any(|kept| kept == parameter) {
            self.0.push((key.clone(), parameter.to_owned()));
        }
    }

    /// Has `buffer` keep this, and nothing else.
    pub fn write(&self, buffer: &mut gst::BufferRef) {
        let written = |carrier: Carrier| {
            let entries = self.0.iter().filter(|(key, _)| key.carrier == carrier);
            gst::Array::new(entries.map(|(key, parameter)| {
                gst::Structure::builder("kept")
                    .field("type", &key.kind)
                    .field("id", key.id)
                    .field("nth", key.nth)
                    .field("parameter", parameter)
                    .build()
            }))
        };
        let fields = Carrier::ALL.map(|carrier| (carrier.field(), written(carrier)));
        let is_there = CustomMeta::from_buffer(buffer, NAME).is_ok();
        let meta = if is_there {
            CustomMeta::from_mut_buffer(buffer, NAME).map_err(drop)
        } else if self.0.is_empty() {
            return;
        } else {
            CustomMeta::add(buffer, NAME).map_err(drop)
        };
        if let Ok(mut meta) = meta {
            for (field, entries) in fields {
                meta.mut_structure().set(field, entries);
            }
        }
    }
}
