//! Element messages. All say to which frame they belong:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `frame` | uint64 | number of the frame since the element started, from 0 |
//! | `pts` | uint64 | the buffer's timestamp in ns; absent where it has none |
//! | `stream-time` | uint64 | position in the stream in ns; absent where not known |
//! | `running-time` | uint64 | time since the pipeline started playing in ns; absent where not known |
//! | `utc-time` | uint64 | when the frame was taken, in ns since 1970 (UTC); only where the buffer has a reference timestamp of the NTP or the Unix clock |
//!
//! `fer-faces` and `fer-expressions` have besides:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `faces` | array of structure | see [`FaceMeta::to_structure`](crate::meta::FaceMeta::to_structure); empty in the first frame after the last face has left |
//!
//! `fer-behind`, which `ferfacedetect` posts at most once a second while it can't look at
//! every frame that it should, has:
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `skipped-scans` | uint64 | frames since the last such message that were not scanned, because the scan of an earlier one had not ended |
//! | `late-frames` | uint64 | frames since then that were too late downstream to be looked at |

use gst::prelude::*;
use gst_base::subclass::prelude::*;

use crate::element;
use crate::meta::FaceMeta;

/// Seconds from the origin of NTP's time, 1900, to that of Unix', 1970.
const NTP_TO_UNIX: gst::ClockTime = gst::ClockTime::from_seconds(2_208_988_800);

/// A structure called `name` that says which frame `buffer` is.
pub fn about_frame<T>(imp: &T, name: &str, buffer: &gst::BufferRef, frame: u64) -> gst::Structure
where
    T: BaseTransformImpl,
    <T as ObjectSubclass>::Type: IsA<gst_base::BaseTransform>,
{
    let segment = element::segment(imp);
    let segment = segment.downcast_ref::<gst::ClockTime>();
    let pts = buffer.pts();
    let mut structure = gst::Structure::builder(name).field("frame", frame).build();
    for (field, time) in [
        ("pts", pts),
        ("stream-time", segment.and_then(|s| s.to_stream_time(pts))),
        ("running-time", segment.and_then(|s| s.to_running_time(pts))),
        ("utc-time", utc_time(buffer)),
    ] {
        if let Some(time) = time {
            structure.set(field, time.nseconds());
        }
    }
    structure
}

/// When the frame was taken, since 1970, where a reference timestamp says so.
pub fn utc_time(buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let unix = reference_time(buffer, "timestamp/x-unix");
    unix.or_else(|| ntp_time(buffer))
}

/// The same by NTP alone, as RTP's sender reports have it.
pub fn ntp_time(buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    reference_time(buffer, "timestamp/x-ntp")?.checked_sub(NTP_TO_UNIX)
}

fn reference_time(buffer: &gst::BufferRef, clock: &str) -> Option<gst::ClockTime> {
    let mut metas = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    metas.find_map(|meta| {
        let name = meta.reference().structure(0)?.name();
        (name == clock).then(|| meta.timestamp())
    })
}

/// Posts an element message.
pub fn post<T>(imp: &T, structure: gst::Structure)
where
    T: BaseTransformImpl,
    <T as ObjectSubclass>::Type: IsA<gst::Element>,
{
    let object = imp.obj();
    let element = object.upcast_ref::<gst::Element>();
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    // Without a bus nobody listens, which is no fault of the stream.
    let _ = element.post_message(message);
}

/// Posts an element message called `name` about the faces of `buffer`.
pub fn post_faces<T>(imp: &T, name: &str, buffer: &gst::BufferRef, frame: u64, faces: &[FaceMeta])
where
    T: BaseTransformImpl,
    <T as ObjectSubclass>::Type: IsA<gst::Element> + IsA<gst_base::BaseTransform>,
{
    let mut structure = about_frame(imp, name, buffer, frame);
    structure.set(
        "faces",
        gst::Array::new(faces.iter().map(FaceMeta::to_structure)),
    );
    post(imp, structure);
}

/// Remembers whether faces were told of, so that their leaving is told too.
#[derive(Debug, Default)]
pub struct Told {
    faces: bool,
}

impl Told {
    /// Whether a frame with or without `faces` is to be told of: each with faces, and the
    /// first without.
    pub fn is_due(&mut self, faces: bool) -> bool {
        std::mem::replace(&mut self.faces, faces) || faces
    }
}
