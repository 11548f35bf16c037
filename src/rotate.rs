//! Cutting a rotated box out of a picture, upright.

/// A picture of interleaved bytes.
pub(crate) struct Source<'a> {
    /// Rows without padding.
    pub pixels: &'a [u8],
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes a pixel.
    pub channels: usize,
}

/// A box whose sides are rotated, in pixels of the picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RotatedRect {
    /// Middle of the box.
    pub center: (f32, f32),
    /// Width and height along its own sides.
    pub size: (f32, f32),
    /// Clockwise turn in radians.
    pub angle: f32,
}

impl RotatedRect {
    /// Half the width and height of the smallest upright box around this one.
    pub fn half_extent(&self) -> (f32, f32) {
        let (sin, cos) = (self.angle.sin().abs(), self.angle.cos().abs());
        let (w, h) = (self.size.0 / 2.0, self.size.1 / 2.0);
        (w * cos + h * sin, w * sin + h * cos)
    }
}

/// Writes what lies in `rotated` upright into `out`, `width` x `height` pixels, by linear
/// interpolation. Beyond the picture's edge the edge is repeated.
pub(crate) fn upright(
    source: &Source,
    rotated: &RotatedRect,
    width: usize,
    height: usize,
    out: &mut Vec<u8>,
) {
    let channels = source.channels;
    out.resize(width * height * channels, 0);
    let (sin, cos) = rotated.angle.sin_cos();
    let step = (
        rotated.size.0 / width as f32,
        rotated.size.1 / height as f32,
    );
    let last = ((source.width - 1) as f32, (source.height - 1) as f32);
    for (row, line) in out.chunks_exact_mut(width * channels).enumerate() {
        let dy = (row as f32 + 0.5) * step.1 - rotated.size.1 / 2.0;
        for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
            let dx = (column as f32 + 0.5) * step.0 - rotated.size.0 / 2.0;
            // A pixel's value is that of its middle.
            let x = (rotated.center.0 + dx * cos - dy * sin - 0.5).clamp(0.0, last.0);
            let y = (rotated.center.1 + dx * sin + dy * cos - 0.5).clamp(0.0, last.1);
            let (left, top) = (x as usize, y as usize);
            let right = (left + 1).min(source.width - 1);
            let bottom = (top + 1).min(source.height - 1);
            let (part_x, part_y) = (x - left as f32, y - top as f32);
            for (channel, value) in pixel.iter_mut().enumerate() {
                let at = |x: usize, y: usize| {
                    f32::from(source.pixels[(y * source.width + x) * channels + channel])
                };
                let above = at(left, top) + part_x * (at(right, top) - at(left, top));
                let below = at(left, bottom) + part_x * (at(right, bottom) - at(left, bottom));
                *value = (above + part_y * (below - above)).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::FRAC_PI_2;

    #[test]
    fn a_quarter_turn_moves_every_pixel_to_its_place() {
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let source = Source {
            pixels: &pixels,
            width: 3,
            height: 3,
            channels: 1,
        };
        let rotated = |angle| RotatedRect {
            center: (1.5, 1.5),
            size: (3.0, 3.0),
            angle,
        };
        let mut out = Vec::new();
        upright(&source, &rotated(0.0), 3, 3, &mut out);
        assert_eq!(out, pixels);
        // What was turned clockwise has its top on the right.
        upright(&source, &rotated(FRAC_PI_2), 3, 3, &mut out);
        assert_eq!(out, [3, 6, 9, 2, 5, 8, 1, 4, 7]);
        let (w, h) = rotated(FRAC_PI_2 / 2.0).half_extent();
        assert!((w - 1.5 * 2f32.sqrt()).abs() < 1e-5 && (w - h).abs() < 1e-5);
    }
}
