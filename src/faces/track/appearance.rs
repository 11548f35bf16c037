//! What a face looks like: a small picture of it, found again by correlation.

use crate::frame::GrayImage;
use crate::{Point, Rect};

/// Side in pixels of a face's picture.
const SIDE: usize = 24;
/// Pixels around the face's picture in which it is searched: a third of a face.
const REACH: usize = 8;
/// By how much the picture is smaller than the face's box: less of what is behind it.
const INNER: f32 = -0.1;

/// A small picture of a face.
pub(crate) struct Appearance(Patch);

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
    pub fn capture(image: &GrayImage, rect: &Rect) -> Self {
        Self(Patch::of(image, &rect.expand(INNER), SIDE))
    }

    /// Searches the face near `rect`.
    pub fn find(&self, image: &GrayImage, rect: &Rect) -> Sighting {
        let inner = rect.expand(INNER);
        let searched = inner.expand(REACH as f32 / SIDE as f32);
        let (score, at) = Patch::of(image, &searched, SIDE + 2 * REACH).find(&self.0);
        let rect = Rect {
            x: rect.x + (at.x - REACH as f32) * inner.width / SIDE as f32,
            y: rect.y + (at.y - REACH as f32) * inner.height / SIDE as f32,
            ..*rect
        };
        Sighting { rect, score }
    }
}

/// A small square picture.
struct Patch {
    side: usize,
    values: Vec<f32>,
}

/// Where a row or column of samples lies in a picture: two of its rows or columns, and the
/// share of the second.
fn samples(start: f32, length: f32, count: usize, limit: usize) -> Vec<(usize, usize, f32)> {
    let step = length / count as f32;
    let last = (limit - 1) as f32;
    let sample = |i: usize| {
        // Middles of pixels are whole numbers; the picture's edge is repeated beyond it.
        let at = (start + (i as f32 + 0.5) * step - 0.5).clamp(0.0, last);
        let first = at as usize;
        (first, (first + 1).min(limit - 1), at.fract())
    };
    (0..count).map(sample).collect()
}

impl Patch {
    /// The part `rect` of a picture as `side` x `side` pixels; the picture's edge is repeated
    /// where `rect` reaches beyond it.
    fn of(image: &GrayImage, rect: &Rect, side: usize) -> Self {
        // Twice as fine as asked, then averaged: little aliasing when a large face shrinks.
        let fine = 2 * side;
        let columns = samples(rect.x, rect.width, fine, image.width());
        let rows = samples(rect.y, rect.height, fine, image.height());
        let first = columns.first().map_or(0, |column| column.0);
        let last = columns.last().map_or(0, |column| column.1);
        let mut blended = vec![0.0; last + 1 - first];
        let mut values = vec![0.0; side * side];
        for (y, (top, bottom, below)) in rows.into_iter().enumerate() {
            let line = |row: usize| &image.pixels()[row * image.width()..][first..=last];
            let lines = line(top).iter().zip(line(bottom));
            for (blended, (top, bottom)) in blended.iter_mut().zip(lines) {
                let (top, bottom) = (f32::from(*top), f32::from(*bottom));
                *blended = (top + (bottom - top) * below) / 4.0;
            }
            let out = &mut values[y / 2 * side..][..side];
            for (out, pair) in out.iter_mut().zip(columns.chunks_exact(2)) {
                for (left, right, beside) in pair {
                    let (left, right) = (blended[left - first], blended[right - first]);
                    *out += left + (right - left) * beside;
                }
            }
        }
        Self { side, values }
    }

    /// Best normalised correlation of `template` in this picture and where, to a part of a
    /// pixel: `sum((I - mean I) (T - mean T)) / sqrt(sum (I - mean I)^2 sum (T - mean T)^2)`,
    /// as `TM_CCOEFF_NORMED` of OpenCV's `matchTemplate`.
    fn find(&self, template: &Patch) -> (f32, Point) {
        let places = self.side - template.side + 1;
        let n = template.values.len() as f32;
        let mean = template.values.iter().sum::<f32>() / n;
        let template_values: Vec<f32> = template.values.iter().map(|v| v - mean).collect();
        let energy: f32 = template_values.iter().map(|v| v * v).sum();
        let sums = Sums::of(self.side, self.values.iter().map(|v| f64::from(*v)));
        let squares = self.values.iter().map(|v| f64::from(*v).powi(2));
        let squares = Sums::of(self.side, squares);
        let mut scores = vec![0.0; places * places];
        for (i, score) in scores.iter_mut().enumerate() {
            let (top, left) = (i / places, i % places);
            let mut product = 0.0;
            for (row, template) in template_values.chunks_exact(template.side).enumerate() {
                let line = &self.values[(top + row) * self.side + left..][..template.len()];
                product += dot(line, template);
            }
            let within = |sums: &Sums| sums.within(top, left, template.side);
            let squares = within(&squares);
            let spread = squares - within(&sums).powi(2) / f64::from(n);
            // A flat picture correlates with nothing.
            if spread > f64::from(f32::EPSILON) * squares {
                *score = product / (energy * spread as f32).sqrt();
            }
        }
        let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let best = best.unwrap_or(0);
        let (y, x) = (best / places, best % places);
        let near = |dx: isize, dy: isize| {
            let (x, y) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
            (x < places && y < places).then(|| scores[y * places + x])
        };
        let top = scores[best];
        let at = Point {
            x: x as f32 + peak(near(-1, 0), top, near(1, 0)),
            y: y as f32 + peak(near(0, -1), top, near(0, 1)),
        };
        (top, at)
    }
}

/// Sums over all that lies above and left of each place of a square picture.
struct Sums {
    width: usize,
    sums: Vec<f64>,
}

impl Sums {
    fn of(side: usize, values: impl Iterator<Item = f64>) -> Self {
        let width = side + 1;
        let mut sums = vec![0.0; width * width];
        for (i, value) in values.enumerate() {
            let at = (i / side + 1) * width + i % side + 1;
            sums[at] = value + sums[at - 1] + sums[at - width] - sums[at - width - 1];
        }
        Self { width, sums }
    }

    /// The sum over the square of `side` pixels whose corner is there.
    fn within(&self, top: usize, left: usize, side: usize) -> f64 {
        let at = |row: usize, column: usize| self.sums[row * self.width + column];
        at(top + side, left + side) - at(top, left + side) - at(top + side, left) + at(top, left)
    }
}

/// Sum of the products; in several sums, so that they can be had at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const { assert!(SIDE.is_multiple_of(8)) };
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for i in 0..8 {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum()
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
        let face = Appearance::capture(&scene(0.0, 0.0), &rect);
        let seen = face.find(&scene(5.5, -3.25), &rect);
        assert!(seen.score > 0.9, "{seen:?}");
        assert!((seen.rect.x - 65.5).abs() < 0.4, "{seen:?}");
        assert!((seen.rect.y - 36.75).abs() < 0.4, "{seen:?}");
    }

    #[test]
    fn at_the_edge_and_on_a_flat_picture_nothing_breaks() {
        let image = scene(0.0, 0.0);
        let rect = Rect::new(-20.0, 90.0, 40.0, 40.0);
        let face = Appearance::capture(&image, &rect);
        assert!(face.find(&image, &rect).score > 0.9);
        let flat = GrayImage::from_vec(160, 120, vec![77; 160 * 120]).unwrap();
        assert!(face.find(&flat, &rect).score < 0.5);
    }
}
