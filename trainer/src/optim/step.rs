//! The inner loops, compiled for several instruction sets.

use multiversion::multiversion;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// What makes up for the running means' start at zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correction {
    first: f32,
    second: f32,
}

impl Correction {
    /// For step `step`, counted from 1.
    pub(super) fn new(step: u64) -> Self {
        Self {
            first: 1.0 - BETA1.powf(step as f32),
            second: 1.0 - BETA2.powf(step as f32),
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub(super) fn adamw(
    w: &mut [f32],
    g: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    lr: f32,
    decay: f32,
    correction: Correction,
) {
    let decay = lr * decay;
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(first).zip(second) {
        *m = BETA1 * *m + (1.0 - BETA1) * g;
        *v = BETA2 * *v + (1.0 - BETA2) * g * g;
        let scale = (*v / correction.second).sqrt() + EPSILON;
        *w -= lr * (*m / correction.first) / scale + decay * *w;
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub(super) fn sgd(
    w: &mut [f32],
    g: &[f32],
    velocity: &mut [f32],
    lr: f32,
    decay: f32,
    momentum: f32,
) {
    for ((w, g), v) in w.iter_mut().zip(g).zip(velocity) {
        *v = momentum * *v + g + decay * *w;
        *w -= lr * *v;
    }
}

/// `sum += other`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn add(sum: &mut [f32], other: &[f32]) {
    for (s, o) in sum.iter_mut().zip(other) {
        *s += o;
    }
}

/// `average = keep average + (1 - keep) new`.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma",
    "x86_64+avx2+fma"
))]
pub fn blend(average: &mut [f32], new: &[f32], keep: f32) {
    for (a, n) in average.iter_mut().zip(new) {
        *a = keep * *a + (1.0 - keep) * n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_of_adamw_is_the_rate_against_the_sign() {
        let (mut w, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
        adamw(
            &mut w,
            &[0.3, -20.0],
            &mut m,
            &mut v,
            0.01,
            0.1,
            Correction::new(1),
        );
        // 1 -+ 0.01, less 0.01 * 0.1 * 1 of decay.
        assert!(
            (w[0] - 0.989).abs() < 1e-5 && (w[1] - 1.009).abs() < 1e-5,
            "{w:?}"
        );
    }

    #[test]
    fn two_steps_of_momentum() {
        let (mut w, mut v) = ([1.0], [0.0]);
        sgd(&mut w, &[1.0], &mut v, 0.1, 0.0, 0.9);
        assert!((w[0] - 0.9).abs() < 1e-6);
        sgd(&mut w, &[1.0], &mut v, 0.1, 0.0, 0.9);
        assert!((w[0] - 0.71).abs() < 1e-6);
    }
}
