//! Other ways of looking at a picture with a cascade, which knows only upright faces of one
//! kind in the middle of something: turned, mirrored, and with a border around it.

use crate::frame::GrayImage;
use crate::rotate::RotatedRect;
use crate::{Point, Rect};

/// Share of a picture's side that is added at each edge. OpenCV's frontal cascade finds 9 % of
/// faces that fill their picture without, and each of them with it.
const BORDER: f32 = 1.0 / 3.0;

/// How a picture is shown to a cascade.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct View {
    /// Clockwise tilt in radians of the faces that are shown upright.
    pub tilt: f32,
    /// Whether left and right are swapped.
    pub mirrored: bool,
    /// Whether there is a border around, in which the picture's edge is repeated.
    pub border: bool,
}

/// Where a part of a picture is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    view: View,
    part: RotatedRect,
}

impl View {
    /// Shows `region` of `image` in `out`, and what else lies in the corners of a turned part.
    pub fn show(self, image: &GrayImage, region: &Rect, out: &mut GrayImage) -> Shown {
        let center = region.center();
        let size = match self.border {
            true => region.expand(BORDER),
            false => *region,
        };
        let mut part = RotatedRect {
            center: (center.x, center.y),
            size: (size.width, size.height),
            angle: self.tilt,
        };
        let (half_width, half_height) = part.half_extent();
        let side = |half: f32| ((2.0 * half).ceil() as usize).max(1);
        let (width, height) = (side(half_width), side(half_height));
        part.size = (width as f32, height as f32);
        out.resize(width, height);
        if self.tilt == 0.0 {
            copy(image, &part, out);
        } else {
            turn(image, &part, &size, out);
        }
        let pixels = out.pixels_mut();
        if self.mirrored {
            for row in pixels.chunks_exact_mut(width) {
                row.reverse();
            }
        }
        Shown { view: self, part }
    }
}

/// Copies whole pixels; beyond the picture's edge it is repeated.
fn copy(image: &GrayImage, part: &RotatedRect, out: &mut GrayImage) {
    let (width, height) = (out.width(), out.height());
    let first = |center: f32, side: usize| (center - side as f32 / 2.0).round() as isize;
    let (left, top) = (first(part.center.0, width), first(part.center.1, height));
    let inside = |at: isize, side: usize| at.clamp(0, side as isize - 1) as usize;
    for (row, line) in out.pixels_mut().chunks_exact_mut(width).enumerate() {
        let from = inside(top + row as isize, image.height()) * image.width();
        let from = &image.pixels()[from..from + image.width()];
        let start = inside(-left, width);
        let end = inside(image.width() as isize - left, width + 1).max(start);
        let column = inside(left + start as isize, image.width());
        let end = end.min(start + image.width() - column);
        line[start..end].copy_from_slice(&from[column..column + end - start]);
        line[..start].fill(from[0]);
        line[end..].fill(from[from.len() - 1]);
    }
}

/// Turns the part of a picture upright. What lies beyond `region` and some more is left even: a
/// cascade is done at once with that, and it is half of a picture that is turned by 40 degrees.
fn turn(image: &GrayImage, part: &RotatedRect, region: &Rect, out: &mut GrayImage) {
    /// What is shown around the region, in sides of it.
    const AROUND: f32 = 0.1;
    const EVEN: u8 = 128;
    let region = region.expand(AROUND);
    let (width, height) = part.size;
    let (sin, cos) = part.angle.sin_cos();
    let stride = image.width();
    let last = ((stride - 1) as f32, (image.height() - 1) as f32);
    for (row, line) in out
        .pixels_mut()
        .chunks_exact_mut(width as usize)
        .enumerate()
    {
        let dy = row as f32 + 0.5 - height / 2.0;
        // The row is a line through (x, y).
        let (x, y) = (part.center.0 - dy * sin, part.center.1 + dy * cos);
        let span = |from: f32, until: f32, at: f32, step: f32| {
            let (a, b) = ((from - at) / step, (until - at) / step);
            (a.min(b), a.max(b))
        };
        let across = span(region.x, region.right(), x, cos);
        let down = span(region.y, region.bottom(), y, sin);
        let column = |dx: f32| (dx + width / 2.0).clamp(0.0, width) as usize;
        let start = column(across.0.max(down.0));
        let end = column(across.1.min(down.1)).max(start);
        line[..start].fill(EVEN);
        line[end..].fill(EVEN);
        for (column, pixel) in line[start..end].iter_mut().enumerate() {
            let dx = (start + column) as f32 + 0.5 - width / 2.0;
            let x = (x + dx * cos - 0.5).clamp(0.0, last.0);
            let y = (y + dx * sin - 0.5).clamp(0.0, last.1);
            let (left, top) = (x as usize, y as usize);
            let right = (left + 1).min(stride - 1);
            let below = (top + 1).min(image.height() - 1);
            let (part_x, part_y) = (x - left as f32, y - top as f32);
            let at = |x: usize, y: usize| f32::from(image.pixels()[y * stride + x]);
            let upper = at(left, top) + part_x * (at(right, top) - at(left, top));
            let lower = at(left, below) + part_x * (at(right, below) - at(left, below));
            *pixel = (upper + part_y * (lower - upper) + 0.5) as u8;
        }
    }
}

impl Shown {
    /// Where in the picture the middle of a box lies that was seen in what was shown; the box
    /// keeps its size.
    pub fn locate(&self, seen: &Rect) -> Rect {
        let (width, height) = self.part.size;
        let center = seen.center();
        let x = match self.view.mirrored {
            true => width - center.x,
            false => center.x,
        };
        let (dx, dy) = (x - width / 2.0, center.y - height / 2.0);
        let (sin, cos) = self.part.angle.sin_cos();
        let center = Point {
            x: self.part.center.0 + dx * cos - dy * sin,
            y: self.part.center.1 + dx * sin + dy * cos,
        };
        Rect::new(
            center.x - seen.width / 2.0,
            center.y - seen.height / 2.0,
            seen.width,
            seen.height,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey picture with one bright spot whose middle is at (`x`, `y`).
    fn spot(x: usize, y: usize) -> GrayImage {
        let mut image = GrayImage::from_vec(80, 60, vec![50; 80 * 60]).unwrap();
        for row in y - 2..y + 2 {
            image.pixels_mut()[row * 80 + x - 2..row * 80 + x + 2].fill(250);
        }
        image
    }

    /// The box around what is bright.
    fn bright(image: &GrayImage) -> Rect {
        let lit = |i: &usize| image.pixels()[*i] > 150;
        let at = (0..image.pixels().len()).filter(lit);
        let at: Vec<(usize, usize)> = at.map(|i| (i % image.width(), i / image.width())).collect();
        let least = |of: fn(&(usize, usize)) -> usize| at.iter().map(of).min().unwrap() as f32;
        let most = |of: fn(&(usize, usize)) -> usize| at.iter().map(of).max().unwrap() as f32 + 1.0;
        let (x, y) = (least(|p| p.0), least(|p| p.1));
        Rect::new(x, y, most(|p| p.0) - x, most(|p| p.1) - y)
    }

    #[test]
    fn what_is_seen_is_located_where_it_is_in_the_picture() {
        let image = spot(50, 22);
        let region = Rect::new(10.0, 5.0, 60.0, 50.0);
        for (tilt, mirrored, border) in [
            (0.0, false, true),
            (0.0, true, false),
            (0.35, false, false),
            (-0.7, true, true),
        ] {
            let view = View {
                tilt,
                mirrored,
                border,
            };
            let mut out = GrayImage::default();
            let shown = view.show(&image, &region, &mut out);
            let center = shown.locate(&bright(&out)).center();
            let far = (center.x - 50.0).hypot(center.y - 22.0);
            assert!(far < 1.0, "{view:?}: {center:?}");
            // What is outside of the region, and even, begins soon.
            let even = out.pixels().iter().filter(|v| **v == 128).count();
            assert_eq!(even > out.pixels().len() / 10, tilt != 0.0, "{view:?}");
        }
    }
}
