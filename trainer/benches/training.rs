//! Pictures a second in training beside PyTorch, in turns on the same processor, by the clock and
//! by processor time, which tells more on a machine that others use too (then best on one thread:
//! `RAYON_NUM_THREADS=1`).
//!
//! Needs a Python with PyTorch (Debian: python3-torch), `python3` or what `FER_PYTHON` names.

use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use fer_trainer::SIDE;
use fer_trainer::artifact::{Config, EpochReport, WeightsFile};
use fer_trainer::data::{Sample, Split};
use fer_trainer::rng::Rng;
use fer_trainer::train::{self, BatchReport, Observer, Trainer};

const ROUNDS: usize = 3;
const SECONDS: usize = 8;
const STEPS: usize = 32;

/// Rates of whole epochs, the first of which warms up, and processor time at their ends.
#[derive(Default)]
struct Rates(Vec<(f64, f64)>);

impl Observer for Rates {
    fn batch(&mut self, _: &BatchReport) {}

    fn epoch(&mut self, _: &Trainer, report: &EpochReport, _: bool) -> fer_trainer::Result<()> {
        self.0.push((report.rate, processor_time()));
        Ok(())
    }
}

/// Seconds that this process has computed on all threads.
fn processor_time() -> f64 {
    // SAFETY: all bits zero are a `timespec`, and the call writes to nothing else.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        time
    };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Our pictures a second, and a second of processor time, with augmentation, center loss and weight averaging.
fn ours(stem_stride: usize) -> Result<[f64; 2]> {
    let config = Config {
        stem_stride,
        epochs: 2,
        ..Config::default()
    };
    let mut rng = Rng::new(1);
    let samples: Vec<Sample> = (0..STEPS * config.batch)
        .map(|i| Sample {
            pixels: (0..SIDE * SIDE).map(|_| rng.bits() as u8).collect(),
            label: i % 7,
            split: Some(Split::Train),
            ..Sample::default()
        })
        .collect();
    let samples: Vec<&Sample> = samples.iter().collect();
    let classes = (0..7).map(|c| c.to_string()).collect();
    let (mut trainer, _) = train::start(config, classes, &WeightsFile::default(), &samples)?;
    let mut rates = Rates::default();
    let stop = AtomicBool::new(false);
    trainer.run(&samples, &samples[..1], &mut rates, &stop)?;
    let [(_, begin), (rate, end)] = rates.0[..] else {
        anyhow::bail!("not two epochs were trained")
    };
    Ok([rate, samples.len() as f64 / (end - begin)])
}

/// Names of ways to train, and their rates by the clock and by processor time.
type Ways = Vec<(String, [f64; 2])>;

/// PyTorch's version, and the same rates of its in each of its ways.
fn pytorch(stem_stride: usize, threads: usize) -> Result<(String, Ways)> {
    let python = std::env::var("FER_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/pytorch.py");
    let batch = Config::default().batch;
    let output = Command::new(python)
        .arg(script)
        .args([stem_stride, threads, batch, SECONDS].map(|n| n.to_string()))
        .output()?;
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.lines().last().unwrap_or("it printed nothing");
    ensure!(output.status.success(), "{why}");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let version = lines.next().context("it printed nothing")?.to_owned();
    let rates = lines.map(|line| {
        let [way, rate, processor] = line.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("it printed {line}")
        };
        Ok((way.to_owned(), [rate.parse()?, processor.parse()?]))
    });
    Ok((version, rates.collect::<Result<_>>()?))
}

fn main() -> Result<()> {
    let threads = rayon::current_num_threads();
    let batch = Config::default().batch;
    println!("pictures a second, width 1.0, batch {batch}, {threads} threads");
    for stem_stride in [2, 1].into_iter().flat_map(|stride| [stride; ROUNDS]) {
        let [own, processor] = ours(stem_stride)?;
        println!("\nstem stride {stem_stride}: ours {own:.0}, {processor:.0} by processor time");
        match pytorch(stem_stride, threads) {
            Ok((version, rates)) => {
                for (way, [rate, theirs]) in rates {
                    println!(
                        "  PyTorch {version}, {way}: {rate:.0}, {theirs:.0}; ours {:.2}, {:.2} times",
                        own / rate,
                        processor / theirs
                    );
                }
            }
            Err(e) => println!("  PyTorch not measured: {e:#}"),
        }
    }
    Ok(())
}
