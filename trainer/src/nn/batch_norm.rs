//! Batch norm (Ioffe and Szegedy 2015) with ReLU6 behind it, and their gradients.
//!
//! Values are rows of channels. Sums over rows are taken in `f32` over `RUN` rows and in
//! `f64` beyond, which keeps both the speed of the one and the exactness of the other.

use multiversion::multiversion;

/// Added to the variance, as in the published network.
pub const EPSILON: f32 = 1e-3;

/// Rows that are summed in `f32`.
const RUN: usize = 64;

/// Each channel's sum over the rows of a batch and that of squares, gathered piece by piece.
#[derive(Debug)]
pub struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
    rows: usize,
}

impl Sums {
    /// Over no row yet. `channels` is a multiple of 8.
    pub fn new(channels: usize) -> Self {
        Self {
            values: vec![0.0; channels],
            squares: vec![0.0; channels],
            rows: 0,
        }
    }

    /// Adds the rows of `z`.
    pub fn add(&mut self, z: &[f32]) {
        self.rows += z.len() / self.values.len();
        sums(z, &mut self.values, &mut self.squares);
    }

    /// Writes each channel's mean, and 1 / sqrt(variance + [`EPSILON`]).
    pub fn statistics(&self, mean: &mut [f32], inverse: &mut [f32]) {
        for c in 0..mean.len() {
            let (m, variance) = self.moments(c);
            mean[c] = m;
            inverse[c] = 1.0 / (variance + EPSILON).sqrt();
        }
    }

    /// Mean and variance of a channel. Rounding makes no variance negative.
    pub fn moments(&self, channel: usize) -> (f32, f32) {
        let rows = self.rows as f64;
        let mean = self.values[channel] / rows;
        let variance = (self.squares[channel] / rows - mean * mean).max(0.0);
        (mean as f32, variance as f32)
    }
}

/// Each channel's sum of gradients over the rows of a batch and that of their products with
/// `z - mean`, gathered piece by piece.
#[derive(Debug)]
pub struct GradientSums {
    gradients: Vec<f64>,
    moments: Vec<f64>,
    rows: usize,
}

impl GradientSums {
    /// Over no row yet. `channels` is a multiple of 8.
    pub fn new(channels: usize) -> Self {
        Self {
            gradients: vec![0.0; channels],
            moments: vec![0.0; channels],
            rows: 0,
        }
    }

    /// Zeroes the gradient `d` of rows `y` where ReLU6 was flat, and adds it.
    pub fn add(&mut self, z: &[f32], y: &[f32], mean: &[f32], d: &mut [f32]) {
        self.rows += d.len() / self.gradients.len();
        backward_relu6(z, y, mean, d, &mut self.gradients, &mut self.moments);
    }
}

/// Runs `$body::<B>` with the widest block that divides the channels.
macro_rules! by_block {
    ($channels:expr, $body:ident ( $($arg:expr),* )) => {
        match $channels {
            c if c % 64 == 0 => $body::<64>($($arg),*),
            c if c % 32 == 0 => $body::<32>($($arg),*),
            _ => $body::<8>($($arg),*),
        }
    };
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
fn sums(z: &[f32], sum: &mut [f64], squares: &mut [f64]) {
    by_block!(sum.len(), sum_blocks(z, sum, squares));
}

/// Sums of a block of channels stay in registers over [`RUN`] rows (in those of AVX-512; AVX2
/// has half as many).
#[inline(always)]
fn sum_blocks<const B: usize>(z: &[f32], sum: &mut [f64], squares: &mut [f64]) {
    let c = sum.len();
    for rows in z.chunks(RUN * c) {
        for j in (0..c).step_by(B) {
            let (mut run, mut run_squares) = ([0.0; B], [0.0; B]);
            for row in rows.chunks_exact(c) {
                let v: &[f32; B] = row[j..j + B].try_into().expect("length is B");
                for k in 0..B {
                    run[k] += v[k];
                    run_squares[k] += v[k] * v[k];
                }
            }
            for k in 0..B {
                sum[j + k] += f64::from(run[k]);
                squares[j + k] += f64::from(run_squares[k]);
            }
        }
    }
}

/// `y = min(max(a z + b, 0), 6)`, `a` and `b` one a channel.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn scale_relu6(z: &[f32], a: &[f32], b: &[f32], y: &mut [f32]) {
    let c = a.len();
    for (row, out) in z.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
        for (((z, y), a), b) in row.iter().zip(out).zip(a).zip(b) {
            *y = (z * a + b).clamp(0.0, 6.0);
        }
    }
}

/// The map from gradients behind batch norm to those before it, which is linear in gradient
/// and value, channel by channel.
#[derive(Debug)]
pub struct Backward {
    scale: Vec<f32>,
    slope: Vec<f32>,
    shift: Vec<f32>,
}

impl Backward {
    /// From the sums over all rows, with the batch's `mean` and `inverse` deviation and the
    /// learnt scale `gamma`. Writes the gradients of the learnt scale and shift.
    pub fn new(
        sums: &GradientSums,
        mean: &[f32],
        inverse: &[f32],
        gamma: &[f32],
        d_gamma: &mut [f32],
        d_beta: &mut [f32],
    ) -> Self {
        let channels = mean.len();
        let per_row = 1.0 / sums.rows as f32;
        let [mut scale, mut slope, mut shift] = [(); 3].map(|()| vec![0.0; channels]);
        for c in 0..channels {
            d_beta[c] = sums.gradients[c] as f32;
            d_gamma[c] = sums.moments[c] as f32 * inverse[c];
            scale[c] = gamma[c] * inverse[c];
            slope[c] = -scale[c] * inverse[c] * d_gamma[c] * per_row;
            shift[c] = -scale[c] * d_beta[c] * per_row - slope[c] * mean[c];
        }
        Self {
            scale,
            slope,
            shift,
        }
    }

    /// Turns `d`, as [`GradientSums::add`] left it, into the gradient of rows `z`.
    pub fn apply(&self, d: &mut [f32], z: &[f32]) {
        combine(d, z, &self.scale, &self.slope, &self.shift);
    }
}

/// Zeroes `d` where ReLU6 was flat; sums it and its products with `z - mean`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
fn backward_relu6(
    z: &[f32],
    y: &[f32],
    mean: &[f32],
    d: &mut [f32],
    sum: &mut [f64],
    moment: &mut [f64],
) {
    by_block!(mean.len(), relu6_blocks(z, y, mean, d, sum, moment));
}

#[inline(always)]
fn relu6_blocks<const B: usize>(
    z: &[f32],
    y: &[f32],
    mean: &[f32],
    d: &mut [f32],
    sum: &mut [f64],
    moment: &mut [f64],
) {
    let c = mean.len();
    let runs = d
        .chunks_mut(RUN * c)
        .zip(y.chunks(RUN * c))
        .zip(z.chunks(RUN * c));
    for ((d, y), z) in runs {
        for j in (0..c).step_by(B) {
            let mean: [f32; B] = mean[j..j + B].try_into().expect("length is B");
            let (mut run, mut run_moment) = ([0.0; B], [0.0; B]);
            let rows = d
                .chunks_exact_mut(c)
                .zip(y.chunks_exact(c))
                .zip(z.chunks_exact(c));
            for ((d, y), z) in rows {
                let d: &mut [f32; B] = (&mut d[j..j + B]).try_into().expect("length is B");
                let y: &[f32; B] = y[j..j + B].try_into().expect("length is B");
                let z: &[f32; B] = z[j..j + B].try_into().expect("length is B");
                for k in 0..B {
                    let v = if y[k] > 0.0 && y[k] < 6.0 { d[k] } else { 0.0 };
                    d[k] = v;
                    run[k] += v;
                    run_moment[k] += v * (z[k] - mean[k]);
                }
            }
            for k in 0..B {
                sum[j + k] += f64::from(run[k]);
                moment[j + k] += f64::from(run_moment[k]);
            }
        }
    }
}

/// `d = scale d + slope z + shift`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
fn combine(d: &mut [f32], z: &[f32], scale: &[f32], slope: &[f32], shift: &[f32]) {
    let c = scale.len();
    for (d, z) in d.chunks_exact_mut(c).zip(z.chunks_exact(c)) {
        let (slope, shift) = (&slope[..c], &shift[..c]);
        for j in 0..c {
            d[j] = scale[j] * d[j] + slope[j] * z[j] + shift[j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const ROWS: usize = 70;
    const CHANNELS: usize = 8;

    struct Run {
        y: Vec<f32>,
        mean: Vec<f32>,
        inverse: Vec<f32>,
    }

    fn run(z: &[f32], gamma: &[f32], beta: &[f32]) -> Run {
        let (mut mean, mut inverse) = (vec![0.0; CHANNELS], vec![0.0; CHANNELS]);
        // In two pieces, as the passes do it.
        let (head, tail) = z.split_at(30 * CHANNELS);
        let mut sums = Sums::new(CHANNELS);
        sums.add(head);
        sums.add(tail);
        sums.statistics(&mut mean, &mut inverse);
        let a: Vec<f32> = (0..CHANNELS).map(|c| gamma[c] * inverse[c]).collect();
        let b: Vec<f32> = (0..CHANNELS).map(|c| beta[c] - mean[c] * a[c]).collect();
        let mut y = vec![0.0; z.len()];
        scale_relu6(z, &a, &b, &mut y);
        Run { y, mean, inverse }
    }

    /// Turns `d` into the gradient of `z`, and returns those of scale and shift.
    fn back(run: &Run, z: &[f32], gamma: &[f32], d: &mut [f32]) -> [Vec<f32>; 2] {
        let mut sums = GradientSums::new(CHANNELS);
        sums.add(z, &run.y, &run.mean, d);
        let [mut d_gamma, mut d_beta] = [(); 2].map(|()| vec![0.0; CHANNELS]);
        let Run { mean, inverse, .. } = run;
        Backward::new(&sums, mean, inverse, gamma, &mut d_gamma, &mut d_beta).apply(d, z);
        [d_gamma, d_beta]
    }

    #[test]
    fn rows_become_zero_mean_and_unit_variance_within_relu6() {
        let mut rng = Rng::new(1);
        let z: Vec<f32> = (0..ROWS * CHANNELS)
            .map(|_| 5.0 + 2.0 * rng.normal())
            .collect();
        // With a shift of three, nothing but far outliers is cut off.
        let y = run(&z, &[1.0; CHANNELS], &[3.0; CHANNELS]).y;
        let column: Vec<f32> = y.iter().step_by(CHANNELS).copied().collect();
        let mean = column.iter().sum::<f32>() / ROWS as f32;
        let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / ROWS as f32;
        assert!((mean - 3.0).abs() < 0.02 && (variance - 1.0).abs() < 0.05);
    }

    #[test]
    fn gradients_are_the_slopes() {
        let mut rng = Rng::new(2);
        let mut random = |len: usize| -> Vec<f32> { (0..len).map(|_| rng.normal()).collect() };
        let z = random(ROWS * CHANNELS);
        let dy = random(ROWS * CHANNELS);
        // Values around three, far from the corners of ReLU6, so that slopes exist.
        let gamma: Vec<f32> = random(CHANNELS).iter().map(|v| 0.5 + 0.05 * v).collect();
        let beta = vec![3.0; CHANNELS];
        let loss = |z: &[f32], gamma: &[f32], beta: &[f32]| -> f64 {
            let y = run(z, gamma, beta).y;
            y.iter().zip(&dy).map(|(y, d)| f64::from(y * d)).sum()
        };
        let forward = run(&z, &gamma, &beta);
        let mut d = dy.clone();
        let [d_gamma, d_beta] = back(&forward, &z, &gamma, &mut d);

        let slope = |values: &[f32], i: usize, loss: &dyn Fn(&[f32]) -> f64| {
            let moved = |by: f32| {
                let mut values = values.to_vec();
                values[i] += by;
                loss(&values)
            };
            (moved(1e-2) - moved(-1e-2)) / 2e-2
        };
        for i in 0..CHANNELS {
            let want = slope(&gamma, i, &|gamma| loss(&z, gamma, &beta));
            assert!(
                (f64::from(d_gamma[i]) - want).abs() < 2e-2,
                "gamma {i}: {want}"
            );
            let want = slope(&beta, i, &|beta| loss(&z, &gamma, beta));
            assert!(
                (f64::from(d_beta[i]) - want).abs() < 2e-2,
                "beta {i}: {want}"
            );
        }
        for i in (0..ROWS * CHANNELS).step_by(37) {
            let want = slope(&z, i, &|z| loss(z, &gamma, &beta));
            assert!(
                (f64::from(d[i]) - want).abs() < 2e-2,
                "z {i}: {} {want}",
                d[i]
            );
        }
    }

    #[test]
    fn nothing_flows_back_where_relu6_is_flat() {
        let z: Vec<f32> = (0..ROWS * CHANNELS)
            .map(|i| (i / CHANNELS) as f32)
            .collect();
        let (gamma, beta) = ([1.0; CHANNELS], [-100.0; CHANNELS]);
        let forward = run(&z, &gamma, &beta);
        let mut d = vec![1.0; z.len()];
        back(&forward, &z, &gamma, &mut d);
        assert!(d.iter().all(|v| *v == 0.0));
    }
}
