//! The products by AVX512-BF16.
//!
//! Both factors are rounded while they are brought into the order in which the innermost loop
//! reads them. That loop does the 16 x 16 values of a tile at once, two steps of the sum with
//! every instruction. Blocks are sized for 32 KB of first-level cache and, as long as the right
//! factor has no more than some 500 columns, 1 MB of second-level cache.

use std::arch::x86_64::*;
use std::mem::transmute;

use anyhow::Result;

use super::{DEPTH, check};
use crate::nn::matmul::Matrix;

/// Rows and columns of a tile.
const TILE: usize = 16;
/// Words of a block's row or column; two steps of the sum lie in a word of 32 bits.
const WORDS: usize = DEPTH / 2;
/// Rows of the left factor in a block.
const HEIGHT: usize = 128;
/// Words from one row of a block to the next. More than [`WORDS`], so that the 16 rows of a
/// tile do not fall on the same few lines of the cache.
const ROW: usize = WORDS + 16;

/// Memory for one block of either factor.
#[derive(Debug)]
pub struct Bf16 {
    left: Vec<u32>,
    right: Vec<u32>,
}

impl Bf16 {
    /// Whether this processor has the instructions.
    pub fn is_available() -> bool {
        is_x86_feature_detected!("avx512bf16")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512f")
    }

    /// Memory for the blocks.
    ///
    /// # Errors
    /// When the processor lacks the instructions.
    pub fn new() -> Result<Self> {
        check()?;
        Ok(Self {
            left: vec![0; HEIGHT * ROW],
            right: Vec::new(),
        })
    }

    /// `out = a b`, or `out += a b` to `add`, row by row, on the calling thread.
    ///
    /// # Panics
    /// When the sides do not match or `out` is shorter than the product.
    pub fn matmul(&mut self, a: Matrix, b: Matrix, out: &mut [f32], add: bool) {
        assert_eq!(a.columns, b.rows);
        assert!(out.len() >= a.rows * b.columns);
        // SAFETY: a `Bf16` exists only where the processor has the instructions.
        unsafe { matmul(self, a, b, out, add) }
    }
}

/// How a block of the left factor lies in memory.
#[derive(Clone, Copy)]
enum Left {
    /// Row after row, [`ROW`] words each.
    Rows,
    /// Tiles of [`WORDS`] x 16 rows.
    Tiles,
}

/// See [`Bf16::matmul`], which checks the sides.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn matmul(memory: &mut Bf16, a: Matrix, b: Matrix, out: &mut [f32], add: bool) {
    let Bf16 { left, right } = memory;
    let columns = b.columns;
    let tiles = columns.div_ceil(TILE);
    if right.len() < tiles * WORDS * TILE {
        right.resize(tiles * WORDS * TILE, 0);
    }
    let layout = match a.column_stride {
        1 => Left::Rows,
        _ => Left::Tiles,
    };
    for start in (0..a.columns).step_by(DEPTH) {
        let depth = DEPTH.min(a.columns - start);
        let block = b.below(start, depth);
        match b.column_stride {
            1 => interleave(block, right),
            _ => turn(block, right),
        }
        for top in (0..a.rows).step_by(HEIGHT) {
            let height = HEIGHT.min(a.rows - top);
            let block = a.transposed().below(start, depth).transposed();
            let block = block.below(top, height);
            match layout {
                Left::Rows => rows(block, left),
                Left::Tiles => interleave(block.transposed(), left),
            }
            for (column, right) in right.chunks_exact(WORDS * TILE).take(tiles).enumerate() {
                let width = TILE.min(columns - column * TILE);
                for y in (0..height).step_by(TILE) {
                    let at = (top + y) * columns + column * TILE;
                    let place = Place {
                        out: &mut out[at..],
                        stride: columns,
                        rows: TILE.min(height - y),
                        mask: first(width),
                        add: add || start > 0,
                    };
                    let words = depth.div_ceil(2);
                    match layout {
                        Left::Rows => tile::<ROW, 1>(words, &left[y * ROW..], right, place),
                        Left::Tiles => {
                            tile::<1, TILE>(words, &left[y * WORDS..], right, place);
                        }
                    }
                }
            }
        }
    }
}

/// Where a tile of the product goes.
struct Place<'a> {
    /// From the tile's first value on.
    out: &'a mut [f32],
    /// Values from one row to the next.
    stride: usize,
    /// Rows that the product has here, up to 16.
    rows: usize,
    /// Columns that it has here.
    mask: __mmask16,
    /// Whether the tile is added to what is there.
    add: bool,
}

/// One tile. Word `w` of row `r` of the left factor lies at `r * R + w * W`, words of
/// the right one in sixteens.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn tile<const R: usize, const W: usize>(words: usize, left: &[u32], right: &[u32], place: Place) {
    assert!(words > 0 && left.len() > (TILE - 1) * R + (words - 1) * W);
    assert!(right.len() >= words * TILE);
    let mut sums = [_mm512_setzero_ps(); TILE];
    for w in 0..words {
        // SAFETY: by the assertions above, and any bits are bfloat16 values.
        let right = unsafe {
            transmute::<__m512i, __m512bh>(_mm512_loadu_si512(right.as_ptr().add(w * TILE).cast()))
        };
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let left = unsafe {
                let word = *left.get_unchecked(r * R + w * W);
                transmute::<__m512i, __m512bh>(_mm512_set1_epi32(word as i32))
            };
            *sum = _mm512_dpbf16_ps(*sum, right, left);
        }
    }
    let width = place.mask.count_ones() as usize;
    assert!(place.out.len() >= (place.rows - 1) * place.stride + width);
    // A loop over all rows leaves the sums in registers, one up to `place.rows` would not.
    for (r, sum) in sums.iter().enumerate() {
        if r < place.rows {
            // SAFETY: by the assertion above; the mask keeps to the row's width.
            unsafe {
                let to = place.out.as_mut_ptr().add(r * place.stride);
                let before = if place.add { place.mask } else { 0 };
                let sum = _mm512_add_ps(*sum, _mm512_maskz_loadu_ps(before, to));
                _mm512_mask_storeu_ps(to, place.mask, sum);
            }
        }
    }
}

/// Rows whose values are adjacent, one after another; tiles are filled up with zeros.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn rows(block: Matrix, out: &mut [u32]) {
    let full = block.rows.next_multiple_of(TILE);
    for (r, out) in out.chunks_exact_mut(ROW).take(full).enumerate() {
        if r < block.rows {
            pairs(block.row(r), out);
        } else {
            out[..block.columns.div_ceil(2)].fill(0);
        }
    }
}

/// Adjacent values as words of two, up to the next multiple of 16 words.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn pairs(values: &[f32], out: &mut [u32]) {
    for (values, out) in values.chunks(2 * TILE).zip(out.chunks_exact_mut(TILE)) {
        let (low, high) = values.split_at(values.len().min(TILE));
        let words = _mm512_cvtne2ps_pbh(load(high), load(low));
        store(words, out);
    }
}

/// Tiles of a block whose rows are the steps of the sum and whose values lie adjacent
/// in a row.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn interleave(block: Matrix, out: &mut [u32]) {
    // Lane 2 i from the lower half, the first row, and 2 i + 1 from the upper one.
    let order: [u16; 2 * TILE] =
        std::array::from_fn(|i| (i / 2 + if i % 2 == 0 { 0 } else { TILE }) as u16);
    // SAFETY: 64 bytes are 64 bytes.
    let order = unsafe { transmute::<[u16; 2 * TILE], __m512i>(order) };
    for w in 0..block.rows.div_ceil(2) {
        let even = block.row(2 * w).chunks(TILE);
        let odd: &[f32] = if 2 * w + 1 < block.rows {
            block.row(2 * w + 1)
        } else {
            &[]
        };
        for (t, even) in even.enumerate() {
            let odd = odd.get(t * TILE..).unwrap_or(&[]);
            let odd = &odd[..odd.len().min(even.len())];
            let words = _mm512_cvtne2ps_pbh(load(odd), load(even));
            // SAFETY: any bits are bfloat16 values.
            let words = unsafe {
                let words = transmute::<__m512bh, __m512i>(words);
                transmute::<__m512i, __m512bh>(_mm512_permutexvar_epi16(order, words))
            };
            store(words, &mut out[(t * WORDS + w) * TILE..][..TILE]);
        }
    }
}

/// Tiles of a block whose values lie adjacent in a column.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn turn(block: Matrix, out: &mut [u32]) {
    let block = block.transposed();
    let mut lines = [0; TILE * TILE];
    for (t, out) in out.chunks_exact_mut(WORDS * TILE).enumerate() {
        let first = t * TILE;
        let count = TILE.min(block.rows.saturating_sub(first));
        if count == 0 {
            break;
        }
        let parts = out.chunks_exact_mut(TILE * TILE);
        let starts = (0..block.columns).step_by(2 * TILE);
        for (start, part) in starts.zip(parts) {
            let end = block.columns.min(start + 2 * TILE);
            lines[count * TILE..].fill(0);
            for (r, line) in lines.chunks_exact_mut(TILE).take(count).enumerate() {
                pairs(&block.row(first + r)[start..end], line);
            }
            for (w, words) in part.chunks_exact_mut(TILE).enumerate() {
                for (r, word) in words.iter_mut().enumerate() {
                    *word = lines[r * TILE + w];
                }
            }
        }
    }
}

/// Up to 16 values, zeros behind them.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn load(values: &[f32]) -> __m512 {
    // SAFETY: the mask keeps to the slice.
    unsafe { _mm512_maskz_loadu_ps(first(values.len()), values.as_ptr()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn store(words: __m512bh, out: &mut [u32]) {
    assert!(out.len() >= TILE);
    // SAFETY: by the assertion.
    unsafe {
        let words = transmute::<__m512bh, __m512i>(words);
        _mm512_storeu_si512(out.as_mut_ptr().cast(), words);
    }
}

/// The first `n` of 16 lanes, or all.
fn first(n: usize) -> __mmask16 {
    if n >= TILE { !0 } else { (1 << n) - 1 }
}
