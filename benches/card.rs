//! Time and agreement of engines on an NVIDIA card beside those on the processor, for 1, 4
//! and 16 faces at once. Part of `scripts/gpu-check`.
//!
//! `cargo bench --bench card`; engines that are not there are named. Ends with an error where
//! probabilities differ by more than 1e-3 on average from those of the built-in engine, or of
//! another machine: `--write FILE` writes them there, `--against FILE` compares with them.

mod timing;

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use fer::Model;
use fer::classify::softmax;
use fer::engine::{self, Engine, EngineKind, EngineOptions, ExecutionProvider};
use fer::model::{Bundled, Precision};
use timing::median_ms;

const BATCHES: [usize; 3] = [1, 4, 16];
/// Most that probabilities may differ on average. Single ones differ by more in 16 bits,
/// whatever computes them: docs/tensorrt.md has numbers.
const TOLERANCE: f32 = 1e-3;
/// Pictures whose probabilities are compared.
const COMPARED: usize = 64;

/// Median milliseconds of one run of `batch` faces, with all copies.
fn run_ms(engine: &dyn Engine, input: &[f32], batch: usize, classes: usize) -> f64 {
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

fn probabilities(engine: &dyn Engine, input: &[f32], classes: usize) -> Vec<f32> {
    let mut scores = vec![0.0; COMPARED * classes];
    engine
        .run(input, COMPARED, &mut scores)
        .expect("the engine has run before");
    scores.chunks_exact(classes).flat_map(softmax).collect()
}

/// The engines to compare, by the names that they have in the table.
fn engines() -> [(&'static str, EngineOptions); 5] {
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
    [
        ("built in", of_kind(EngineKind::Builtin)),
        ("ONNX Runtime, processor", of_kind(EngineKind::OnnxRuntime)),
        ("ONNX Runtime, CUDA", cuda),
        ("TensorRT fp32", tensorrt(Precision::Fp32)),
        ("TensorRT fp16", tensorrt(Precision::Fp16)),
    ]
}

/// Probabilities of all pictures by the name of the network.
type Reference = BTreeMap<String, Vec<f32>>;

/// What the networks say on this machine, of ONNX Runtime where it is there: another program
/// than the one that is to be checked by it.
fn reference(models: &[Model]) -> Result<Reference, fer::Error> {
    let [builtin, onnxruntime, ..] = engines().map(|(_, options)| options);
    let one = |model: &Model| {
        let selection =
            engine::open(model, &onnxruntime).or_else(|_| engine::open(model, &builtin))?;
        let (len, classes) = (model.info().input.len(), model.info().labels.len());
        let found = probabilities(&*selection.engine, &pictures(len), classes);
        Ok((model.name().to_owned(), found))
    };
    models.iter().map(one).collect()
}

/// Prints the rows of one network; whether all probabilities are those of `reference`.
fn compare(model: &Model, reference: Option<&[f32]>) -> bool {
    let (len, classes) = (model.info().input.len(), model.info().labels.len());
    let pictures = pictures(len);
    let mut wanted = reference.map(<[f32]>::to_vec);
    let mut right = true;
    for (name, options) in engines() {
        let engine = match engine::open(model, &options) {
            Ok(selection) => selection.engine,
            Err(why) => {
                println!("| {} | {name} | {why} | | | |", model.name());
                continue;
            }
        };
        let found = probabilities(&*engine, &pictures, classes);
        // The first is the one that is built in.
        let wanted = wanted.get_or_insert_with(|| found.clone());
        let differences = wanted.iter().zip(&found).map(|(a, b)| (a - b).abs());
        let most = differences.clone().fold(0.0, f32::max);
        let mean = differences.sum::<f32>() / wanted.len() as f32;
        let times = BATCHES.map(|n| run_ms(&*engine, &pictures[..n * len], n, classes));
        println!(
            "| {} | {name} | {:.3} | {:.3} | {:.3} | {mean:.0e}, {most:.0e} |",
            model.name(),
            times[0],
            times[1],
            times[2]
        );
        right &= mean <= TOLERANCE && wanted.len() == found.len();
    }
    right
}

fn run() -> Result<bool, Box<dyn Error>> {
    let models = [Bundled::Small, Bundled::Standard, Bundled::Accurate]
        .into_iter()
        .map(Model::built_in)
        .collect::<fer::Result<Vec<_>>>()?;
    // Cargo says `--bench`.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let given: Vec<&str> = args.iter().map(String::as_str).collect();
    let reference: Reference = match given[..] {
        ["--write", path] => {
            std::fs::write(path, serde_json::to_vec(&reference(&models)?)?)?;
            return Ok(true);
        }
        ["--against", path] => serde_json::from_slice(&std::fs::read(path)?)?,
        [] => Reference::new(),
        _ => return Err("usage: card [--write FILE | --against FILE]".into()),
    };
    println!(
        "| network | engine | 1 face, ms | 4 faces, ms | 16 faces, ms | probabilities differ by, mean and most |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let rows = models.iter().map(|model| {
        let wanted = reference.get(model.name()).map(Vec::as_slice);
        compare(model, wanted)
    });
    Ok(rows.fold(true, |all, right| all & right))
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("card: probabilities differ by more than {TOLERANCE:.0e} on average");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("card: {why}");
            ExitCode::from(2)
        }
    }
}
