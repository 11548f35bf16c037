//! What cameras, lenses, light and codecs do to a face of [`SIDE`] x [`SIDE`] grey values of 0
//! to 255. Training draws from it (`augment`), evaluation measures by it (`eval::corruptions`).
//!
//! After the kinds of corruption of Hendrycks and Dietterich 2019, "Benchmarking neural
//! network robustness to common corruptions and perturbations", as far as a grey face of this
//! size knows them.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::SIDE;
use crate::rng::Rng;

/// Pixels of a picture.
const PICTURE: usize = SIDE * SIDE;

/// A face that was `side` pixels wide: brought to that size, changed there by `at_size`, and
/// brought back, both by the filter with which the plugin resizes faces.
///
/// # Panics
/// When `side` is 0, or `pixels` is no picture.
pub fn at_resolution(pixels: &mut [f32], side: usize, at_size: impl FnOnce(&mut [f32])) {
    if side == SIDE {
        return at_size(pixels);
    }
    let mut small = resize(pixels, SIDE, side);
    at_size(&mut small);
    pixels.copy_from_slice(&resize(&small, side, SIDE));
}

fn resize(pixels: &[f32], from: usize, to: usize) -> Vec<f32> {
    let values: Vec<F32> = pixels.iter().map(|v| F32::new(*v)).collect();
    let source = TypedImageRef::new(from as u32, from as u32, &values).expect("as many as sides");
    let mut target = TypedImage::<F32>::new(to as u32, to as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("neither is empty");
    target.pixels().iter().map(|pixel| pixel.0).collect()
}

/// Gaussian blur of `sigma` pixels; beyond the edge lies more of the edge.
pub fn blur(pixels: &mut [f32], sigma: f32) {
    if sigma <= 0.0 {
        return;
    }
    let radius = (3.0 * sigma).ceil() as isize;
    let weights: Vec<f32> = (-radius..=radius)
        .map(|d| (-0.5 * (d as f32 / sigma).powi(2)).exp())
        .collect();
    let sum: f32 = weights.iter().sum();
    let last = SIDE as isize - 1;
    let mut rows = vec![0.0; PICTURE];
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = |d: isize| pixels[y * SIDE + (x as isize + d).clamp(0, last) as usize];
            let taps = weights.iter().zip(-radius..);
            rows[y * SIDE + x] = taps.map(|(w, d)| w * at(d)).sum::<f32>() / sum;
        }
    }
    pixels.fill(0.0);
    for y in 0..SIDE {
        let out = &mut pixels[y * SIDE..][..SIDE];
        for (w, d) in weights.iter().zip(-radius..) {
            let from = (y as isize + d).clamp(0, last) as usize * SIDE;
            for (out, value) in out.iter_mut().zip(&rows[from..from + SIDE]) {
                *out += w / sum * value;
            }
        }
    }
}

/// A head or a camera that moves while the shutter is open: the mean along `length` pixels in
/// the direction of `angle` radians.
pub fn motion(pixels: &mut [f32], length: f32, angle: f32) {
    let steps = length.ceil() as usize + 1;
    if steps < 2 || length <= 0.0 {
        return;
    }
    let (sin, cos) = angle.sin_cos();
    let sharp = pixels.to_vec();
    for (i, value) in pixels.iter_mut().enumerate() {
        let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
        let along = (0..steps).map(|s| {
            let t = length * (s as f32 / (steps - 1) as f32 - 0.5);
            look_up(&sharp, x + t * cos, y + t * sin)
        });
        *value = along.sum::<f32>() / steps as f32;
    }
}

/// Bilinear look-up; beyond the edge lies more of the edge.
pub(crate) fn look_up(pixels: &[f32], x: f32, y: f32) -> f32 {
    let last = SIDE - 1;
    let (x, y) = (x.clamp(0.0, last as f32), y.clamp(0.0, last as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(last), (y0 + 1).min(last));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let at = |x: usize, y: usize| pixels[y * SIDE + x];
    let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
    let bottom = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
    top * (1.0 - fy) + bottom * fy
}

/// Sensor noise: Gaussian of deviation `sigma` on every value.
pub fn noise(pixels: &mut [f32], sigma: f32, rng: &mut Rng) {
    for value in pixels {
        *value += sigma * rng.normal();
    }
}

/// JPEG of `quality` 1 to 100, and back.
///
/// # Panics
/// When `pixels` is not a square.
pub fn jpeg(pixels: &mut [f32], quality: u8) {
    let side = pixels.len().isqrt();
    assert_eq!(side * side, pixels.len(), "not a square");
    let grey: Vec<u8> = pixels.iter().map(|v| v.round() as u8).collect();
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode(&grey, side as u32, side as u32, ExtendedColorType::L8)
        .expect("memory takes any picture");
    let read = image::load_from_memory_with_format(&file, image::ImageFormat::Jpeg)
        .expect("what was just written")
        .into_luma8();
    for (value, grey) in pixels.iter_mut().zip(read.into_raw()) {
        *value = f32::from(grey);
    }
}

/// Differences from middle grey times `factor`, as far as they fit 0 to 255.
pub fn contrast(pixels: &mut [f32], factor: f32) {
    for value in pixels {
        *value = (127.5 + (*value - 127.5) * factor).clamp(0.0, 255.0);
    }
}

/// More or less light: `offset` on every value, as far as it fits 0 to 255.
pub fn brightness(pixels: &mut [f32], offset: f32) {
    for value in pixels {
        *value = (*value + offset).clamp(0.0, 255.0);
    }
}

/// A camera's gradation: values of 0 to 1 to the power of `gamma`; above 1 is darker.
pub fn gamma(pixels: &mut [f32], gamma: f32) {
    for value in pixels {
        *value = 255.0 * (*value / 255.0).clamp(0.0, 1.0).powf(gamma);
    }
}

/// Light from one side: values times 1 + `strength` on the side that `angle` (radians) points
/// to and 1 - `strength` on the other.
pub fn side_light(pixels: &mut [f32], strength: f32, angle: f32) {
    let (sin, cos) = angle.sin_cos();
    let middle = (SIDE - 1) as f32 / 2.0;
    for (i, value) in pixels.iter_mut().enumerate() {
        let (x, y) = ((i % SIDE) as f32 - middle, (i / SIDE) as f32 - middle);
        let along = ((cos * x + sin * y) / middle).clamp(-1.0, 1.0);
        *value = (*value * (1.0 + strength * along)).clamp(0.0, 255.0);
    }
}

/// Something before the face: a rectangle of one grey value.
pub fn cover(pixels: &mut [f32], x: usize, y: usize, width: usize, height: usize, grey: f32) {
    for row in pixels.chunks_exact_mut(SIDE).skip(y).take(height) {
        let end = (x + width).min(SIDE);
        row[x.min(end)..end].fill(grey);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One bright pixel in the middle of a dark picture.
    fn spot() -> Vec<f32> {
        let mut pixels = vec![50.0; PICTURE];
        pixels[24 * SIDE + 24] = 250.0;
        pixels
    }

    fn sum(pixels: &[f32]) -> f64 {
        pixels.iter().map(|v| f64::from(*v)).sum()
    }

    fn largest(pixels: &[f32]) -> f32 {
        pixels.iter().copied().fold(0.0, f32::max)
    }

    #[test]
    fn blurs_spread_light_and_lose_none() {
        for change in [
            (|p| blur(p, 1.5)) as fn(&mut [f32]),
            |p| motion(p, 6.0, 0.6),
            |p| at_resolution(p, 16, |_| ()),
        ] {
            let mut pixels = spot();
            change(&mut pixels);
            assert!(largest(&pixels) < 150.0, "{}", largest(&pixels));
            let off = (sum(&pixels) - sum(&spot())).abs();
            assert!(off < 20.0, "{off}");
        }
    }

    #[test]
    fn nothing_of_each_changes_nothing() {
        let mut pixels = spot();
        blur(&mut pixels, 0.0);
        motion(&mut pixels, 0.0, 1.0);
        at_resolution(&mut pixels, SIDE, |_| ());
        noise(&mut pixels, 0.0, &mut Rng::new(1));
        contrast(&mut pixels, 1.0);
        brightness(&mut pixels, 0.0);
        side_light(&mut pixels, 0.0, 2.0);
        cover(&mut pixels, 60, 60, 5, 5, 0.0);
        assert_eq!(pixels, spot());
    }

    #[test]
    fn noise_has_its_deviation() {
        let mut pixels = vec![100.0; PICTURE];
        noise(&mut pixels, 15.0, &mut Rng::new(1));
        let squares = pixels.iter().map(|v| f64::from(v - 100.0).powi(2));
        let deviation = (squares.sum::<f64>() / PICTURE as f64).sqrt();
        assert!((14.0..16.0).contains(&deviation), "{deviation}");
    }

    #[test]
    fn jpeg_keeps_the_picture_and_loses_more_at_low_quality() {
        let mut picture = vec![120.0; PICTURE];
        noise(&mut picture, 30.0, &mut Rng::new(2));
        let loss = |quality| {
            let mut pixels = picture.clone();
            jpeg(&mut pixels, quality);
            let pairs = pixels.iter().zip(&picture);
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>() / PICTURE as f32
        };
        assert!(loss(95) < 20.0 && loss(95) < loss(30) && loss(30) < loss(5));
    }

    #[test]
    fn light_from_a_side_brightens_that_side() {
        let mut pixels = vec![100.0; PICTURE];
        side_light(&mut pixels, 0.5, 0.0);
        assert!((pixels[47] - 150.0).abs() < 0.1 && (pixels[0] - 50.0).abs() < 0.1);
    }
}
