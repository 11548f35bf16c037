//! What callers of the library can tell from an error.

mod common;

use std::path::Path;

use fer_trainer::Error;
use fer_trainer::artifact::{Config, Network, RunFolder};
use fer_trainer::data::{self, ReadOptions};
use fer_trainer::nn::Architecture;
use fer_trainer::train::{Device, SoftLabels, resume};

/// The kind of the error at the bottom, and that its text is a line.
fn kind<T>(outcome: Result<T, Error>) -> &'static str {
    let error = outcome.err().expect("an error");
    assert!(!error.to_string().contains('\n'), "{error}");
    match error.root() {
        Error::Data(_) => "data",
        Error::Setting(_) => "setting",
        Error::Artifact(_) => "artifact",
        Error::Training(_) => "training",
        Error::Device(_) => "device",
        Error::Io(_) => "io",
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_says_of_what_kind_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let absent = at("absent");
    let options = ReadOptions::default();

    assert_eq!(kind(data::open(&absent, &options)), "data");
    std::fs::write(at("own.csv"), "emotion,pixels\n0,1 2 x\n").unwrap();
    assert_eq!(kind(data::open(&at("own.csv"), &options)), "data");
    assert_eq!(kind(Config::from_toml("epoch = 3", None, None)), "setting");
    assert_eq!(kind(Config::from_toml("a = [\n1", None, None)), "setting");
    assert_eq!(kind(Config::load(&absent, None, None)), "io");
    assert_eq!(kind(Architecture::new(9.0, 7)), "setting");
    assert_eq!(kind(Network::load(&absent)), "io");
    std::fs::write(at("text.safetensors"), "no weights").unwrap();
    assert_eq!(kind(Network::load(&at("text.safetensors"))), "artifact");
    assert_eq!(kind(SoftLabels::load(&absent)), "io");
    assert_eq!(kind("cuda:x".parse::<Device>()), "device");
    assert_eq!(kind(resume(&RunFolder::open(Path::new(&absent)))), "io");
    std::fs::create_dir(at("run")).unwrap();
    std::fs::write(at("run/last.safetensors"), "").unwrap();
    assert_eq!(kind(RunFolder::open(&at("run")).check_new()), "training");
    std::fs::write(at("run/metrics.jsonl"), "{").unwrap();
    assert_eq!(kind(RunFolder::open(&at("run")).read_metrics()), "artifact");
}

#[test]
fn soft_labels_that_are_cut_off_are_told() {
    let samples = common::samples(12, 3, 4);
    let samples: Vec<_> = samples.iter().collect();
    let classes = ["a", "b", "c"].map(String::from);
    let net = Architecture::new(0.125, 3).unwrap();
    let rng = &mut fer_trainer::rng::Rng::new(1);
    let (weights, _) = fer_trainer::nn::Weights::init(&net, &Default::default(), &[], rng);
    let teacher = Network {
        net,
        weights,
        classes: classes.to_vec(),
        path: "test".into(),
    };
    let augment = Config::default().augment;
    let labels =
        SoftLabels::compute(&[teacher], &classes, &samples, 2, &augment, 1, &mut |_| ()).unwrap();
    labels.check(&classes, &samples).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.safetensors");
    labels.save(&file).unwrap();
    let mut whole = fer_trainer::artifact::load(&file).unwrap();
    let tensor = whole.tensors.get_mut("probabilities").unwrap();
    tensor.shape[0] = 5;
    tensor.data.truncate(5 * 2 * 3);
    fer_trainer::artifact::save(&file, &whole.tensors, whole.metadata).unwrap();
    let cut = SoftLabels::load(&file).unwrap();
    assert_eq!(kind(cut.check(&classes, &samples)), "artifact");
}
