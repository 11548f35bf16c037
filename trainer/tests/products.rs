//! Matrix products in bfloat16 are those of rounded factors.

#[path = "../../tests/skip/mod.rs"]
mod skip;

use fer_trainer::nn::bf16::Bf16;
use fer_trainer::nn::matmul::{Matrix, matmul};
use fer_trainer::rng::Rng;
use skip::skip;

/// To the nearest bfloat16, to even where two are as near.
fn rounded(value: f32) -> f32 {
    half::bf16::from_f32(value).to_f32()
}

#[test]
fn products_of_rounded_values_in_every_layout_and_at_odd_sides() {
    let Ok(mut bf16) = Bf16::new() else {
        skip("this processor has no bfloat16 arithmetic");
        return;
    };
    let mut rng = Rng::new(7);
    let sides = [
        (1, 1, 1),
        (16, 16, 16),
        (17, 33, 15),
        (150, 8, 24),
        (40, 1027, 70),
        (33, 513, 1024),
    ];
    for (rows, depth, columns) in sides {
        let mut random = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.normal()).collect() };
        let (a, b) = (random(rows * depth), random(depth * columns));
        let [near_a, near_b] = [&a, &b].map(|v| v.iter().map(|v| rounded(*v)).collect::<Vec<_>>());
        for turned in 0..4 {
            let left = |values| match turned & 1 {
                0 => Matrix::new(values, rows, depth),
                _ => Matrix::new(values, depth, rows).transposed(),
            };
            let right = |values| match turned & 2 {
                0 => Matrix::new(values, depth, columns),
                _ => Matrix::new(values, columns, depth).transposed(),
            };
            let mut want = vec![0.0; rows * columns];
            matmul(left(&near_a), right(&near_b), &mut want, false);
            let mut have = vec![f32::NAN; rows * columns];
            bf16.matmul(left(&a), right(&b), &mut have, false);
            let bound = 1e-5 * depth as f32;
            for (have, want) in have.iter().zip(&want) {
                assert!(
                    (have - want).abs() <= bound,
                    "{rows} x {depth} x {columns}, {turned}: {have} {want}"
                );
            }
        }
    }
}
