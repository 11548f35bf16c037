//! The small grey picture on which faces are looked for; its pixels are square, whatever
//! those of the frame are.

use crate::frame::GrayImage;
use crate::scale::{Pixels, Scaler};
use crate::{Frame, Result};

/// A frame's luma, scaled down.
pub(crate) struct WorkImage {
    image: GrayImage,
    luma: GrayImage,
    scaler: Scaler,
    scale: Scale,
}

/// Pixels of the picture for one of the frame's, at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub x: f32,
    pub y: f32,
}

impl WorkImage {
    pub fn new() -> Self {
        Self {
            image: GrayImage::default(),
            luma: GrayImage::default(),
            scaler: Scaler::new(),
            scale: Scale { x: 1.0, y: 1.0 },
        }
    }

    /// The picture.
    pub fn image(&self) -> &GrayImage {
        &self.image
    }

    /// How the picture relates to the frame.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Takes the next frame, at `scale` pixels for one of the frame's from top to bottom;
    /// never enlarged.
    pub fn load(&mut self, frame: &Frame, scale: f32) -> Result<()> {
        let aspect = frame.pixel_aspect();
        let across = (scale.min(1.0) * aspect).min(1.0);
        let scaled =
            |side: usize, scale: f32| ((side as f32 * scale).round() as usize).clamp(1, side);
        let (width, height) = (
            scaled(frame.width(), across),
            scaled(frame.height(), across / aspect),
        );
        let across = width as f32 / frame.width() as f32;
        self.scale = Scale {
            x: across,
            y: across / aspect,
        };
        // Rows with padding are read in place; the last row may lack its padding.
        let in_place = frame
            .luma_in_place()
            .filter(|(data, stride)| data.len() >= stride * frame.height());
        let (data, stride) = match in_place {
            Some(luma) => luma,
            None => {
                let target = if width == frame.width() && height == frame.height() {
                    &mut self.image
                } else {
                    &mut self.luma
                };
                frame.copy_luma(target);
                (self.luma.pixels(), self.luma.width())
            }
        };
        self.image.resize(width, height);
        if width == frame.width() && height == frame.height() {
            if in_place.is_some() {
                let rows = self.image.pixels_mut().chunks_exact_mut(width);
                for (to, from) in rows.zip(data.chunks_exact(stride)) {
                    to.copy_from_slice(&from[..width]);
                }
            }
            return Ok(());
        }
        let from = Pixels {
            data,
            channels: 1,
            stride,
            width: frame.width(),
            height: frame.height(),
        };
        let pixels = self.image.pixels_mut();
        self.scaler.scale(&from, None, (width, height), pixels)
    }
}
