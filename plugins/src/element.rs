//! What the elements do alike.

use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{InputBuffer, PrepareOutputBufferSuccess};
use gst_base::subclass::prelude::*;

/// How the elements name themselves: their authors, as GStreamer writes them.
pub const AUTHORS: &str = env!("CARGO_PKG_AUTHORS");

/// The value of a property, whose type GObject has checked.
pub fn get<'a, T: glib::value::FromValue<'a>>(value: &'a glib::Value) -> T
where
    <T as glib::value::FromValue<'a>>::Checker:
        glib::value::ValueTypeChecker<Error = glib::value::ValueTypeMismatchError>,
{
    value.get().expect("type checked upstream")
}

/// The text of a property; an empty one is none.
pub fn text(value: &glib::Value) -> Option<String> {
    value
        .get::<Option<String>>()
        .expect("type checked upstream")
        .filter(|text| !text.is_empty())
}

/// The parts of a text with commas between them.
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).collect()
}

/// The first statement of a reason, for the user; the rest is for who looks closer.
fn headline(why: &fer::Error) -> String {
    let why = why.to_string();
    let end = why.find([';', '\n']).unwrap_or(why.len());
    why[..end].to_owned()
}

/// Why an element does not start.
pub fn start_error(why: &fer::Error) -> gst::ErrorMessage {
    let short = headline(why);
    match why {
        fer::Error::Engine { .. } => {
            gst::error_msg!(gst::LibraryError::Init, ("{short}"), ["{why}"])
        }
        fer::Error::Setting(_) => {
            gst::error_msg!(gst::ResourceError::Settings, ("{short}"), ["{why}"])
        }
        _ => gst::error_msg!(gst::ResourceError::NotFound, ("{short}"), ["{why}"]),
    }
}

/// Posts that a frame could not be worked on.
pub fn frame_error(element: &impl IsA<gst::Element>, why: &fer::Error) -> gst::FlowError {
    let short = headline(why);
    gst::element_error!(element, gst::StreamError::Failed, ("{short}"), ["{why}"]);
    gst::FlowError::Error
}

/// Posts that a buffer does not hold the frame that its caps promise.
pub fn map_error(
    element: &impl IsA<gst::Element>,
    size: usize,
    info: &gst_video::VideoInfo,
) -> gst::FlowError {
    gst::element_error!(
        element,
        gst::StreamError::Failed,
        ("A frame is not what its caps say"),
        ["a buffer of {size} bytes can't be mapped as {info:?}"]
    );
    gst::FlowError::Error
}

/// Warns that a property keeps its value, because `why`.
pub fn keeps_value(element: &impl IsA<gst::Element>, property: &str, why: &str) {
    gst::element_warning!(
        element,
        gst::ResourceError::Settings,
        ("Property {property} keeps its value"),
        ["{why}"]
    );
}

/// Adds what an element delays frames by to the answer of a latency query.
pub fn add_latency(query: &mut gst::QueryRef, own: gst::ClockTime) {
    if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
        let (live, min, max) = latency.result();
        latency.set(live, min + own, max.map(|max| max + own));
    }
}

/// Posts that the latency of `element` has changed.
pub fn post_latency(element: &impl IsA<gst::Element>) {
    let element = element.upcast_ref::<gst::Element>();
    let message = gst::message::Latency::builder().src(element).build();
    // Without a bus nobody listens.
    let _ = element.post_message(message);
}

/// Whether a property may be set now; if not, the warning is posted. `running` is whether
/// the element is started.
pub fn may_set(element: &impl IsA<gst::Element>, pspec: &glib::ParamSpec, running: bool) -> bool {
    let allowed = !running || pspec.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
    if !allowed {
        let why = "it can be changed in the states NULL and READY only";
        keeps_value(element, pspec.name(), why);
    }
    allowed
}

/// Posts how far a longer work is.
pub fn post_progress(element: &impl IsA<gst::Element>, kind: gst::ProgressType, text: &str) {
    let element = element.upcast_ref::<gst::Element>();
    let message = gst::message::Progress::builder(kind, "load", text)
        .src(element)
        .build();
    // Without a bus nobody listens.
    let _ = element.post_message(message);
}

/// A buffer whose metadata can be written: one that is shared gets a new head, its pixels
/// stay shared.
pub fn own_head(buffer: InputBuffer) -> PrepareOutputBufferSuccess {
    match buffer {
        InputBuffer::Writable(_) => PrepareOutputBufferSuccess::InputBuffer,
        InputBuffer::Readable(buffer) => PrepareOutputBufferSuccess::Buffer(buffer.copy()),
    }
}

/// The segment that `imp` is in.
pub fn segment<T>(imp: &T) -> gst::Segment
where
    T: BaseTransformImpl,
    <T as ObjectSubclass>::Type: IsA<gst_base::BaseTransform>,
{
    let object = imp.obj();
    object.upcast_ref::<gst_base::BaseTransform>().segment()
}
