//! What a face looks like: a small picture of it, found again by correlation.

use opencv::core::{self, Mat, Point as CvPoint, Scalar, Size};
use opencv::imgproc;
use opencv::prelude::*;

use crate::frame::GrayImage;
use crate::{Point, Rect, Result};

/// Side in pixels of a face's picture.
const SIDE: i32 = 24;
/// Pixels around the face's picture in which it is searched: a third of a face.
const REACH: i32 = 8;
/// By how much the picture is smaller than the face's box: less of what is behind it.
const INNER: f32 = -0.1;

/// A small picture of a face.
pub(crate) struct Appearance(Mat);

/// Where a face was found again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sighting {
    /// The face's box.
    pub rect: Rect,
    /// Correlation with the face's picture, -1 to 1.
    pub score: f32,
}

impl Appearance {
    /// What the face at `rect` looks like.
    pub fn capture(image: &GrayImage, rect: &Rect) -> Result<Self> {
        Ok(Self(patch(image, &rect.expand(INNER), SIDE)?))
    }

    /// Searches the face near `rect`.
    pub fn find(&self, image: &GrayImage, rect: &Rect) -> Result<Sighting> {
        let inner = rect.expand(INNER);
        let searched = inner.expand(REACH as f32 / SIDE as f32);
        let (score, at) = correlate(&patch(image, &searched, SIDE + 2 * REACH)?, &self.0)?;
        let rect = Rect {
            x: rect.x + (at.x - REACH as f32) * inner.width / SIDE as f32,
            y: rect.y + (at.y - REACH as f32) * inner.height / SIDE as f32,
            ..*rect
        };
        Ok(Sighting { rect, score })
    }
}

/// The part `rect` of a picture as `side` x `side` pixels; the picture's edge is repeated
/// where `rect` reaches beyond it.
fn patch(image: &GrayImage, rect: &Rect, side: i32) -> Result<Mat> {
    let (rows, columns) = (image.height() as i32, image.width() as i32);
    let source = Mat::new_rows_cols_with_data(rows, columns, image.pixels())?;
    // Twice as fine as asked, then averaged: little aliasing when a large face shrinks.
    let fine = 2 * side;
    let step_x = f64::from(rect.width) / f64::from(fine);
    let step_y = f64::from(rect.height) / f64::from(fine);
    let to_source = Mat::from_slice_2d(&[
        [step_x, 0.0, f64::from(rect.x) + step_x / 2.0 - 0.5],
        [0.0, step_y, f64::from(rect.y) + step_y / 2.0 - 0.5],
    ])?;
    let mut sampled = Mat::default();
    imgproc::warp_affine(
        &source,
        &mut sampled,
        &to_source,
        Size::new(fine, fine),
        imgproc::INTER_LINEAR | imgproc::WARP_INVERSE_MAP,
        core::BORDER_REPLICATE,
        Scalar::default(),
    )?;
    let mut patch = Mat::default();
    let size = Size::new(side, side);
    imgproc::resize(&sampled, &mut patch, size, 0.0, 0.0, imgproc::INTER_AREA)?;
    Ok(patch)
}

/// Best normalised correlation of `template` in `image` and where, to a part of a pixel.
fn correlate(image: &Mat, template: &Mat) -> Result<(f32, Point)> {
    let mut scores = Mat::default();
    let method = imgproc::TM_CCOEFF_NORMED;
    imgproc::match_template(image, template, &mut scores, method, &core::no_array())?;
    let mut best = 0.0;
    let mut at = CvPoint::default();
    let unmasked = core::no_array();
    core::min_max_loc(
        &scores,
        None,
        Some(&mut best),
        None,
        Some(&mut at),
        &unmasked,
    )?;
    let best = best as f32;
    let score = |dx: i32, dy: i32| -> Option<f32> {
        let (x, y) = (at.x + dx, at.y + dy);
        let inside = x >= 0 && y >= 0 && x < scores.cols() && y < scores.rows();
        inside.then(|| scores.at_2d::<f32>(y, x).ok().copied())?
    };
    let at = Point {
        x: at.x as f32 + peak(score(-1, 0), best, score(1, 0)),
        y: at.y as f32 + peak(score(0, -1), best, score(0, 1)),
    };
    // A flat picture correlates with nothing; OpenCV gives 1 or an infinity for it.
    Ok((if best.is_finite() { best } else { 0.0 }, at))
}

/// Offset of the top of the parabola through three equally spaced values, the middle one
/// being the largest: -0.5 to 0.5.
fn peak(before: Option<f32>, top: f32, after: Option<f32>) -> f32 {
    let (Some(before), Some(after)) = (before, after) else {
        return 0.0;
    };
    let bend = before - 2.0 * top + after;
    if bend < -f32::EPSILON {
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blobs that look different everywhere, moved by (`dx`, `dy`).
    fn scene(dx: f32, dy: f32) -> GrayImage {
        let mut image = GrayImage::default();
        image.resize(160, 120);
        for (i, pixel) in image.pixels_mut().iter_mut().enumerate() {
            let (x, y) = ((i % 160) as f32 - dx, (i / 160) as f32 - dy);
            let value = (x * 0.31).sin() + (y * 0.23).cos() + (x * y * 0.004).sin();
            *pixel = (128.0 + 40.0 * value) as u8;
        }
        image
    }

    #[test]
    fn movement_is_measured_to_a_part_of_a_pixel() {
        let rect = Rect::new(60.0, 40.0, 40.0, 40.0);
        let face = Appearance::capture(&scene(0.0, 0.0), &rect).unwrap();
        let seen = face.find(&scene(5.5, -3.25), &rect).unwrap();
        assert!(seen.score > 0.9, "{seen:?}");
        assert!((seen.rect.x - 65.5).abs() < 0.4, "{seen:?}");
        assert!((seen.rect.y - 36.75).abs() < 0.4, "{seen:?}");
    }

    #[test]
    fn at_the_edge_and_on_a_flat_picture_nothing_breaks() {
        let image = scene(0.0, 0.0);
        let rect = Rect::new(-20.0, 90.0, 40.0, 40.0);
        let face = Appearance::capture(&image, &rect).unwrap();
        assert!(face.find(&image, &rect).unwrap().score > 0.9);
        let flat = GrayImage::from_vec(160, 120, vec![77; 160 * 120]).unwrap();
        assert!(face.find(&flat, &rect).unwrap().score < 0.5);
    }
}
