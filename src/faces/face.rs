use crate::{Point, Rect};

/// A face in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Identity, stable while the face is followed and never given to another one.
    pub id: u64,
    /// The face's box.
    pub rect: Rect,
    /// How sure the detector was when it last saw the face, 0 to 1.
    pub confidence: Option<f32>,
    /// Right eye, left eye, nose, right and left corner of the mouth (as the person has
    /// them).
    pub landmarks: Option<[Point; 5]>,
    /// Frames since the face was first seen.
    pub age: u32,
    /// Whether the detector missed the face when it last looked, so that the box is
    /// carried on by the face's looks and motion.
    pub coasting: bool,
}
