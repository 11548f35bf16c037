/// A point in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

/// A box in pixels of the frame; it may reach beyond the frame's edges.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, not negative.
    pub width: f32,
    /// Height, not negative.
    pub height: f32,
}

impl Rect {
    /// A box from its left top corner and its size.
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Right edge (exclusive).
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Bottom edge (exclusive).
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// Middle of the box.
    pub fn center(&self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        }
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// Whether the box holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.width <= 0.0 || self.height <= 0.0
    }

    /// The part that both boxes share; empty (zero size) where they are apart.
    pub fn intersect(&self, other: &Rect) -> Rect {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        Rect {
            x,
            y,
            width: (self.right().min(other.right()) - x).max(0.0),
            height: (self.bottom().min(other.bottom()) - y).max(0.0),
        }
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Rect) -> f32 {
        let shared = self.intersect(other).area();
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The box grown on every side by `margin` times its size (0.1 makes it 1.2 times
    /// as wide); a negative margin shrinks it.
    pub fn expand(&self, margin: f32) -> Rect {
        let (dx, dy) = (self.width * margin, self.height * margin);
        Rect {
            x: self.x - dx,
            y: self.y - dy,
            width: (self.width + 2.0 * dx).max(0.0),
            height: (self.height + 2.0 * dy).max(0.0),
        }
    }

    /// The box with position and size multiplied by `factor`.
    pub fn scale(&self, factor: f32) -> Rect {
        Rect {
            x: self.x * factor,
            y: self.y * factor,
            width: self.width * factor,
            height: self.height * factor,
        }
    }

    /// The box with what is horizontal multiplied by `x`, what is vertical by `y`.
    pub fn stretch(&self, x: f32, y: f32) -> Rect {
        Rect {
            x: self.x * x,
            y: self.y * y,
            width: self.width * x,
            height: self.height * y,
        }
    }

    /// The part inside a frame of `width` x `height` pixels.
    pub fn clamp(&self, width: usize, height: usize) -> Rect {
        self.intersect(&Rect::new(0.0, 0.0, width as f32, height as f32))
    }
}

/// The box of a face, and how the face lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaceBox {
    /// The box.
    pub rect: Rect,
    /// By how much the face is turned in the plane of the picture: radians, clockwise as
    /// seen; 0 is upright.
    pub tilt: f32,
}

impl FaceBox {
    /// A face that is tilted as the line through its eyes. `right` and `left` are meant as
    /// the person has them: in an upright face that looks at the camera, the right eye is
    /// on the picture's left.
    pub fn with_eyes(rect: Rect, right: Point, left: Point) -> Self {
        Self {
            rect,
            tilt: (left.y - right.y).atan2(left.x - right.x),
        }
    }
}

impl From<&Rect> for FaceBox {
    /// An upright face.
    fn from(rect: &Rect) -> Self {
        Self {
            rect: *rect,
            tilt: 0.0,
        }
    }
}

impl From<&FaceBox> for FaceBox {
    fn from(face: &FaceBox) -> Self {
        *face
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_half_shifted_boxes_is_a_third() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        let b = Rect::new(5.0, 0.0, 10.0, 10.0);
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&Rect::new(20.0, 0.0, 5.0, 5.0)), 0.0);
    }

    #[test]
    fn expand_keeps_the_center() {
        let a = Rect::new(10.0, 20.0, 40.0, 60.0);
        let b = a.expand(0.25);
        assert_eq!(b, Rect::new(0.0, 5.0, 60.0, 90.0));
        assert_eq!(a.center(), b.center());
    }

    #[test]
    fn a_face_is_tilted_clockwise_when_its_left_eye_is_lower() {
        let at = |x, y| Point { x, y };
        let tilt = |right, left| FaceBox::with_eyes(Rect::default(), right, left).tilt;
        assert_eq!(tilt(at(10.0, 20.0), at(30.0, 20.0)), 0.0);
        let eighth = std::f32::consts::FRAC_PI_4;
        assert!((tilt(at(10.0, 20.0), at(30.0, 40.0)) - eighth).abs() < 1e-6);
    }
}
