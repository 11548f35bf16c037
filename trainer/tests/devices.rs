//! Other devices compute what the hand-written backend does, and whoever asks for one that is
//! not there is told so.

mod common;
#[path = "../../tests/skip/mod.rs"]
mod skip;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use common::difference;
use common::program::{fail, run as run_program};
use fer_trainer::artifact::{Config, EpochReport};
use fer_trainer::data::{Sample, Split};
use fer_trainer::nn::weights::Tensors;
use fer_trainer::nn::{Architecture, Backend, Statistics, Weights};
use fer_trainer::optim::{OptimizerConfig, OptimizerKind};
use fer_trainer::rng::Rng;
use fer_trainer::train::{BatchReport, Device, Observer, Trainer};
use fer_trainer::train::{load_state, save_state};
use skip::skip;

const CLASSES: usize = 4;
const WIDTH: f32 = 0.25;

/// Whether the test can run on `device`; says why not.
fn is_there(device: Device) -> bool {
    match device.check() {
        Ok(_) => true,
        Err(e) => {
            skip(format!("{e:#}"));
            false
        }
    }
}

/// Both passes of the hand-written backend and of `device`, compared. The layers below
/// `lowest` are frozen.
fn compare(device: Device, stem_stride: usize, pictures: usize, lowest: usize) {
    let mut rng = Rng::new(4);
    let net = Architecture::with_stem(WIDTH, stem_stride, CLASSES).unwrap();
    let (mut weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut rng);
    for layer in 0..net.layers.len() {
        // Off zero and one, so that every parameter matters and few values lie at the
        // corners of ReLU6.
        weights.params[3 * layer + 1].fill_with(|| 1.0 + 0.2 * rng.normal());
        weights.params[3 * layer + 2].fill_with(|| 0.5 + 0.2 * rng.normal());
        let moments = &mut weights.moments[layer];
        moments.mean.fill_with(|| 0.1 * rng.normal());
        moments.variance.fill_with(|| 0.5 + rng.unit());
    }
    let mut input = vec![0.0; pictures * fer_trainer::SIDE * fer_trainer::SIDE];
    input.fill_with(|| rng.symmetric());
    let features = pictures * net.features();
    let mut d_features = vec![0.0; features];
    d_features.fill_with(|| rng.normal());

    let run = |device: Device, statistics: Statistics| -> Box<dyn Backend> {
        let backends = device.backends(&net, 1, pictures);
        let mut backend = backends.unwrap().remove(0);
        backend.input()[..input.len()].copy_from_slice(&input);
        backend
            .forward(&net, &weights, pictures, statistics)
            .unwrap();
        backend
    };
    let in_use = |device| run(device, Statistics::Running).exchange().features[..features].to_vec();
    let off = difference(&in_use(device), &in_use(Device::Cpu));
    assert!(off < 1e-4, "features in use differ by {off:.1e}");

    let [have, want] = [device, Device::Cpu].map(|device| {
        let mut backend = run(device, Statistics::Batch { from: lowest });
        backend.exchange_mut().d_features[..features].copy_from_slice(&d_features);
        backend.backward(&net, &weights, pictures, lowest).unwrap();
        backend
    });
    let mut worst: f64 = 0.0;
    let mut check = |what: &str, have: &[f32], want: &[f32]| {
        let off = difference(have, want);
        assert!(off < 1e-3, "{what} differs by {off:.1e}");
        worst = worst.max(off);
    };
    let [own, other] = [&have, &want].map(|backend| backend.exchange());
    check("features", &own.features[..features], &other.features);
    for (i, layer) in net.layers.iter().enumerate() {
        let parts = ["convolution", "scale", "shift"];
        for (part, p) in parts.iter().zip(3 * i..) {
            let name = format!("gradient of the {part} of {}", layer.name);
            check(&name, &own.gradients[p], &other.gradients[p]);
        }
        if i >= lowest {
            let (have, want) = (have.moments(i), want.moments(i));
            check(&format!("mean of {}", layer.name), &have.mean, &want.mean);
            let name = format!("variance of {}", layer.name);
            check(&name, &have.variance, &want.variance);
        }
    }
    println!("{device}, stem stride {stem_stride}: the worst of all differs by {worst:.1e}");
}

fn config() -> Config {
    Config {
        width: WIDTH,
        epochs: 2,
        batch: 16,
        ghost_batch: 8,
        mixup: 0.3,
        // A step in proportion to the gradient; AdamW's steps are as long for gradients that
        // are nothing but rounding. A short one, since batch norm over eight pictures is
        // chaotic: at ten times the rate, six steps after weights that differ by a millionth
        // give losses that differ by a hundredth.
        optimizer: OptimizerConfig {
            kind: OptimizerKind::Sgd,
            lr: 1e-3,
            ..OptimizerConfig::default()
        },
        ..Config::default()
    }
}

fn trainer(config: &Config, device: Device) -> Trainer {
    let net = Architecture::new(config.width, CLASSES).unwrap();
    let mut rng = Rng::new(config.seed);
    let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut rng);
    let classes = (0..CLASSES).map(|c| format!("class {c}")).collect();
    let mut trainer = Trainer::new(config.clone(), classes, net, weights, &rng).unwrap();
    trainer.move_to(device).unwrap();
    trainer
}

/// Notes the losses after every step, and stops a run after some.
struct Watch<'a> {
    stop: &'a AtomicBool,
    stop_at: Option<usize>,
    losses: Vec<f64>,
    epochs: Vec<EpochReport>,
}

impl Observer for Watch<'_> {
    fn batch(&mut self, report: &BatchReport) {
        self.losses.extend([report.softmax, report.center]);
        if self.stop_at == Some(self.losses.len() / 2) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn epoch(&mut self, _: &Trainer, report: &EpochReport, _: bool) -> fer_trainer::Result<()> {
        self.epochs.push(report.clone());
        Ok(())
    }
}

/// Losses after every step, and the epochs.
fn run(
    trainer: &mut Trainer,
    samples: &[Sample],
    stop_at: Option<usize>,
) -> (Vec<f64>, Vec<EpochReport>) {
    let part =
        |split| -> Vec<&Sample> { samples.iter().filter(|s| s.split == Some(split)).collect() };
    let stop = AtomicBool::new(false);
    let mut watch = Watch {
        stop: &stop,
        stop_at,
        losses: Vec::new(),
        epochs: Vec::new(),
    };
    let (train, validation) = (part(Split::Train), part(Split::Validation));
    trainer.run(&train, &validation, &mut watch, &stop).unwrap();
    (watch.losses, watch.epochs)
}

/// Trains for some steps on `device` and on the processor, with the same losses.
fn train_alike(device: Device, config: &Config) {
    let samples = common::samples(60, CLASSES, 5);
    let (want, cpu) = run(&mut trainer(config, Device::Cpu), &samples, None);
    let (have, other) = run(&mut trainer(config, device), &samples, None);
    println!("{device}: {have:.4?}\ncpu: {want:.4?}");
    assert_eq!(have.len(), want.len());
    for (have, want) in have.iter().zip(&want) {
        assert!((have - want).abs() < 0.01 * want.abs(), "{have} {want}");
    }
    for epoch in cpu.iter().chain(&other) {
        let share = epoch.drawing.expect("it is measured");
        assert!((0.0..1.0).contains(&share), "{share}");
    }
}

#[test]
fn gradients_are_those_of_burns_autodiff() {
    if !is_there(Device::Flex) {
        return;
    }
    compare(Device::Flex, 2, 6, 0);
    compare(Device::Flex, 1, 3, 0);
    compare(Device::Flex, 2, 4, 7);
}

#[test]
fn training_on_flex_is_training_on_the_processor() {
    if !is_there(Device::Flex) {
        return;
    }
    train_alike(Device::Flex, &config());
    let second_stage = Config {
        freeze_blocks: 3,
        ghost_batch: 16,
        ..config()
    };
    train_alike(Device::Flex, &second_stage);
}

#[test]
fn a_stopped_run_draws_the_same_pictures_when_it_goes_on() {
    if !is_there(Device::Flex) {
        return;
    }
    let samples = common::samples(60, CLASSES, 5);
    let (whole, _) = run(&mut trainer(&config(), Device::Flex), &samples, None);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.safetensors");
    let mut first = trainer(&config(), Device::Flex);
    // Three steps an epoch: this is in the middle of the second.
    let (before, _) = run(&mut first, &samples, Some(4));
    save_state(&first, &file).unwrap();
    let mut second = load_state(&file).unwrap();
    second.move_to(Device::Flex).unwrap();
    let (after, _) = run(&mut second, &samples, None);
    assert_eq!([before, after].concat(), whole);
}

#[test]
fn vulkan_computes_and_trains_as_the_processor_does() {
    let device = Device::Vulkan(0);
    if !is_there(device) {
        return;
    }
    let name = device.check().unwrap();
    if cfg!(feature = "autotune") && name.contains("llvmpipe") {
        skip(format!(
            "{name} crashes on tuned kernels: build without autotune"
        ));
        return;
    }
    compare(device, 2, 4, 0);
    train_alike(device, &config());
}

#[test]
fn cuda_computes_and_trains_as_the_processor_does() {
    let device = Device::Cuda(0);
    if !is_there(device) {
        return;
    }
    compare(device, 2, 4, 0);
    train_alike(device, &config());
}

#[test]
fn a_device_that_is_not_there_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, out) = (path("data"), path("out"));
    common::sets::fer2013(Path::new(&data), 2, 1);
    // Nobody has a hundred cards.
    for (device, built) in [
        ("cuda:99", cfg!(feature = "cuda")),
        ("vulkan:99", cfg!(feature = "vulkan")),
    ] {
        let train = ["train", "--data", &data, "--out", &out, "--device", device];
        let name = device.split(':').next().unwrap();
        if built {
            // Drivers may have said something of their own before.
            let output = run_program(&train);
            let said = String::from_utf8(output.stderr).unwrap();
            let last = said.lines().last().unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(
                last.starts_with(&format!("fer-trainer: device {device}: ")),
                "{said}"
            );
        } else {
            let wanted = format!("this build has no {name}: build with --features {name}");
            let said = fail(&train);
            assert!(said.contains(&wanted), "{said}");
        }
        assert!(!Path::new(&out).exists());
    }
}
