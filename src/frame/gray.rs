use super::{Frame, Orientation, Pixels};

/// An owned grey picture, rows without padding. Its memory is kept between uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrayImage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl GrayImage {
    /// A picture from its bytes; `None` when their number is not `width` x `height`.
    pub fn from_vec(width: usize, height: usize, data: Vec<u8>) -> Option<Self> {
        (width.checked_mul(height) == Some(data.len())).then_some(Self {
            width,
            height,
            data,
        })
    }

    /// Makes the picture `width` x `height`; what it then holds is unspecified.
    pub fn resize(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.data.resize(width * height, 0);
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.data
    }

    /// All pixels, row by row.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }
}

impl Frame<'_> {
    /// The luma plane with its stride in bytes when it can be used in place: one byte a
    /// pixel, in order.
    pub fn luma_in_place(&self) -> Option<(&[u8], usize)> {
        match &self.pixels {
            Pixels::Gray(y) | Pixels::Yuv { y, .. }
                if y.step == 1 && self.orientation == Orientation::Upright =>
            {
                Some((y.data, y.stride))
            }
            _ => None,
        }
    }

    /// Writes the whole frame's luma, as stored (a limited range stays limited), into
    /// `out`.
    pub fn copy_luma(&self, out: &mut GrayImage) {
        out.resize(self.width, self.height);
        let width = self.width;
        for (y, row) in out.data.chunks_exact_mut(width).enumerate() {
            self.luma_row(y, 0, row);
        }
    }
}
