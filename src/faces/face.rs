use crate::{FaceBox, Point, Rect};

/// A face in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Identity, stable while the face is followed and never given to another one.
    pub id: u64,
    /// The face's box.
    pub rect: Rect,
    /// By how much the face is turned in the plane of the picture, where the detector says so
    /// without landmarks: radians, clockwise, in pixels as they lie in the frame.
    pub tilt: Option<f32>,
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

impl Face {
    /// The box with the face's tilt, by its eyes where they are known, for a frame whose pixels
    /// are square; the tilt is 0 where nothing is known of it.
    pub fn face_box(&self) -> FaceBox {
        match self.landmarks {
            Some([right, left, ..]) => FaceBox::with_eyes(self.rect, right, left),
            None => FaceBox {
                rect: self.rect,
                tilt: self.tilt.unwrap_or(0.0),
            },
        }
    }
}
