//! Batch norm (Ioffe and Szegedy 2015) with ReLU6 behind it, and their gradients.
//!
//! Values are rows of channels. Sums over rows are taken in `f32` over [`RUN`] rows and in
//! `f64` beyond, which keeps both the speed of the one and the exactness of the other.

use multiversion::multiversion;

/// Added to the variance, as in the published network.
pub const EPSILON: f32 = 1e-3;

/// Rows that are summed in `f32`.
const RUN: usize = 64;

/// Mean of each channel over the rows of `z`, and 1 / sqrt(variance + [`EPSILON`]).
pub fn statistics(z: &[f32], mean: &mut [f32], inverse: &mut [f32]) {
    let channels = mean.len();
    let rows = (z.len() / channels) as f64;
    let (mut sum, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
    sums(z, &mut sum, &mut squares);
    for c in 0..channels {
        let m = sum[c] / rows;
        let variance = (squares[c] / rows - m * m).max(0.0) as f32;
        mean[c] = m as f32;
        inverse[c] = 1.0 / (variance + EPSILON).sqrt();
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
fn sums(z: &[f32], sum: &mut [f64], squares: &mut [f64]) {
    let c = sum.len();
    let (mut run, mut run_squares) = (vec![0.0; c], vec![0.0; c]);
    for rows in z.chunks(RUN * c) {
        run.fill(0.0);
        run_squares.fill(0.0);
        for row in rows.chunks_exact(c) {
            for ((v, s), q) in row.iter().zip(&mut run).zip(&mut run_squares) {
                *s += v;
                *q += v * v;
            }
        }
        for j in 0..c {
            sum[j] += f64::from(run[j]);
            squares[j] += f64::from(run_squares[j]);
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

/// What the backward pass reads of the forward pass, for one layer.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// Convolution's output.
    pub z: &'a [f32],
    /// ReLU6's output.
    pub y: &'a [f32],
    /// Mean of the batch, one a channel.
    pub mean: &'a [f32],
    /// 1 / sqrt(variance + epsilon) of the batch, one a channel.
    pub inverse: &'a [f32],
    /// Learnt scale, one a channel.
    pub gamma: &'a [f32],
}

/// Turns `d` from the gradient of `y` into that of `z`, and writes those of the learnt
/// scale and shift.
pub fn backward(f: Forward, d: &mut [f32], d_gamma: &mut [f32], d_beta: &mut [f32]) {
    let channels = f.mean.len();
    let (mut sum, mut moment) = (vec![0.0; channels], vec![0.0; channels]);
    backward_relu6(f.z, f.y, f.mean, d, &mut sum, &mut moment);
    let per_row = 1.0 / (d.len() / channels) as f32;
    let mut scale = vec![0.0; channels];
    let mut slope = vec![0.0; channels];
    let mut shift = vec![0.0; channels];
    for c in 0..channels {
        let inverse = f.inverse[c];
        d_beta[c] = sum[c] as f32;
        d_gamma[c] = moment[c] as f32 * inverse;
        scale[c] = f.gamma[c] * inverse;
        slope[c] = -scale[c] * inverse * d_gamma[c] * per_row;
        shift[c] = -scale[c] * d_beta[c] * per_row - slope[c] * f.mean[c];
    }
    combine(d, f.z, &scale, &slope, &shift);
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
    let c = mean.len();
    let (mut run, mut run_moment) = (vec![0.0; c], vec![0.0; c]);
    let runs = d
        .chunks_mut(RUN * c)
        .zip(y.chunks(RUN * c))
        .zip(z.chunks(RUN * c));
    for ((d, y), z) in runs {
        run.fill(0.0);
        run_moment.fill(0.0);
        let rows = d
            .chunks_exact_mut(c)
            .zip(y.chunks_exact(c))
            .zip(z.chunks_exact(c));
        for ((d, y), z) in rows {
            let (run, run_moment) = (&mut run[..c], &mut run_moment[..c]);
            let (d, y, z, mean) = (&mut d[..c], &y[..c], &z[..c], &mean[..c]);
            for j in 0..c {
                let v = if y[j] > 0.0 && y[j] < 6.0 { d[j] } else { 0.0 };
                d[j] = v;
                run[j] += v;
                run_moment[j] += v * (z[j] - mean[j]);
            }
        }
        for j in 0..c {
            sum[j] += f64::from(run[j]);
            moment[j] += f64::from(run_moment[j]);
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
        statistics(z, &mut mean, &mut inverse);
        let a: Vec<f32> = (0..CHANNELS).map(|c| gamma[c] * inverse[c]).collect();
        let b: Vec<f32> = (0..CHANNELS).map(|c| beta[c] - mean[c] * a[c]).collect();
        let mut y = vec![0.0; z.len()];
        scale_relu6(z, &a, &b, &mut y);
        Run { y, mean, inverse }
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
        let (mut d, mut d_gamma, mut d_beta) =
            (dy.clone(), vec![0.0; CHANNELS], vec![0.0; CHANNELS]);
        let state = Forward {
            z: &z,
            y: &forward.y,
            mean: &forward.mean,
            inverse: &forward.inverse,
            gamma: &gamma,
        };
        backward(state, &mut d, &mut d_gamma, &mut d_beta);

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
        let state = Forward {
            z: &z,
            y: &forward.y,
            mean: &forward.mean,
            inverse: &forward.inverse,
            gamma: &gamma,
        };
        backward(state, &mut d, &mut [0.0; CHANNELS], &mut [0.0; CHANNELS]);
        assert!(d.iter().all(|v| *v == 0.0));
    }
}
