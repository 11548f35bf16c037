//! From a face in a frame to the network's input. Training, evaluation and the plugin
//! all go through [`Preparer::prepare`], so they can't differ.

use crate::model::{Color, InputSpec, Layout, Tone};
use crate::rotate::{RotatedRect, Source, upright};
use crate::scale::{Pixels, Scaler};
use crate::{Error, FaceBox, Frame, Rect, Result};

/// Tilt in radians from which a face is turned upright; networks read less than that as
/// well, and the crop stays what it is without landmarks.
const LEVEL: f32 = 0.1;

/// Crops, resizes and normalises faces; keeps its memory between calls.
#[derive(Debug)]
pub struct Preparer {
    spec: InputSpec,
    scaler: Scaler,
    region: Vec<u8>,
    square: Vec<u8>,
    rotated: Vec<u8>,
    resized: Vec<u8>,
    /// Input value of each pixel value, 256 a channel in RGB order.
    normalise: Vec<[f32; 256]>,
}

impl Preparer {
    /// A preparer for networks with this input.
    ///
    /// # Errors
    /// [`Error::Setting`] as [`InputSpec::check`].
    pub fn new(spec: &InputSpec) -> Result<Self> {
        spec.check()?;
        let channels = spec.color.channels();
        let normalise = (0..channels)
            .map(|c| {
                let (mean, std) = spec.mean_and_std(c);
                std::array::from_fn(|v| (v as f32 - mean) / std)
            })
            .collect();
        Ok(Self {
            resized: vec![0; spec.len()],
            spec: spec.clone(),
            scaler: Scaler::new(),
            region: Vec::new(),
            square: Vec::new(),
            rotated: Vec::new(),
            normalise,
        })
    }

    /// The input that faces are prepared for.
    pub fn spec(&self) -> &InputSpec {
        &self.spec
    }

    /// The part of the picture that is shown to the network for a face at `face`: the box
    /// grown by the margin, then by its shorter side to the input's aspect ratio.
    pub fn crop(&self, face: &Rect) -> Rect {
        let grown = face.expand(self.spec.margin);
        let aspect = self.spec.width as f32 / self.spec.height as f32;
        let width = grown.width.max(grown.height * aspect);
        let height = width / aspect;
        let center = grown.center();
        Rect::new(
            center.x - width / 2.0,
            center.y - height / 2.0,
            width,
            height,
        )
    }

    /// Writes the face at `face` as [`InputSpec::len`] values into `out`, in the axis order
    /// of the spec; the box is in pixels of the frame, the tilt as seen. Pixels beyond the
    /// frame's edge repeat the edge. A face that is tilted by more than some degrees is turned
    /// upright around the middle of its box.
    ///
    /// # Errors
    /// [`Error::Setting`] when the box holds no pixel of the frame.
    ///
    /// # Panics
    /// When `out` has another length.
    pub fn prepare(
        &mut self,
        frame: &Frame,
        face: impl Into<FaceBox>,
        out: &mut [f32],
    ) -> Result<()> {
        assert_eq!(out.len(), self.spec.len());
        self.resize(frame, face)?;
        let channels = self.spec.color.channels();
        let plane = self.spec.width * self.spec.height;
        let tone = self.spec.tone;
        let table = (tone != Tone::AsIs).then(|| tone.table(&self.resized));
        for (i, pixel) in self.resized.chunks_exact(channels).enumerate() {
            for c in 0..channels {
                let source = match self.spec.color {
                    Color::Bgr => channels - 1 - c,
                    Color::Gray | Color::Rgb => c,
                };
                let at = match self.spec.layout {
                    Layout::Nchw => c * plane + i,
                    Layout::Nhwc => i * channels + c,
                };
                let value = usize::from(pixel[source]);
                out[at] = match &table {
                    None => self.normalise[c][value],
                    Some(table) => {
                        let (mean, std) = self.spec.mean_and_std(c);
                        (table[value] - mean) / std
                    }
                };
            }
        }
        Ok(())
    }

    /// Writes the mirror image of a face that [`Preparer::prepare`] has prepared.
    ///
    /// # Panics
    /// When `face` or `out` is not one face.
    pub fn mirror(&self, face: &[f32], out: &mut [f32]) {
        assert_eq!((face.len(), out.len()), (self.spec.len(), self.spec.len()));
        let pixel = match self.spec.layout {
            Layout::Nchw => 1,
            Layout::Nhwc => self.spec.color.channels(),
        };
        let row = self.spec.width * pixel;
        for (from, to) in face.chunks_exact(row).zip(out.chunks_exact_mut(row)) {
            let pixels = from.chunks_exact(pixel).rev();
            for (from, to) in pixels.zip(to.chunks_exact_mut(pixel)) {
                to.copy_from_slice(from);
            }
        }
    }

    /// As [`Preparer::prepare`], stopping before normalisation: the resized pixels, 0 to
    /// 255, height x width x channels with red first.
    ///
    /// # Errors
    /// As [`Preparer::prepare`].
    pub fn resize(&mut self, frame: &Frame, face: impl Into<FaceBox>) -> Result<&[u8]> {
        let FaceBox { rect: face, tilt } = face.into();
        let inside = face.clamp(frame.width(), frame.height());
        let numbers = [face.x, face.y, face.width, face.height];
        if inside.is_empty() || !numbers.iter().all(|v| v.is_finite()) {
            return Err(Error::Setting(format!(
                "face {face:?} is outside the {}x{} frame",
                frame.width(),
                frame.height()
            )));
        }
        if frame.pixel_aspect() != 1.0 {
            return self.resize_square(frame, &face, tilt);
        }
        // A box from elsewhere may be absurdly large: nothing beyond a frame's size around
        // the frame can matter.
        let (w, h) = (frame.width() as f32, frame.height() as f32);
        let crop = self
            .crop(&face)
            .intersect(&Rect::new(-w, -h, 3.0 * w, 3.0 * h));
        if tilt.is_finite() && tilt.abs() >= LEVEL {
            let (width, height) = self.copy_upright(frame, &crop, tilt);
            let all = Rect::new(0.0, 0.0, width as f32, height as f32);
            return self.scale(width, height, &all);
        }
        let (left, top, width, height) = pixels_around(&crop);
        self.copy_region(frame, left, top, width, height);
        let part = Rect::new(
            crop.x - left as f32,
            crop.y - top as f32,
            crop.width,
            crop.height,
        );
        self.scale(width, height, &part)
    }

    /// As [`Preparer::resize`], for a frame whose pixels are not square: what is around the
    /// face is brought to square ones first.
    fn resize_square(&mut self, frame: &Frame, face: &Rect, tilt: f32) -> Result<&[u8]> {
        let (w, h) = (frame.width() as f32, frame.height() as f32);
        let aspect = frame.pixel_aspect();
        let face = face.intersect(&Rect::new(-w, -h, 3.0 * w, 3.0 * h));
        // Twice the crop, so that it may be turned.
        let around = self
            .crop(&face.stretch(aspect, 1.0))
            .expand(0.5)
            .stretch(1.0 / aspect, 1.0)
            .intersect(&Rect::new(-w, -h, 3.0 * w, 3.0 * h));
        let (left, top, width, height) = pixels_around(&around);
        self.copy_region(frame, left, top, width, height);
        // Never enlarged: the wider side of a pixel is the measure.
        let (x, y) = (aspect.min(1.0), (1.0 / aspect).min(1.0));
        let side = |length: usize, scale: f32| ((length as f32 * scale).round() as usize).max(1);
        let (to_width, to_height) = (side(width, x), side(height, y));
        let channels = self.spec.color.channels();
        let mut square = std::mem::take(&mut self.square);
        square.resize(to_width * to_height * channels, 0);
        let region = region(&self.region, channels, width, height);
        self.scaler
            .scale(&region, None, (to_width, to_height), &mut square)?;
        let (x, y) = (
            to_width as f32 / width as f32,
            to_height as f32 / height as f32,
        );
        let rect = Rect::new(
            face.x - left as f32,
            face.y - top as f32,
            face.width,
            face.height,
        )
        .stretch(x, y);
        let rotated = FaceBox { rect, tilt };
        match channels {
            1 => self.resize(&Frame::gray(&square, to_width, to_height)?, rotated)?,
            _ => self.resize(&Frame::rgb(&square, to_width, to_height)?, rotated)?,
        };
        self.square = square;
        Ok(&self.resized)
    }

    /// Scales a part of the copied region, which is `width` x `height` pixels, to the
    /// network's input.
    fn scale(&mut self, width: usize, height: usize, part: &Rect) -> Result<&[u8]> {
        let (x, across) = span(part.x, part.width, width);
        let (y, down) = span(part.y, part.height, height);
        let region = region(&self.region, self.spec.color.channels(), width, height);
        let size = (self.spec.width, self.spec.height);
        self.scaler
            .scale(&region, Some((x, y, across, down)), size, &mut self.resized)?;
        Ok(&self.resized)
    }

    /// Copies what lies in `crop` turned by `tilt` around its middle, upright; width and
    /// height of the copy.
    fn copy_upright(&mut self, frame: &Frame, crop: &Rect, tilt: f32) -> (usize, usize) {
        let center = crop.center();
        let mut rotated = RotatedRect {
            center: (center.x, center.y),
            size: (crop.width, crop.height),
            angle: tilt,
        };
        let (half_width, half_height) = rotated.half_extent();
        let around = Rect::new(
            center.x - half_width,
            center.y - half_height,
            2.0 * half_width,
            2.0 * half_height,
        );
        let (left, top, width, height) = pixels_around(&around);
        self.copy_region(frame, left, top, width, height);
        rotated.center = (center.x - left as f32, center.y - top as f32);
        let source = Source {
            pixels: &self.region,
            width,
            height,
            channels: self.spec.color.channels(),
        };
        let side = |length: f32| (length.ceil() as usize).max(1);
        let (width, height) = (side(crop.width), side(crop.height));
        upright(&source, &rotated, width, height, &mut self.rotated);
        std::mem::swap(&mut self.region, &mut self.rotated);
        (width, height)
    }

    /// Copies a region in full-range grey or RGB; it may reach beyond the frame.
    fn copy_region(&mut self, frame: &Frame, left: isize, top: isize, width: usize, height: usize) {
        let channels = self.spec.color.channels();
        self.region.resize(width * height * channels, 0);
        let (last_x, last_y) = (frame.width() as isize - 1, frame.height() as isize - 1);
        // Columns of the region that lie inside the frame; at least one always does.
        let first = (-left).clamp(0, width as isize - 1) as usize;
        let end = (last_x + 1 - left).clamp(first as isize + 1, width as isize) as usize;
        let x = (left + first as isize).clamp(0, last_x) as usize;
        for (i, row) in self.region.chunks_exact_mut(width * channels).enumerate() {
            let y = (top + i as isize).clamp(0, last_y) as usize;
            let inner = &mut row[first * channels..end * channels];
            match self.spec.color {
                Color::Gray => frame.gray_row(y, x, inner),
                Color::Rgb | Color::Bgr => frame.rgb_row(y, x, inner),
            }
            for column in 0..first {
                row.copy_within(first * channels..(first + 1) * channels, column * channels);
            }
            for column in end..width {
                row.copy_within((end - 1) * channels..end * channels, column * channels);
            }
        }
    }
}

/// A copied region as a picture without gaps.
fn region(data: &[u8], channels: usize, width: usize, height: usize) -> Pixels<'_> {
    Pixels {
        data,
        channels,
        stride: width,
        width,
        height,
    }
}

/// Where a part of `length` from `start` on begins in a picture of `size` pixels, and how long
/// it is there. Positions in frames are rounded to 32 bits, so a part may seem to reach a
/// little beyond the very pixels that were copied for it, which the resizer refuses.
fn span(start: f32, length: f32, size: usize) -> (f64, f64) {
    /// Less is nothing that could be enlarged.
    const LEAST: f64 = 1e-3;
    let size = size as f64;
    let start = f64::from(start).clamp(0.0, size - LEAST);
    (start, f64::from(length).clamp(LEAST, size - start))
}

/// Left, top, width and height of the whole pixels that `rect` touches, at least one.
fn pixels_around(rect: &Rect) -> (isize, isize, usize, usize) {
    let (left, top) = (rect.x.floor() as isize, rect.y.floor() as isize);
    let width = (rect.right().ceil() as isize - left).max(1) as usize;
    let height = (rect.bottom().ceil() as isize - top).max(1) as usize;
    (left, top, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(size: usize, color: Color) -> InputSpec {
        InputSpec {
            width: size,
            height: size,
            color,
            layout: Layout::Nchw,
            mean: vec![0.0],
            std: vec![1.0],
            margin: 0.0,
            tone: Tone::AsIs,
        }
    }

    #[test]
    fn a_face_of_the_input_size_is_taken_as_it_is() {
        let pixels: Vec<u8> = (0..16).map(|v| v * 16).collect();
        let frame = Frame::gray(&pixels, 4, 4).unwrap();
        let mut out = [0.0; 16];
        Preparer::new(&spec(4, Color::Gray))
            .unwrap()
            .prepare(&frame, &Rect::new(0.0, 0.0, 4.0, 4.0), &mut out)
            .unwrap();
        let back: Vec<u8> = out.iter().map(|v| *v as u8).collect();
        assert_eq!(back, pixels);
    }

    #[test]
    fn channels_are_ordered_and_normalised_one_by_one() {
        let frame_data = [10u8, 20, 30].repeat(4);
        let frame = Frame::rgb(&frame_data, 2, 2).unwrap();
        let mut bgr = spec(2, Color::Bgr);
        bgr.mean = vec![30.0, 10.0, 0.0];
        bgr.std = vec![1.0, 10.0, 5.0];
        let mut out = [0.0; 12];
        let face = Rect::new(0.0, 0.0, 2.0, 2.0);
        let mut prepare = |spec: &InputSpec| {
            Preparer::new(spec)
                .unwrap()
                .prepare(&frame, &face, &mut out)
                .unwrap();
            out
        };
        let want = [0.0f32, 1.0, 2.0];
        let planar = prepare(&bgr);
        bgr.layout = Layout::Nhwc;
        let packed = prepare(&bgr);
        for c in 0..3 {
            assert!(planar[c * 4..][..4].iter().all(|v| *v == want[c]));
            assert!(packed.iter().skip(c).step_by(3).all(|v| *v == want[c]));
        }
    }

    #[test]
    fn a_crop_beyond_the_edge_repeats_the_edge() {
        let frame_data = [50u8, 200, 50, 200];
        let frame = Frame::gray(&frame_data, 2, 2).unwrap();
        let mut out = [0.0; 16];
        Preparer::new(&spec(4, Color::Gray))
            .unwrap()
            .prepare(&frame, &Rect::new(-1.0, -1.0, 4.0, 4.0), &mut out)
            .unwrap();
        for row in out.chunks_exact(4) {
            assert_eq!(row, [50.0, 50.0, 200.0, 200.0]);
        }
    }

    /// Found on photographs: 32-bit positions whose sum is a little more than the picture.
    #[test]
    fn any_box_that_holds_a_pixel_is_prepared() {
        let mut state = 7u64;
        let mut unit = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let data = vec![128u8; 1200 * 1600];
        let mut prepared = 0;
        for round in 0..3000 {
            let (width, height) =
                [(1024, 768), (1200, 1600), (400, 400), (7, 3), (1, 1)][round % 5];
            let frame = Frame::gray(&data[..width * height], width, height).unwrap();
            let mut spec = spec(48, Color::Gray);
            spec.margin = [0.0, 0.3, -0.4, 2.0][round % 4];
            // Inside, across an edge, tiny, larger than the frame.
            let scale = [1.0, 0.3, 1e-3, 1e5][round % 4];
            let side = (width as f32 * scale * unit()).max(1e-6);
            let rect = Rect::new(
                (width as f32 + side) * unit() - side,
                (height as f32 + side) * unit() - side,
                side,
                side * (0.5 + unit()),
            );
            let tilt = if round % 3 == 0 {
                6.0 * unit() - 3.0
            } else {
                0.0
            };
            let mut out = [0.0; 48 * 48];
            let face = FaceBox { rect, tilt };
            let result = Preparer::new(&spec)
                .unwrap()
                .prepare(&frame, face, &mut out);
            if rect.clamp(width, height).is_empty() {
                continue;
            }
            result.unwrap_or_else(|e| panic!("{width}x{height} {rect:?} {tilt}: {e}"));
            assert!(
                out.iter().all(|v| *v == 128.0),
                "{width}x{height} {rect:?} {tilt}"
            );
            prepared += 1;
        }
        assert!(prepared > 2000, "{prepared}");
    }

    #[test]
    fn the_tone_of_a_face_makes_up_for_its_light() {
        let bright: Vec<u8> = (0..64).map(|i| 80 + (i * 29 % 120) as u8).collect();
        let dim: Vec<u8> = bright.iter().map(|v| v / 2).collect();
        let prepare = |pixels: &[u8], tone| {
            let mut out = [0.0; 64];
            let frame = Frame::gray(pixels, 8, 8).unwrap();
            let spec = InputSpec {
                tone,
                mean: vec![127.5],
                std: vec![127.5],
                ..spec(8, Color::Gray)
            };
            Preparer::new(&spec)
                .unwrap()
                .prepare(&frame, &Rect::new(0.0, 0.0, 8.0, 8.0), &mut out)
                .unwrap();
            out
        };
        let apart = |tone| {
            let (a, b) = (prepare(&bright, tone), prepare(&dim, tone));
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max)
        };
        assert!(apart(Tone::AsIs) > 0.3);
        assert!(apart(Tone::Standardize) < 0.05 && apart(Tone::Equalize) < 0.05);
    }

    #[test]
    fn a_box_without_pixels_is_an_error() {
        let data = [0; 4];
        let frame = Frame::gray(&data, 2, 2).unwrap();
        let mut preparer = Preparer::new(&spec(4, Color::Gray)).unwrap();
        for face in [
            Rect::new(5.0, 0.0, 3.0, 3.0),
            Rect::new(0.0, 0.0, 0.0, 3.0),
            Rect::new(0.0, 0.0, f32::INFINITY, 3.0),
            Rect::new(f32::NAN, 0.0, 3.0, 3.0),
        ] {
            assert!(preparer.prepare(&frame, &face, &mut [0.0; 16]).is_err());
        }
    }

    #[test]
    fn a_tilted_face_is_turned_upright_and_a_level_one_left_alone() {
        // Bright above, dark below, and the same turned by 90 degrees clockwise.
        let upright: Vec<u8> = (0..64).map(|i| 250 - 30 * (i / 8) as u8).collect();
        let rotated: Vec<u8> = (0..64).map(|i| 40 + 30 * (i % 8) as u8).collect();
        let rect = Rect::new(0.0, 0.0, 8.0, 8.0);
        let prepare = |pixels: &[u8], tilt: f32| {
            let mut out = [0.0; 64];
            let frame = Frame::gray(pixels, 8, 8).unwrap();
            Preparer::new(&spec(8, Color::Gray))
                .unwrap()
                .prepare(&frame, FaceBox { rect, tilt }, &mut out)
                .unwrap();
            out
        };
        let want = prepare(&upright, 0.0);
        assert_eq!(prepare(&rotated, std::f32::consts::FRAC_PI_2), want);
        assert_eq!(prepare(&upright, 0.05), want);
        assert_eq!(prepare(&upright, f32::NAN), want);
        // A box at the frame's edge, turned so that its corners lie outside.
        assert!(
            prepare(&upright, 0.7)
                .iter()
                .all(|v| (40.0..=250.0).contains(v))
        );
    }
}
