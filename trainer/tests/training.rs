//! Training learns, resumes and reproduces.

mod common;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fer::model::Tone;
use fer_trainer::artifact::{Config, EpochReport, Network, RunFolder, load, save};
use fer_trainer::augment::Augment;
use fer_trainer::data::{Sample, Split};
use fer_trainer::loss::CenterConfig;
use fer_trainer::nn::weights::{Tensor, Tensors};
use fer_trainer::nn::{Architecture, Weights};
use fer_trainer::optim::{OptimizerConfig, OptimizerKind};
use fer_trainer::rng::Rng;
use fer_trainer::train::{
    BatchReport, Observer, Outcome, Trainer, load_state, resume, save_epoch, save_state,
};

const CLASSES: usize = 4;

fn config() -> Config {
    Config {
        width: 0.25,
        epochs: 3,
        batch: 16,
        ghost_batch: 8,
        ema: 0.9,
        augment: Augment {
            rotation: 5.0,
            shift: 1.0,
            flip: 0.0,
            ..Augment::default()
        },
        ..Config::default()
    }
}

fn trainer(config: &Config) -> Trainer {
    let net = Architecture::new(config.width, CLASSES).unwrap();
    let mut rng = Rng::new(config.seed);
    let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut rng);
    let classes = (0..CLASSES).map(|c| format!("class {c}")).collect();
    Trainer::new(config.clone(), classes, net, weights, &rng).unwrap()
}

/// Stops a run after some steps and notes the epochs.
#[derive(Default)]
struct Watch<'a> {
    stop_at: Option<(u64, &'a AtomicBool)>,
    epochs: Vec<EpochReport>,
    steps: u64,
}

impl Observer for Watch<'_> {
    fn batch(&mut self, _: &BatchReport) {
        self.steps += 1;
        if let Some((_, stop)) = self.stop_at.filter(|(at, _)| *at == self.steps) {
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn epoch(&mut self, _: &Trainer, report: &EpochReport, _: bool) -> fer_trainer::Result<()> {
        self.epochs.push(report.clone());
        Ok(())
    }
}

fn parts(samples: &[Sample]) -> (Vec<&Sample>, Vec<&Sample>) {
    let part = |split| samples.iter().filter(|s| s.split == Some(split)).collect();
    (part(Split::Train), part(Split::Validation))
}

fn run(
    trainer: &mut Trainer,
    samples: &[Sample],
    stop_at: Option<u64>,
) -> (Outcome, Vec<EpochReport>) {
    let (train, validation) = parts(samples);
    let stop = AtomicBool::new(false);
    let mut watch = Watch {
        stop_at: stop_at.map(|at| (at, &stop)),
        ..Watch::default()
    };
    let outcome = trainer.run(&train, &validation, &mut watch, &stop).unwrap();
    (outcome, watch.epochs)
}

#[test]
fn loss_falls_and_drawn_faces_are_told_apart() {
    let config = Config {
        epochs: 12,
        ghost_batch: 16,
        dropout: 0.1,
        center: CenterConfig::default(),
        optimizer: OptimizerConfig {
            lr: 5e-3,
            ..OptimizerConfig::default()
        },
        ..config()
    };
    let samples = common::samples(320, CLASSES, 5);
    let mut trainer = trainer(&config);
    let (outcome, epochs) = run(&mut trainer, &samples, None);
    assert_eq!(outcome, Outcome::Finished);
    let (first, last) = (&epochs[0], &epochs[11]);
    assert!(
        last.softmax < 0.7 * first.softmax,
        "{} {}",
        first.softmax,
        last.softmax
    );
    // Chance is a quarter.
    assert!(last.accuracy > 0.9, "{}", last.accuracy);
}

#[test]
fn a_stopped_run_goes_on_bit_for_bit() {
    let adamw = config();
    for (name, config) in [
        ("AdamW", adamw.clone()),
        (
            "SGD, mixup and islands",
            Config {
                mixup: 0.5,
                center: CenterConfig {
                    lambda: 0.01,
                    island: 0.1,
                    ..CenterConfig::default()
                },
                optimizer: OptimizerConfig {
                    kind: OptimizerKind::Sgd,
                    lr: 0.01,
                    ..OptimizerConfig::default()
                },
                ..adamw
            },
        ),
    ] {
        let samples = common::samples(80, CLASSES, 5);
        let mut whole = trainer(&config);
        let (_, epochs) = run(&mut whole, &samples, None);

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.safetensors");
        let mut first = trainer(&config);
        // Four steps an epoch: this is in the middle of the second.
        let (outcome, _) = run(&mut first, &samples, Some(6));
        assert_eq!(outcome, Outcome::Stopped);
        save_state(&first, &file).unwrap();
        let mut second = load_state(&file).unwrap();
        let (_, resumed) = run(&mut second, &samples, None);

        assert_eq!(second.weights, whole.weights, "{name}");
        assert_eq!(second.average, whole.average, "{name}");
        assert_eq!(second.optimizer, whole.optimizer, "{name}");
        assert_eq!(second.centers, whole.centers, "{name}");
        assert_eq!(second.progress, whole.progress, "{name}");
        assert_eq!(resumed.last().unwrap().softmax, epochs[2].softmax, "{name}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let samples = common::samples(80, CLASSES, 5);
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut trainer = trainer(&config());
            run(&mut trainer, &samples, Some(5));
            trainer.weights
        })
    };
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn frozen_layers_stay_and_others_move() {
    let config = Config {
        freeze_blocks: 2,
        ..config()
    };
    let samples = common::samples(80, CLASSES, 5);
    let mut trainer = trainer(&config);
    let before = trainer.weights.clone();
    run(&mut trainer, &samples, Some(3));
    let lowest = config.lowest_layer();
    for layer in 0..trainer.net.layers.len() {
        let same = trainer.weights.convolution(layer) == before.convolution(layer)
            && trainer.weights.moments[layer] == before.moments[layer];
        assert_eq!(same, layer < lowest, "{}", trainer.net.layers[layer].name);
    }
}

#[test]
fn patience_ends_a_run() {
    let config = Config {
        epochs: 50,
        patience: 2,
        // Nothing but the head learns, and at this rate that neither.
        freeze_blocks: 13,
        optimizer: OptimizerConfig {
            lr: 1e-9,
            ..OptimizerConfig::default()
        },
        ..config()
    };
    let samples = common::samples(40, CLASSES, 5);
    let mut trainer = trainer(&config);
    let (outcome, epochs) = run(&mut trainer, &samples, None);
    assert_eq!(outcome, Outcome::NoLongerBetter);
    assert!(epochs.len() < 50);
    // All are as good as the first; of those the last is kept, as in a cross-validation.
    assert!(
        epochs
            .iter()
            .all(|epoch| epoch.accuracy == epochs[0].accuracy)
    );
    assert_eq!(trainer.progress.best_epoch, epochs.len() as u64);
}

#[test]
fn patience_of_an_older_run_is_counted_from_its_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    let samples = common::samples(40, CLASSES, 5);
    let mut trainer = trainer(&config());
    run(&mut trainer, &samples, None);
    let best = trainer.progress.best_epoch;
    assert!(best > 0 && trainer.progress.best > 0.0);
    save_state(&trainer, &file).unwrap();
    let mut saved = load(&file).unwrap();
    let progress = saved.metadata.get_mut("progress").unwrap();
    let mut older: serde_json::Value = serde_json::from_str(progress).unwrap();
    older
        .as_object_mut()
        .unwrap()
        .remove("better_epoch")
        .unwrap();
    *progress = older.to_string();
    save(&file, &saved.tensors, saved.metadata).unwrap();

    let mut resumed = load_state(&file).unwrap();
    assert_eq!(resumed.progress.better_epoch, best);
    resumed.config.epochs = 4;
    resumed.config.patience = 3;
    let (_, epochs) = run(&mut resumed, &samples, None);
    assert_eq!(epochs.len(), 1);
}

#[test]
fn without_an_average_the_evaluated_network_is_the_trained_one() {
    let config = Config {
        ema: 0.0,
        ..config()
    };
    let mut trainer = trainer(&config);
    run(&mut trainer, &common::samples(80, CLASSES, 5), None);
    assert_eq!(trainer.average, trainer.weights);
}

/// Saves random weights of a network, and reads them back.
fn back(
    config: &Config,
    metadata: &[(&str, String)],
    file: &Path,
) -> (Network, Architecture, Weights) {
    let net = config.network(CLASSES).unwrap();
    let (weights, _) = Weights::init(&net, &Tensors::new(), &[], &mut Rng::new(1));
    let metadata = metadata
        .iter()
        .map(|(key, text)| ((*key).to_owned(), text.clone()));
    let metadata = metadata.chain([("classes".to_owned(), "a,b,c,d".to_owned())]);
    save(file, &weights.to_tensors(&net), metadata.collect()).unwrap();
    (Network::load(file).unwrap(), net, weights)
}

#[test]
fn runs_of_any_width_are_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    for width in (13..=200).map(|hundredths| hundredths as f32 / 100.0) {
        let (stem_stride, tone) = match width {
            ..0.2 => (1, Tone::Equalize),
            _ => (2, Tone::AsIs),
        };
        let config = Config {
            width,
            stem_stride,
            tone,
            ..config()
        };
        let recipe = config.to_toml().unwrap();
        let again = Config::from_toml(&recipe, None, None).unwrap();
        let net = config.network(CLASSES).unwrap();
        assert_eq!(again.network(CLASSES).unwrap(), net, "{width}");
        // Files of wide networks are large: some of the widths that rounding to eights once made
        // unreadable.
        if width < 0.35 || [0.38, 0.66, 0.88, 1.13].contains(&width) {
            let (network, net, weights) = back(&config, &[("config", recipe)], &file);
            assert_eq!((network.net, network.weights), (net, weights), "{width}");
        }
    }
}

#[test]
fn the_width_of_a_file_without_a_recipe_is_that_of_its_layers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    for width in [0.125, 0.13, 0.33, 0.38, 0.5, 0.66, 0.88, 1.0, 1.13] {
        let config = Config { width, ..config() };
        let (network, net, weights) = back(&config, &[], &file);
        assert_eq!(network.net.layers, net.layers, "{width}");
        assert_eq!(network.weights, weights, "{width}");
    }
    let mut tensors = load(&file).unwrap().tensors;
    for part in ["gamma", "beta", "moving_mean", "moving_variance"] {
        let tensor = tensors.get_mut(&format!("conv_pw_3_bn.{part}")).unwrap();
        tensor.data.pop();
        tensor.shape = vec![tensor.data.len()];
    }
    let classes = HashMap::from([("classes".to_owned(), "a,b,c,d".to_owned())]);
    save(&file, &tensors, classes).unwrap();
    let said = format!("{:#}", Network::load(&file).unwrap_err());
    assert!(said.contains("channels of no width"), "{said}");
}

#[test]
fn an_axis_of_no_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let tensor = Tensor {
        shape: vec![16, 0, 3, 3],
        data: Vec::new(),
    };
    save(
        &file,
        &Tensors::from([("conv1.weight".into(), tensor)]),
        HashMap::new(),
    )
    .unwrap();
    let said = load(&file).unwrap_err().to_string();
    assert!(
        said.contains("\"conv1.weight\" has an axis of length 0"),
        "{said}"
    );
}

#[test]
fn class_names_come_back_whatever_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("last.safetensors");
    let mut trainer = trainer(&config());
    trainer.classes = ["happy, smiling", "[sad]", "\"so-called\"", ""]
        .map(String::from)
        .to_vec();
    save_state(&trainer, &file).unwrap();
    assert_eq!(load_state(&file).unwrap().classes, trainer.classes);
}

#[test]
fn a_run_folder_holds_the_best_weights_and_refuses_a_second_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut trainer = trainer(&config());
    let run_folder = RunFolder::create(&path, &trainer.config).unwrap();
    let samples = common::samples(80, CLASSES, 5);
    let (_, epochs) = run(&mut trainer, &samples, None);
    save_epoch(&run_folder, &trainer, &epochs[2], true).unwrap();
    let network = Network::load(&path).unwrap();
    assert_eq!(network.weights, trainer.average);
    assert_eq!(network.classes, trainer.classes);
    assert_eq!(resume(&run_folder).unwrap().weights, trainer.weights);
    assert_eq!(run_folder.read_metrics().unwrap(), epochs[2..]);
    // Runs from before it was measured lack what drawing cost.
    let drawing = epochs[2].drawing.unwrap();
    assert!(drawing > 0.0 && drawing < 1.0, "{drawing}");
    let line = std::fs::read_to_string(run_folder.metrics()).unwrap();
    let old = line.replace(&format!(",\"drawing\":{drawing}"), "");
    assert!(old.len() < line.len(), "{line}");
    std::fs::write(run_folder.metrics(), old).unwrap();
    assert_eq!(run_folder.read_metrics().unwrap()[0].drawing, None);
    assert!(RunFolder::create(&path, &trainer.config).is_err());
}
