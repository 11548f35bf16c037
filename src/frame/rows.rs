//! Reading rows of a frame: luma as stored, grey and RGB in full range.

use super::{Component, Frame, Orientation, Pixels, Range};

impl Component<'_> {
    fn row(&self, y: usize) -> &[u8] {
        &self.data[(y >> self.sub_y) * self.stride..]
    }
}

/// Fixed-point bits of the RGB to luma weights.
const SHIFT: u32 = 14;

impl Frame<'_> {
    /// Writes the luma of `out.len()` pixels of row `y` from column `x` on, as stored.
    /// RGB frames give full-range luma by their matrix.
    ///
    /// # Panics
    /// When the row or the columns are outside the frame.
    pub fn luma_row(&self, y: usize, x: usize, out: &mut [u8]) {
        assert!(y < self.height && x + out.len() <= self.width);
        self.row(y, x, out, 1, Self::stored_luma);
    }

    /// Reads pixels of `size` bytes of a row of the upright picture by `read`, which reads
    /// pixels as they lie in memory.
    fn row(
        &self,
        y: usize,
        x: usize,
        out: &mut [u8],
        size: usize,
        read: impl Fn(&Self, usize, usize, &mut [u8]),
    ) {
        if self.orientation == Orientation::Upright {
            return read(self, y, x, out);
        }
        let stored = self.stored_size();
        for (i, pixel) in out.chunks_exact_mut(size).enumerate() {
            let (x, y) = self.orientation.stored((x + i, y), stored);
            read(self, y, x, pixel);
        }
    }

    fn stored_luma(&self, y: usize, x: usize, out: &mut [u8]) {
        match &self.pixels {
            Pixels::Gray(c) | Pixels::Yuv { y: c, .. } => {
                let row = c.row(y);
                if c.step == 1 {
                    out.copy_from_slice(&row[x..x + out.len()]);
                } else {
                    for (o, s) in out.iter_mut().zip(row[x * c.step..].iter().step_by(c.step)) {
                        *o = *s;
                    }
                }
            }
            Pixels::Rgb { r, g, b } => {
                let (kr, kb) = self.matrix.kr_kb();
                let one = (1 << SHIFT) as f32;
                let (wr, wb) = ((kr * one).round() as u32, (kb * one).round() as u32);
                let wg = (1 << SHIFT) - wr - wb;
                let (rows, step) = ([r.row(y), g.row(y), b.row(y)], r.step);
                let samples = |c: usize| rows[c][x * step..].iter().step_by(step);
                for (((o, r), g), b) in out
                    .iter_mut()
                    .zip(samples(0))
                    .zip(samples(1))
                    .zip(samples(2))
                {
                    let sum = wr * u32::from(*r) + wg * u32::from(*g) + wb * u32::from(*b);
                    *o = ((sum + (1 << (SHIFT - 1))) >> SHIFT) as u8;
                }
            }
        }
    }

    /// As [`Frame::luma_row`], stretched to the full range 0 to 255 where the frame's
    /// range is limited: what a network trained on pictures expects.
    ///
    /// # Panics
    /// As [`Frame::luma_row`].
    pub fn gray_row(&self, y: usize, x: usize, out: &mut [u8]) {
        self.luma_row(y, x, out);
        if self.range == Range::Limited && !matches!(self.pixels, Pixels::Rgb { .. }) {
            for v in out {
                *v = full_range(*v);
            }
        }
    }

    /// Writes `out.len() / 3` pixels of row `y` from column `x` on as RGB, 0 to 255.
    ///
    /// # Panics
    /// As [`Frame::luma_row`].
    pub fn rgb_row(&self, y: usize, x: usize, out: &mut [u8]) {
        let count = out.len() / 3;
        assert!(y < self.height && x + count <= self.width);
        self.row(y, x, out, 3, Self::stored_rgb);
    }

    fn stored_rgb(&self, y: usize, x: usize, out: &mut [u8]) {
        let pixels = out.chunks_exact_mut(3).enumerate();
        match &self.pixels {
            Pixels::Gray(c) => {
                let row = c.row(y);
                for (i, o) in pixels {
                    let v = row[(x + i) * c.step];
                    o.fill(match self.range {
                        Range::Full => v,
                        Range::Limited => full_range(v),
                    });
                }
            }
            Pixels::Rgb { r, g, b } => {
                let (r_row, g_row, b_row) = (r.row(y), g.row(y), b.row(y));
                for (i, o) in pixels {
                    o[0] = r_row[(x + i) * r.step];
                    o[1] = g_row[(x + i) * g.step];
                    o[2] = b_row[(x + i) * b.step];
                }
            }
            Pixels::Yuv { y: luma, u, v } => {
                let (y_row, u_row, v_row) = (luma.row(y), u.row(y), v.row(y));
                let (kr, kb) = self.matrix.kr_kb();
                let kg = 1.0 - kr - kb;
                // ITU-R BT.601-7 and BT.709-6, section 3: limited luma spans 219 codes and
                // chroma 224; in full range both span 255.
                let (black, y_gain, c_gain) = match self.range {
                    Range::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
                    Range::Full => (0.0, 1.0, 1.0),
                };
                for (i, o) in pixels {
                    let x = x + i;
                    let luma = (f32::from(y_row[x * luma.step]) - black) * y_gain;
                    let cb = (f32::from(u_row[(x >> u.sub_x) * u.step]) - 128.0) * c_gain;
                    let cr = (f32::from(v_row[(x >> v.sub_x) * v.step]) - 128.0) * c_gain;
                    let red = luma + 2.0 * (1.0 - kr) * cr;
                    let blue = luma + 2.0 * (1.0 - kb) * cb;
                    let green = (luma - kr * red - kb * blue) / kg;
                    for (o, value) in o.iter_mut().zip([red, green, blue]) {
                        *o = value.round().clamp(0.0, 255.0) as u8;
                    }
                }
            }
        }
    }
}

fn full_range(v: u8) -> u8 {
    let stretched = (i32::from(v) - 16) * 255;
    ((stretched + if stretched < 0 { -109 } else { 109 }) / 219).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use crate::frame::{Component, Frame, Matrix, Pixels, Range};

    #[test]
    fn limited_range_is_stretched() {
        let data = [16, 235, 126, 0];
        let frame = Frame::gray(&data, 4, 1)
            .unwrap()
            .with_colorimetry(Range::Limited, Matrix::Bt601);
        let mut row = [0; 4];
        frame.gray_row(0, 0, &mut row);
        assert_eq!(row, [0, 255, 128, 0]);
    }

    #[test]
    fn yuv_primaries_become_rgb() {
        // Pure red in limited BT.601 is Y 81, Cb 90, Cr 240.
        let (y, u, v) = ([81u8; 4], [90u8], [240u8]);
        let frame = Frame::new(
            2,
            2,
            Pixels::Yuv {
                y: Component::new(&y, 2, 1),
                u: Component::new(&u, 1, 1).subsampled(1, 1),
                v: Component::new(&v, 1, 1).subsampled(1, 1),
            },
        )
        .unwrap()
        .with_colorimetry(Range::Limited, Matrix::Bt601);
        let mut row = [0; 6];
        frame.rgb_row(1, 0, &mut row);
        for (value, want) in row.iter().zip([255, 0, 0, 255, 0, 0]) {
            assert!(value.abs_diff(want) <= 2, "{row:?}");
        }
    }

    #[test]
    fn packed_luma_skips_chroma() {
        let yuy2 = [10, 128, 20, 128, 30, 128, 40, 128];
        let c = Component::new(&yuy2, 8, 2);
        let frame = Frame::new(4, 1, Pixels::Gray(c)).unwrap();
        let mut row = [0; 2];
        frame.luma_row(0, 1, &mut row);
        assert_eq!(row, [20, 30]);
    }

    #[test]
    fn a_turned_frame_is_read_as_the_upright_one() {
        use crate::frame::Orientation;
        // The upright picture, two rows of three pixels, as each orientation has it in memory.
        let upright: [[u8; 3]; 2] = [[1, 2, 3], [4, 5, 6]];
        let stored: [(&[u8], usize); 8] = [
            (&[1, 2, 3, 4, 5, 6], 3),
            (&[3, 2, 1, 6, 5, 4], 3),
            (&[6, 5, 4, 3, 2, 1], 3),
            (&[4, 5, 6, 1, 2, 3], 3),
            (&[1, 4, 2, 5, 3, 6], 2),
            // A quarter clockwise makes the left column the top row.
            (&[3, 6, 2, 5, 1, 4], 2),
            (&[6, 3, 5, 2, 4, 1], 2),
            (&[4, 1, 5, 2, 6, 3], 2),
        ];
        for (number, (data, width)) in (1..).zip(stored) {
            let orientation = Orientation::from_exif(number).unwrap();
            let frame = Frame::gray(data, width, 6 / width)
                .unwrap()
                .with_pixel_aspect(2.0)
                .with_orientation(orientation);
            assert_eq!((frame.width(), frame.height()), (3, 2), "{orientation:?}");
            let aspect = if width == 3 { 2.0 } else { 0.5 };
            assert_eq!(frame.pixel_aspect(), aspect);
            for (y, want) in upright.iter().enumerate() {
                let mut row = [0; 3];
                frame.luma_row(y, 0, &mut row);
                assert_eq!(row, *want, "{orientation:?}");
                let mut part = [0; 6];
                frame.rgb_row(y, 1, &mut part);
                assert_eq!(part, [want[1], want[1], want[1], want[2], want[2], want[2]]);
            }
        }
        assert_eq!(Orientation::from_exif(0), None);
        assert_eq!(Orientation::from_exif(9), None);
    }

    #[test]
    fn short_memory_is_refused() {
        let data = [0; 11];
        let error = Frame::gray(&data, 4, 3).unwrap_err();
        assert!(error.to_string().contains("4x3"), "{error}");
        assert!(Frame::gray(&data, 0, 3).is_err());
    }
}
