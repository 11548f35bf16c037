//! Drawn faces: small pictures whose class can be learnt; data sets of them, and what
//! tests of the program share.

#[allow(dead_code, reason = "not every test file reads reports")]
pub mod page;
#[allow(dead_code, reason = "not every test file runs the program")]
pub mod program;
#[allow(dead_code, reason = "not every test file writes data sets")]
pub mod sets;

use fer_trainer::SIDE;
use fer_trainer::data::{Sample, Split};
use fer_trainer::rng::Rng;

/// A face of class `label`: its mouth lies higher or lower and is wider or narrower.
pub fn face(label: usize, rng: &mut Rng) -> Vec<u8> {
    let mut pixels: Vec<u8> = (0..SIDE * SIDE)
        .map(|_| (150.0 + 15.0 * rng.symmetric()) as u8)
        .collect();
    let mut dark = |x: usize, y: usize, width: usize, height: usize| {
        for row in y..y + height {
            pixels[row * SIDE + x..row * SIDE + x + width].fill(30);
        }
    };
    dark(10, 8, 8, 6);
    dark(30, 8, 8, 6);
    let half = 6 + 4 * (label % 3);
    dark(24 - half, 20 + 6 * label, 2 * half, 7);
    pixels
}

/// `n` faces of `classes` classes in turn, one in `nth` of them for validation.
#[allow(dead_code, reason = "not every test file needs samples in memory")]
pub fn samples(n: usize, classes: usize, nth: usize) -> Vec<Sample> {
    let mut rng = Rng::new(9);
    (0..n)
        .map(|i| Sample {
            pixels: face(i % classes, &mut rng),
            label: i % classes,
            split: Some(if (i / classes).is_multiple_of(nth) {
                Split::Validation
            } else {
                Split::Train
            }),
            name: format!("face {i}"),
            ..Sample::default()
        })
        .collect()
}

/// Norm of the difference as a share of the norm of `want`.
#[allow(dead_code, reason = "not every test file compares vectors")]
pub fn difference(have: &[f32], want: &[f32]) -> f64 {
    assert_eq!(have.len(), want.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let wide = |v: &f32| f64::from(*v);
    let off = norm(&mut have.iter().zip(want).map(|(a, b)| wide(a) - wide(b)));
    off / norm(&mut want.iter().map(wide)).max(1e-12)
}
