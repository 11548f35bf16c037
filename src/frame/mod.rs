//! A borrowed video frame in any 8-bit YUV, grey or RGB layout, and what the rest of
//! the crate needs of it: luma for detection, grey or RGB rows for crops.
//!
//! Nothing here copies a frame: planar luma is used in place, packed and RGB pixels
//! are converted row by row, only where they are looked at.

mod gray;
mod orientation;
mod rows;

pub use gray::GrayImage;
pub use orientation::Orientation;

use crate::{Error, Result};

/// One colour component of a frame, wherever it lies in memory.
#[derive(Debug, Clone, Copy)]
pub struct Component<'a> {
    /// Memory that starts with the component's first sample.
    pub data: &'a [u8],
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Bytes from a sample to the next: 1 planar, 2 for the luma of YUY2, 4 for RGBx.
    pub step: usize,
    /// Horizontal subsampling as a power of two (1 for 4:2:0 chroma).
    pub sub_x: u32,
    /// Vertical subsampling as a power of two.
    pub sub_y: u32,
}

impl<'a> Component<'a> {
    /// A full-resolution component.
    pub fn new(data: &'a [u8], stride: usize, step: usize) -> Self {
        Self {
            data,
            stride,
            step,
            sub_x: 0,
            sub_y: 0,
        }
    }

    /// The same with subsampling, as powers of two.
    pub fn subsampled(mut self, sub_x: u32, sub_y: u32) -> Self {
        self.sub_x = sub_x;
        self.sub_y = sub_y;
        self
    }

    fn check(&self, width: usize, height: usize, name: &str) -> Result<()> {
        let w = width.div_ceil(1 << self.sub_x);
        let h = height.div_ceil(1 << self.sub_y);
        let row = (w - 1)
            .checked_mul(self.step)
            .and_then(|row| row.checked_add(1));
        let needed = row.and_then(|row| {
            (h - 1)
                .checked_mul(self.stride)
                .and_then(|rows| rows.checked_add(row))
        });
        match needed {
            Some(needed)
                if self.step > 0
                    && self.data.len() >= needed
                    && (h == 1 || self.stride >= row.unwrap_or(usize::MAX)) =>
            {
                Ok(())
            }
            _ => Err(Error::Frame(format!(
                "{name} plane of {w}x{h} does not fit {} bytes with stride {}",
                self.data.len(),
                self.stride
            ))),
        }
    }
}

/// The components of a frame.
#[derive(Debug, Clone, Copy)]
pub enum Pixels<'a> {
    /// Luma alone.
    Gray(Component<'a>),
    /// Luma and chroma.
    Yuv {
        /// Luma, full resolution.
        y: Component<'a>,
        /// Blue difference.
        u: Component<'a>,
        /// Red difference.
        v: Component<'a>,
    },
    /// Red, green and blue, each at full resolution.
    Rgb {
        /// Red.
        r: Component<'a>,
        /// Green.
        g: Component<'a>,
        /// Blue.
        b: Component<'a>,
    },
}

/// Values that luma takes between black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// 16 to 235, as in most video.
    Limited,
    /// 0 to 255, as in JPEG and RGB.
    #[default]
    Full,
}

/// Weights of red, green and blue in luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, JPEG.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

impl Matrix {
    /// The weights of red and blue; green has the rest.
    fn kr_kb(self) -> (f32, f32) {
        match self {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
            Matrix::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// A frame of video, or a picture.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    width: usize,
    height: usize,
    pixels: Pixels<'a>,
    range: Range,
    matrix: Matrix,
    pixel_aspect: f32,
    orientation: Orientation,
}

impl<'a> Frame<'a> {
    /// A frame of `width` x `height` pixels over memory that is checked to hold it.
    ///
    /// # Errors
    /// [`Error::Frame`] when a side is zero or a component's memory is too short.
    pub fn new(width: usize, height: usize, pixels: Pixels<'a>) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::Frame(format!("size {width}x{height}")));
        }
        let named: &[(&str, &Component)] = match &pixels {
            Pixels::Gray(y) => &[("luma", y)],
            Pixels::Yuv { y, u, v } => &[("luma", y), ("U", u), ("V", v)],
            Pixels::Rgb { r, g, b } => &[("red", r), ("green", g), ("blue", b)],
        };
        for (name, component) in named {
            component.check(width, height, name)?;
        }
        Ok(Self {
            width,
            height,
            pixels,
            range: Range::default(),
            matrix: Matrix::default(),
            pixel_aspect: 1.0,
            orientation: Orientation::Upright,
        })
    }

    /// A grey picture of `width` x `height` bytes without padding.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn gray(data: &'a [u8], width: usize, height: usize) -> Result<Self> {
        Self::new(width, height, Pixels::Gray(Component::new(data, width, 1)))
    }

    /// An RGB picture of `width` x `height` x 3 bytes without padding.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn rgb(data: &'a [u8], width: usize, height: usize) -> Result<Self> {
        let from = |offset: usize| Component::new(data.get(offset..).unwrap_or(&[]), width * 3, 3);
        Self::new(
            width,
            height,
            Pixels::Rgb {
                r: from(0),
                g: from(1),
                b: from(2),
            },
        )
    }

    /// The same frame with the range and the matrix of its luma.
    pub fn with_colorimetry(mut self, range: Range, matrix: Matrix) -> Self {
        self.range = range;
        self.matrix = matrix;
        self
    }

    /// The same frame with pixels that are `aspect` times as wide as high; values that no
    /// pixel can have are taken for square ones.
    pub fn with_pixel_aspect(mut self, aspect: f32) -> Self {
        let sensible = (0.05..=20.0).contains(&aspect);
        self.pixel_aspect = if sensible { aspect } else { 1.0 };
        self
    }

    /// The same memory, seen upright: width, height, rows, boxes and the pixels' aspect are
    /// those of the upright picture from here on. Nothing is copied; rows of frames that are
    /// turned are read pixel by pixel, which takes some nanoseconds each.
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        let (width, height) = self.stored_size();
        let was_turned = self.orientation.swaps_sides();
        if orientation.swaps_sides() != was_turned {
            self.pixel_aspect = 1.0 / self.pixel_aspect;
        }
        (self.width, self.height) = match orientation.swaps_sides() {
            true => (height, width),
            false => (width, height),
        };
        self.orientation = orientation;
        self
    }

    /// Width and height as the frame lies in memory.
    fn stored_size(&self) -> (usize, usize) {
        match self.orientation.swaps_sides() {
            true => (self.height, self.width),
            false => (self.width, self.height),
        }
    }

    /// Width of a pixel in proportion to its height.
    pub fn pixel_aspect(&self) -> f32 {
        self.pixel_aspect
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }
}
