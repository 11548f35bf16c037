//! Element messages about the faces of a frame.
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `frame` | uint64 | number of the frame since the element started, from 0 |
//! | `pts` | uint64 | the buffer's timestamp in ns; absent where it has none |
//! | `stream-time` | uint64 | position in the stream in ns; absent where not known |
//! | `running-time` | uint64 | time since the pipeline started playing in ns; absent where not known |
//! | `faces` | array of structure | see [`FaceMeta::to_structure`](crate::meta::FaceMeta::to_structure) |

use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use crate::meta::FaceMeta;

/// Posts an element message called `name` about the faces of `buffer`.
pub fn post<T>(imp: &T, name: &str, buffer: &gst::BufferRef, frame: u64, faces: &[FaceMeta])
where
    T: BaseTransformImpl,
    <T as ObjectSubclass>::Type: IsA<gst::Element> + IsA<gst_base::BaseTransform>,
{
    let object = imp.obj();
    let segment = object.upcast_ref::<gst_base::BaseTransform>().segment();
    let segment = segment.downcast_ref::<gst::ClockTime>();
    let pts = buffer.pts();
    let array = gst::Array::new(faces.iter().map(FaceMeta::to_structure));
    let mut structure = gst::Structure::builder(name)
        .field("frame", frame)
        .field("faces", array)
        .build();
    for (field, time) in [
        ("pts", pts),
        ("stream-time", segment.and_then(|s| s.to_stream_time(pts))),
        ("running-time", segment.and_then(|s| s.to_running_time(pts))),
    ] {
        if let Some(time) = time {
            structure.set(field, time.nseconds());
        }
    }
    let element = object.upcast_ref::<gst::Element>();
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    // Without a bus nobody listens, which is no fault of the stream.
    let _ = element.post_message(message);
}
