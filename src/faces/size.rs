/// The size of a face, absolute or relative to the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaceSize {
    /// Pixels of the frame.
    Pixels(f32),
    /// Share of the frame's height, 0 to 1.
    Share(f32),
}

impl FaceSize {
    /// In pixels, for a frame of this height.
    pub fn pixels(self, frame_height: usize) -> f32 {
        match self {
            FaceSize::Pixels(pixels) => pixels,
            FaceSize::Share(share) => share * frame_height as f32,
        }
    }
}
