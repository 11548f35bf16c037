//! Numbers that begin where a line of the cache does: vectors as wide as a line would else reach
//! over two of them each.

use std::ops::{Deref, DerefMut};

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
    const ZERO: Self = Self([0.0; Self::LEN]);
}

/// Some numbers, aligned.
#[derive(Debug, Clone, Default)]
pub struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// Has at least `len` of them; those that are new are zero.
    pub fn grow(&mut self, len: usize) {
        if self.len < len {
            self.lines.resize(len.div_ceil(Line::LEN), Line::ZERO);
            self.len = len;
        }
    }
}

impl FromIterator<f32> for Aligned {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        let values: Vec<f32> = values.into_iter().collect();
        let mut aligned = Self::default();
        aligned.grow(values.len());
        aligned.copy_from_slice(&values);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is an array of numbers without a gap, and there are `len` in all lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
