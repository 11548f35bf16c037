//! Parameters that survive conversions.
//!
//! `gst_video_region_of_interest_meta_transform` leaves the parameters out wherever it makes
//! a region for another frame, as in videoconvert and videoscale, and object detections have
//! none. What the elements of this plugin say is therefore kept a second time, in a meta of its
//! own that has no tags and so is copied by every element, also by those that leave out
//! regions and detections, or move them. Each is therefore known again by its type, its id and
//! its box, which may have been scaled since, but not moved: what is kept of a face that is gone
//! must not be read as of another, which may well have the same id.

use fer::Rect;
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
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Which of both it is.
    pub carrier: Carrier,
    /// Its type.
    pub kind: String,
    /// Its id.
    pub id: i32,
    /// Its box in pixels.
    pub rect: Rect,
}

impl Key {
    /// Whether this is what `then` was, in a frame that may have been scaled since.
    fn is(&self, then: &Key) -> bool {
        (self.carrier, &self.kind, self.id) == (then.carrier, &then.kind, then.id)
            && is_scaled(&self.rect, &then.rect)
    }
}

/// Coordinate from which on a box is none that GStreamer has scaled rightly: those left of and
/// above the frame are wrapped around, and then scaled as what they are not.
const BEYOND: f32 = 1e6;

/// Whether `now` may be `then` in a frame that was scaled since, in each direction by itself.
/// GStreamer rounds towards zero, so that place and size are each up to a pixel less than they
/// would be, and twice that after two conversions.
pub fn is_scaled(now: &Rect, then: &Rect) -> bool {
    let along = |now: (f32, f32), then: (f32, f32)| {
        if now.1 <= 0.0 || then.1 <= 0.0 {
            return now == then;
        }
        if now.0.abs() > BEYOND {
            return then.0 < 0.0 || then.0 > BEYOND;
        }
        let error = now.0 * then.1 - now.1 * then.0;
        error.abs() <= 2.0 * (then.1 + then.0.abs()) + 1.0
    };
    along((now.x, now.width), (then.x, then.width))
        && along((now.y, now.height), (then.y, then.height))
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
                let side = |name: &str| entry.get::<f32>(name).ok();
                let key = Key {
                    carrier,
                    kind: entry.get("type").ok()?,
                    id: entry.get("id").ok()?,
                    rect: Rect::new(side("x")?, side("y")?, side("width")?, side("height")?),
                };
                Some((key, entry.get("parameter").ok()?))
            };
            kept.0.extend(entries.iter().filter_map(entry));
        }
        kept
    }

    /// The parameters kept for the region or detection with this key.
    pub fn of<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = &'a gst::StructureRef> {
        let same = self.0.iter().filter(move |(of, _)| key.is(of));
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
                    .field("x", key.rect.x)
                    .field("y", key.rect.y)
                    .field("width", key.rect.width)
                    .field("height", key.rect.height)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_known_again_when_the_frame_was_scaled_but_not_when_it_was_cropped() {
        let then = Rect::new(175.0, 64.0, 100.0, 100.0);
        for factor in [0.05f32, 0.3, 0.5, 1.0, 2.0, 3.7] {
            let scaled = then.stretch(factor, 1.5 * factor);
            let floor = |v: f32| v.floor();
            let now = Rect::new(
                floor(scaled.x),
                floor(scaled.y),
                floor(scaled.width),
                floor(scaled.height),
            );
            assert!(is_scaled(&now, &then), "{now:?}");
            let [mut cropped, mut mirrored] = [now; 2];
            cropped.x -= 0.2 * now.width;
            mirrored.x = 512.0 * factor - now.right();
            if factor >= 0.3 {
                assert!(!is_scaled(&cropped, &then), "{cropped:?}");
                assert!(!is_scaled(&mirrored, &then), "{mirrored:?}");
            }
        }
        let outside = Rect::new(8_388_588.0, 64.0, 100.0, 100.0);
        assert!(is_scaled(&outside, &Rect::new(-20.0, 64.0, 100.0, 100.0)));
    }
}
