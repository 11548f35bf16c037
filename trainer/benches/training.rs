//! Pictures a second in training beside PyTorch, in turns on the same processor.
//!
//! Needs a Python with PyTorch (Debian: python3-torch), `python3` or what `FER_PYTHON` names.

use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use fer_trainer::SIDE;
use fer_trainer::checkpoint::Loaded;
use fer_trainer::data::{Sample, Split};
use fer_trainer::nn::Precision;
use fer_trainer::nn::bf16::Bf16;
use fer_trainer::rng::Rng;
use fer_trainer::train::{self, BatchReport, Config, EpochReport, Observer, Trainer};

const ROUNDS: usize = 3;
const SECONDS: usize = 8;
const STEPS: usize = 32;

/// Rates of whole epochs, the first of which warms up.
#[derive(Default)]
struct Rates(Vec<f64>);

impl Observer for Rates {
    fn batch(&mut self, _: &BatchReport) {}

    fn epoch(&mut self, _: &Trainer, report: &EpochReport, _: bool) -> Result<()> {
        self.0.push(report.rate);
        Ok(())
    }
}

/// Our pictures a second, with augmentation, center loss and weight averaging.
fn ours(stem_stride: usize, precision: Precision) -> Result<f64> {
    let config = Config {
        stem_stride,
        precision,
        epochs: 2,
        ..Config::default()
    };
    let mut rng = Rng::new(1);
    let samples: Vec<Sample> = (0..STEPS * config.batch)
        .map(|i| Sample {
            pixels: (0..SIDE * SIDE).map(|_| rng.bits() as u8).collect(),
            label: i % 7,
            votes: None,
            lessons: Vec::new(),
            subject: None,
            split: Some(Split::Train),
            name: String::new(),
        })
        .collect();
    let samples: Vec<&Sample> = samples.iter().collect();
    let classes = (0..7).map(|c| c.to_string()).collect();
    let (mut trainer, _) = train::start(config, classes, &Loaded::default())?;
    let mut rates = Rates::default();
    let stop = AtomicBool::new(false);
    trainer.run(&samples, &samples[..1], &mut rates, &stop)?;
    rates.0.last().copied().context("no epoch was trained")
}

/// PyTorch's version, and its pictures a second in its own and in channels-last format.
fn pytorch(stem_stride: usize, threads: usize, batch: usize) -> Result<(String, [f64; 2])> {
    let python = std::env::var("FER_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/pytorch.py");
    let output = Command::new(python)
        .arg(script)
        .args([stem_stride, threads, batch, SECONDS].map(|n| n.to_string()))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let [version, plain, channels_last] = lines[..] else {
        let why = String::from_utf8_lossy(&output.stderr);
        anyhow::bail!("{}", why.lines().last().unwrap_or("it printed nothing"));
    };
    ensure!(output.status.success(), "it failed");
    Ok((version.into(), [plain.parse()?, channels_last.parse()?]))
}

fn main() -> Result<()> {
    let threads = rayon::current_num_threads();
    let batch = Config::default().batch;
    println!("pictures a second, width 1.0, batch {batch}, {threads} threads\n");
    println!("| stem stride | f32 | bf16 | PyTorch | channels last | f32, bf16 to channels last |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for stem_stride in [2, 1].into_iter().flat_map(|stride| [stride; ROUNDS]) {
        let f32 = ours(stem_stride, Precision::F32)?;
        let bf16 = Bf16::is_available()
            .then(|| ours(stem_stride, Precision::Bf16))
            .transpose()?;
        let cell = |value: Option<f64>, digits| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "-".to_owned(),
        };
        let own = format!("{stem_stride} | {f32:.0} | {}", cell(bf16, 0));
        match pytorch(stem_stride, threads, batch) {
            Ok((version, [plain, last])) => println!(
                "| {own} | {plain:.0} ({version}) | {last:.0} | {:.2}, {} |",
                f32 / last,
                cell(bf16.map(|rate| rate / last), 2)
            ),
            Err(e) => println!("| {own} | not measured: {e:#} | | |"),
        }
    }
    Ok(())
}
