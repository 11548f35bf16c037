//! Pictures in another size.
//!
//! The one place that calls `fast_image_resize`, and only for pixels of one byte and of three:
//! asked for any kind of pixel, all of it is compiled for each, which took half of the time that
//! this crate needs.

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{InnerPixel, U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::{Error, Result};

/// Scales pictures; keeps its memory between calls.
#[derive(Debug)]
pub(crate) struct Scaler(Resizer);

/// A picture in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels<'a> {
    /// Its bytes, row by row.
    pub data: &'a [u8],
    /// Bytes of a pixel: 1 or 3.
    pub channels: usize,
    /// Pixels from one row to the next.
    pub stride: usize,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
}

/// A part of a picture: left, top, width and height in pixels.
pub(crate) type Part = (f64, f64, f64, f64);

impl Scaler {
    /// One without memory yet.
    pub fn new() -> Self {
        Self(Resizer::new())
    }

    /// Scales `part` of `from`, or all of it, to `width` x `height` pixels, by a triangle filter
    /// that widens with the reduction: bilinear when enlarging, and no aliasing when a large
    /// picture is made small. What lies between the rows is not looked at.
    ///
    /// # Errors
    /// [`Error::Frame`] when memory is too short or the part is not inside.
    pub fn scale(
        &mut self,
        from: &Pixels,
        part: Option<Part>,
        (width, height): (usize, usize),
        to: &mut [u8],
    ) -> Result<()> {
        match from.channels {
            1 => self.typed::<U8>(from, part, (width, height), to),
            _ => self.typed::<U8x3>(from, part, (width, height), to),
        }
    }

    fn typed<P: PixelTrait + InnerPixel>(
        &mut self,
        from: &Pixels,
        part: Option<Part>,
        (width, height): (usize, usize),
        to: &mut [u8],
    ) -> Result<()> {
        let fail = |why: &dyn std::fmt::Display| Error::Frame(why.to_string());
        let rows =
            TypedImageRef::<P>::from_buffer(from.stride as u32, from.height as u32, from.data)
                .map_err(|e| fail(&e))?;
        let (columns, lines) = (from.width as u32, from.height as u32);
        let source =
            TypedCroppedImage::from_ref(&rows, 0, 0, columns, lines).map_err(|e| fail(&e))?;
        let mut target =
            TypedImage::<P>::from_buffer(width as u32, height as u32, to).map_err(|e| fail(&e))?;
        let mut options =
            ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        if let Some((left, top, width, height)) = part {
            options = options.crop(left, top, width, height);
        }
        let outcome = self.0.resize_typed(&source, &mut target, &options);
        outcome.map_err(|e| fail(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_the_rows_is_not_seen() {
        for channels in [1, 3] {
            let (stride, width, height) = (13, 10, 6);
            let row = |x: usize| if x < width * channels { 40 } else { 255 };
            let row: Vec<u8> = (0..stride * channels).map(row).collect();
            let data = row.repeat(height);
            let from = Pixels {
                data: &data,
                channels,
                stride,
                width,
                height,
            };
            for size in [(5, 3), (4, 4), (10, 6), (17, 9)] {
                let mut to = vec![0; size.0 * size.1 * channels];
                Scaler::new().scale(&from, None, size, &mut to).unwrap();
                assert!(to.iter().all(|v| *v == 40), "{channels} {size:?}: {to:?}");
            }
        }
    }
}
