//! Matrix products in bfloat16 are those of rounded factors, in training and nowhere else.

mod common;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use fer_trainer::nn::bf16::Bf16;
use fer_trainer::nn::matmul::{Matrix, matmul};
use fer_trainer::nn::weights::Tensors;
use fer_trainer::nn::{Architecture, Precision, Statistics, Weights, Workspace, forward};
use fer_trainer::rng::Rng;
use skip::skip;

/// To the nearest bfloat16, to even where two are as near.
fn rounded(value: f32) -> f32 {
    half::bf16::from_f32(value).to_f32()
}

#[test]
fn products_of_rounded_values_in_every_layout_and_at_odd_sides() {
    let Ok(mut bf16) = Bf16::new() else {
        skip("this processor has no AVX512-BF16");
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
        (300, 600, 40),
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
            let mut added = vec![1.0; rows * columns];
            bf16.matmul(left(&a), right(&b), &mut added, true);
            let bound = 1e-5 * depth as f32;
            for ((have, added), want) in have.iter().zip(&added).zip(&want) {
                assert!(
                    (have - want).abs() <= bound && (added - 1.0 - want).abs() <= bound,
                    "{rows} x {depth} x {columns}, {turned}: {have} and {added} for {want}"
                );
            }
        }
    }
}

#[test]
fn a_network_in_use_is_exact_and_one_in_training_nearly_so() {
    if !Bf16::is_available() {
        skip("this processor has no AVX512-BF16");
        return;
    }
    const CLASSES: usize = 3;
    let samples = common::samples(6, CLASSES, 5);
    let net = Architecture::new(0.25, CLASSES).unwrap();
    let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(5));
    let features = |precision, statistics| {
        let workspace = Workspace::new(&net, samples.len()).with_precision(precision);
        let mut ws = workspace.unwrap();
        let pixels = samples.iter().flat_map(|sample| &sample.pixels);
        for (value, pixel) in ws.input.iter_mut().zip(pixels) {
            *value = f32::from(*pixel) / 127.5 - 1.0;
        }
        forward(&net, &weights, &mut ws, samples.len(), statistics);
        ws.exchange.features
    };
    let [exact, other] =
        [Precision::F32, Precision::Bf16].map(|precision| features(precision, Statistics::Running));
    assert_eq!(exact, other);

    let [exact, other] = [Precision::F32, Precision::Bf16]
        .map(|precision| features(precision, Statistics::Batch { from: 0 }));
    let off = common::difference(&other, &exact);
    // Of 8 bits, after 27 layers.
    assert!(off > 1e-4 && off < 0.2, "features differ by {off}");
}
