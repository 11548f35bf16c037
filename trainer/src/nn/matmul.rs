//! Matrix products over slices, checked before they reach the `gemm` crate.

use gemm::Parallelism;

/// A borrowed matrix with any strides.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` x `columns` values, row by row. `data` may be longer.
    ///
    /// # Panics
    /// When `data` is shorter or a side is zero.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert!(rows > 0 && columns > 0 && data.len() >= rows * columns);
        Self {
            data,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The transposed matrix, over the same values.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `out = a b`, or `out += a b` to `add`, row by row, on the calling thread.
///
/// # Panics
/// When the sides do not match or `out` is shorter than the product.
pub fn matmul(a: Matrix, b: Matrix, out: &mut [f32], add: bool) {
    assert_eq!(a.columns, b.rows);
    assert!(out.len() >= a.rows * b.columns);
    // SAFETY: `Matrix` guarantees that its strides stay inside its slice, `out` holds
    // rows x columns values by the assertion, and is borrowed mutably and so overlaps neither
    // input.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            b.columns as isize,
            add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_transposed_matrices() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [9.0; 4];
        let m = Matrix::new(&a, 2, 3);
        matmul(m, m.transposed(), &mut out, false);
        assert_eq!(out, [14.0, 32.0, 32.0, 77.0]);
        matmul(m, m.transposed(), &mut out, true);
        assert_eq!(out, [28.0, 64.0, 64.0, 154.0]);
        let mut out = [9.0; 9];
        matmul(m.transposed(), m, &mut out, false);
        assert_eq!(out[..3], [17.0, 22.0, 27.0]);
    }
}
