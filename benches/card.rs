//! Time and agreement of engines on an NVIDIA card beside those on the processor, for 1, 4
//! and 16 faces at once. Part of `scripts/gpu-check`.
//!
//! `cargo bench --bench card`; engines that are not there are named. Ends with an error where
//! probabilities differ from those of the built-in engine by more than 1e-3 on average.

mod timing;

use std::hint::black_box;
use std::process::ExitCode;

use fer::Model;
use fer::classify::softmax;
use fer::engine::{self, Engine, EngineKind, EngineOptions, ExecutionProvider};
use fer::model::Precision;
use timing::median_ms;

const BATCHES: [usize; 3] = [1, 4, 16];
/// Most that probabilities may differ on average. Single ones differ by more in 16 bits,
/// whatever computes them: docs/tensorrt.md has numbers.
const TOLERANCE: f32 = 1e-3;
/// Pictures whose probabilities are compared.
const COMPARED: usize = 64;

/// Median milliseconds of one run of `batch` faces, with all copies.
fn run_ms(engine: &mut dyn Engine, input: &[f32], batch: usize, classes: usize) -> f64 {
    let mut output = vec![0.0; batch * classes];
    median_ms(|| {
        engine
            .run(black_box(input), batch, &mut output)
            .expect("the engine has run before");
    })
}

/// Pictures of smoothed noise, prepared: their probabilities are neither sure nor alike.
fn pictures(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut grey = 0.0;
    (0..COMPARED * len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let drawn = state as f32 / u32::MAX as f32;
            grey = 0.9f32 * grey + 0.1 * (8.0 * drawn - 4.0);
            grey.clamp(-1.0, 1.0)
        })
        .collect()
}

fn probabilities(engine: &mut dyn Engine, input: &[f32], classes: usize) -> Vec<f32> {
    let mut scores = vec![0.0; COMPARED * classes];
    engine
        .run(input, COMPARED, &mut scores)
        .expect("the engine has run before");
    scores.chunks_exact(classes).flat_map(softmax).collect()
}

fn main() -> ExitCode {
    let model = Model::bundled().expect("the bundled model is valid");
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let pictures = pictures(len);
    let mut builtin = engine::open(
        &model,
        &EngineOptions {
            kind: EngineKind::Builtin,
            ..EngineOptions::default()
        },
    )
    .expect("the built-in engine runs the bundled model")
    .engine;
    let reference = probabilities(builtin.as_mut(), &pictures, classes);

    println!(
        "| engine | 1 face, ms | 4 faces, ms | 16 faces, ms | probabilities differ by, mean and most |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let mut failed = false;
    let of_kind = |kind| EngineOptions {
        kind,
        ..EngineOptions::default()
    };
    let tensorrt = |precision| EngineOptions {
        precision,
        ..of_kind(EngineKind::TensorRt)
    };
    let cuda = EngineOptions {
        execution_provider: ExecutionProvider::Cuda,
        ..of_kind(EngineKind::OnnxRuntime)
    };
    for (name, options) in [
        ("built in", of_kind(EngineKind::Builtin)),
        ("ONNX Runtime, processor", of_kind(EngineKind::OnnxRuntime)),
        ("ONNX Runtime, CUDA", cuda),
        ("TensorRT fp32", tensorrt(Precision::Fp32)),
        ("TensorRT fp16", tensorrt(Precision::Fp16)),
    ] {
        let mut engine = match engine::open(&model, &options) {
            Ok(selection) => selection.engine,
            Err(why) => {
                println!("| {name} | {why} | | | |");
                continue;
            }
        };
        let found = probabilities(engine.as_mut(), &pictures, classes);
        let differences = reference.iter().zip(&found).map(|(a, b)| (a - b).abs());
        let most = differences.clone().fold(0.0, f32::max);
        let mean = differences.sum::<f32>() / reference.len() as f32;
        let times = BATCHES.map(|n| run_ms(engine.as_mut(), &pictures[..n * len], n, classes));
        println!(
            "| {name} | {:.3} | {:.3} | {:.3} | {mean:.0e}, {most:.0e} |",
            times[0], times[1], times[2]
        );
        failed |= mean > TOLERANCE || mean.is_nan();
    }
    if failed {
        eprintln!("card: probabilities differ by more than {TOLERANCE:.0e} on average");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
