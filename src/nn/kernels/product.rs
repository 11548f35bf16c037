//! Matrix products with weights that are laid out beforehand.

use super::Aligned;
use super::lanes::{Isa, Lanes, by_isa};

/// Vectors of columns that are worked on at once, by the columns there are: wide panels read
/// less, narrow ones waste less where there are few.
fn panel_vectors(columns: usize, lanes: usize) -> usize {
    if columns <= lanes { 1 } else { 2 }
}

fn lanes_of(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => 16,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => 8,
        Isa::Portable => <super::lanes::Portable as Lanes>::N,
    }
}

/// The right side of a product, `depth` x `columns`, in panels of some columns: within one, all
/// columns of a row lie together. What is beyond the last column is zero.
#[derive(Debug, Clone)]
pub struct Weights {
    isa: Isa,
    depth: usize,
    columns: usize,
    vectors: usize,
    data: Aligned,
    /// Added to each column; as long as the panels together.
    bias: Aligned,
}

impl Weights {
    /// Lays `weights` out, which `at` reads by row and column, with a `bias` for each column.
    ///
    /// # Panics
    /// When a side is zero or there is another number of biases than columns.
    pub fn new(
        isa: Isa,
        (depth, columns): (usize, usize),
        at: impl Fn(usize, usize) -> f32,
        bias: &[f32],
    ) -> Self {
        assert!(depth > 0 && columns > 0 && bias.len() == columns);
        let vectors = panel_vectors(columns, lanes_of(isa));
        let width = vectors * lanes_of(isa);
        let panels = columns.div_ceil(width);
        let [mut data, mut padded] = [0; 2].map(|_| Aligned::default());
        data.grow(panels * width * depth);
        // By column, as files have them.
        for column in 0..columns {
            let panel = column / width * width * depth;
            for row in 0..depth {
                data[panel + row * width + column % width] = at(row, column);
            }
        }
        padded.grow(panels * width);
        padded[..columns].copy_from_slice(bias);
        Self {
            isa,
            depth,
            columns,
            vectors,
            data,
            bias: padded,
        }
    }

    /// Rows of these weights, which are columns of the left side.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns of the product.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `out = clamp(a weights + bias)` for as many rows as `a` has.
    ///
    /// # Panics
    /// When `a` is not a whole number of rows, or `out` is not as many.
    pub fn product(&self, a: &[f32], out: &mut [f32], clamp: (f32, f32)) {
        let rows = a.len() / self.depth;
        assert!(a.len() == rows * self.depth && out.len() == rows * self.columns);
        product(self.isa, self, a, rows, out, clamp);
    }
}

by_isa!(product = body(weights: &Weights, a: &[f32], rows: usize, out: &mut [f32], clamp: (f32, f32)));

/// A tile of the product: some rows by one panel.
struct Tile {
    a: *const f32,
    depth: usize,
    panel: *const f32,
    bias: *const f32,
    out: *mut f32,
    columns: usize,
    /// Columns of the panel that there are.
    present: usize,
    clamp: (f32, f32),
}

#[inline(always)]
unsafe fn body<L: Lanes>(
    weights: &Weights,
    a: &[f32],
    rows: usize,
    out: &mut [f32],
    clamp: (f32, f32),
) {
    // SAFETY: `Weights::product` has checked the lengths; the layout is that of these lanes,
    // since `isa` chose both.
    unsafe {
        match weights.vectors {
            1 => tiles::<L, 1>(weights, a, rows, out, clamp),
            _ => tiles::<L, 2>(weights, a, rows, out, clamp),
        }
    }
}

#[inline(always)]
unsafe fn tiles<L: Lanes, const V: usize>(
    weights: &Weights,
    a: &[f32],
    rows: usize,
    out: &mut [f32],
    clamp: (f32, f32),
) {
    let (depth, columns, width) = (weights.depth, weights.columns, V * L::N);
    let panels = columns.div_ceil(width);
    let (a, out) = (a.as_ptr(), out.as_mut_ptr());
    let mut first = 0;
    while first < rows {
        let here = at_once::<L, V>(rows - first);
        for panel in 0..panels {
            // SAFETY: rows and columns stay inside of what `Weights::product` has checked.
            unsafe {
                let tile = Tile {
                    a: a.add(first * depth),
                    depth,
                    panel: weights.data.as_ptr().add(panel * width * depth),
                    bias: weights.bias.as_ptr().add(panel * width),
                    out: out.add(first * columns + panel * width),
                    columns,
                    present: width.min(columns - panel * width),
                    clamp,
                };
                any_rows::<L, V>(here, &tile);
            }
        }
        first += here;
    }
}

/// Rows of a tile: those of the pictures of MobileNet's layers, and what is left over.
const ROWS: [usize; 8] = [12, 9, 8, 6, 4, 3, 2, 1];

/// Rows that are worked on next: the most of [`ROWS`] that there are and for which there are
/// registers.
fn at_once<L: Lanes, const V: usize>(left: usize) -> usize {
    let fits = |rows: &usize| *rows <= left && rows * V <= L::SUMS;
    ROWS.into_iter().find(fits).unwrap_or(1)
}

#[inline(always)]
unsafe fn any_rows<L: Lanes, const V: usize>(rows: usize, tile: &Tile) {
    // SAFETY: the caller's.
    unsafe {
        match rows {
            12 => rows_by_panel::<L, 12, V>(tile),
            9 => rows_by_panel::<L, 9, V>(tile),
            8 => rows_by_panel::<L, 8, V>(tile),
            6 => rows_by_panel::<L, 6, V>(tile),
            4 => rows_by_panel::<L, 4, V>(tile),
            3 => rows_by_panel::<L, 3, V>(tile),
            2 => rows_by_panel::<L, 2, V>(tile),
            _ => rows_by_panel::<L, 1, V>(tile),
        }
    }
}

#[inline(always)]
unsafe fn rows_by_panel<L: Lanes, const R: usize, const V: usize>(tile: &Tile) {
    if R * V > L::SUMS {
        // Never asked for; so that nothing is compiled for it.
        return;
    }
    // SAFETY: the tile lies inside of its matrices, as `tiles` has it.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; R];
        for v in 0..V {
            let bias = L::load(tile.bias.add(v * L::N));
            for row in &mut sums {
                row[v] = bias;
            }
        }
        let (mut a, mut panel) = (tile.a, tile.panel);
        for _ in 0..tile.depth {
            let mut weights = [L::splat(0.0); V];
            for (v, weight) in weights.iter_mut().enumerate() {
                *weight = L::load(panel.add(v * L::N));
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let value = L::splat(*a.add(r * tile.depth));
                for v in 0..V {
                    row[v] = row[v].add_product(value, weights[v]);
                }
            }
            a = a.add(1);
            panel = panel.add(V * L::N);
        }
        let (low, high) = (L::splat(tile.clamp.0), L::splat(tile.clamp.1));
        for (r, row) in sums.iter().enumerate() {
            let out = tile.out.add(r * tile.columns);
            if tile.present == V * L::N {
                for (v, sum) in row.iter().enumerate() {
                    sum.max(low).min(high).store(out.add(v * L::N));
                }
            } else {
                // At most two vectors of 16.
                let mut whole = [0f32; 32];
                for (v, sum) in row.iter().enumerate() {
                    sum.max(low)
                        .min(high)
                        .store(whole.as_mut_ptr().add(v * L::N));
                }
                std::ptr::copy_nonoverlapping(whole.as_ptr(), out, tile.present);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_all_sizes() {
        let value = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
        for isa in Isa::all() {
            for (rows, depth, columns) in [
                (1, 1, 1),
                (9, 16, 16),
                (25, 9, 7),
                (13, 33, 47),
                (100, 64, 64),
            ] {
                let a: Vec<f32> = (0..rows * depth).map(value).collect();
                let b: Vec<f32> = (0..depth * columns).map(|i| value(i + 5)).collect();
                let bias: Vec<f32> = (0..columns).map(value).collect();
                let weights = Weights::new(isa, (depth, columns), |r, c| b[r * columns + c], &bias);
                let mut out = vec![f32::NAN; rows * columns];
                weights.product(&a, &mut out, (-1.0, 2.0));
                for (i, have) in out.iter().enumerate() {
                    let (row, column) = (i / columns, i % columns);
                    let sum: f32 = (0..depth)
                        .map(|k| a[row * depth + k] * b[k * columns + column])
                        .sum();
                    let want = (sum + bias[column]).clamp(-1.0, 2.0);
                    assert!(
                        (have - want).abs() < 1e-4,
                        "{isa:?} {rows}x{depth}x{columns}"
                    );
                }
            }
        }
    }
}
