//! A second stage goes on from what is exported or built in.

mod common;

use std::path::Path;

use common::program::{fail, succeed};
use fer::engine::{EngineKind, EngineOptions};
use fer::model::Bundled;
use fer::{Classifier, Model};
use fer_trainer::SIDE;
use fer_trainer::artifact::{Config, Stage, WeightsFile};
use fer_trainer::augment::write_input;
use fer_trainer::data::Sample;
use fer_trainer::eval::evaluate;
use fer_trainer::nn::{Statistics, Workspace, forward};
use fer_trainer::train::{predict, start};

const SMALL: &str = "stage = \"second\"\nepochs = 2\nbatch = 8\nghost_batch = 8\n";

/// `n` faces of the seven classes in turn.
fn faces(n: usize) -> Vec<Sample> {
    common::samples(n, 4, 5)
}

#[test]
fn a_built_in_network_starts_as_what_the_plugin_says() {
    let samples = faces(40);
    let samples: Vec<&Sample> = samples.iter().collect();
    for which in [Bundled::Small, Bundled::Standard, Bundled::Accurate] {
        let model = Model::built_in(which).unwrap();
        let init = WeightsFile::from_model(&model).unwrap();
        let config = Config::for_stage(Stage::Second).with_shape(init.shape);
        let classes = model.info().labels.clone();
        let (trainer, fit) = start(config, classes.clone(), &init, &samples[..20]).unwrap();
        assert_eq!((fit.convolutions, fit.classes), (27, 7));

        let mut workspaces = [Workspace::new(&trainer.net, 8)];
        let scores = predict(
            &trainer.net,
            &trainer.weights,
            &mut workspaces,
            &samples,
            false,
        );
        let ours: Vec<f32> = scores
            .iter()
            .flat_map(|row| fer::classify::softmax(row))
            .collect();
        let options = EngineOptions {
            kind: EngineKind::Builtin,
            ..EngineOptions::default()
        };
        let mut classifier = Classifier::new(&model, &options).unwrap();
        let theirs = evaluate(&mut classifier, &classes, &samples, false).unwrap();
        let off = common::difference(&ours, &theirs.probabilities.concat());
        assert!(off < 1e-4, "{which:?}: {off:.1e}");

        // Batches have the statistics that it runs with, here those of these very pictures.
        let mut workspace = Workspace::new(&trainer.net, 20);
        for (sample, input) in samples
            .iter()
            .zip(workspace.input.chunks_exact_mut(SIDE * SIDE))
        {
            write_input(&sample.pixels, trainer.net.tone, input);
        }
        let mut features = |statistics| {
            forward(
                &trainer.net,
                &trainer.weights,
                &mut workspace,
                20,
                statistics,
            );
            workspace.exchange.features.clone()
        };
        let (running, batch) = (
            features(Statistics::Running),
            features(Statistics::Batch { from: 0 }),
        );
        let off = common::difference(&batch, &running);
        assert!(off < 1e-2, "{which:?}: {off:.1e}");
    }
}

#[test]
fn a_second_stage_goes_on_from_a_built_in_network_and_from_its_own_export() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe) = (path("data"), path("recipe.toml"));
    common::sets::fer2013(Path::new(&data), 8, 4);
    std::fs::write(&recipe, SMALL).unwrap();
    let train = |init: &str, out: &str| {
        let args = ["train", "--data", &data, "--config", &recipe, "--no-folds"];
        succeed(&[&args[..], &["--init", init, "--out", out]].concat())
    };
    let own = path("own");
    let said = train("builtin:small", &own);
    let fits = "builtin:small: 27 of 27 convolutions, 4 of 4 classes";
    assert!(said.contains(fits), "{said}");
    // The built-in network's width, stride and tone are those of the run.
    let written = std::fs::read_to_string(folder.path().join("own/config.toml")).unwrap();
    assert!(
        written.contains("width = 0.5") && written.contains("stem_stride = 2"),
        "{written}"
    );

    let exported = path("own.onnx");
    succeed(&["export", "--onnx", "--model", &own, "--output", &exported]);
    let said = train(&exported, &path("again"));
    assert!(
        said.contains("own.onnx: 27 of 27 convolutions, 4 of 4 classes"),
        "{said}"
    );
}

#[test]
fn what_can_not_be_trained_further_is_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe, out) = (path("data"), path("recipe.toml"), path("out"));
    common::sets::fer2013(Path::new(&data), 8, 4);
    std::fs::write(&recipe, SMALL).unwrap();
    let train = [
        "train",
        "--data",
        &data,
        "--config",
        &recipe,
        "--no-folds",
        "--out",
        &out,
    ];
    let run = path("run");
    succeed(&[
        "train", "--data", &data, "--config", &recipe, "--width", "0.25", "--out", &run,
    ]);
    let int8 = path("int8.onnx");
    let export = [
        "export", "--onnx", "--int8", "--model", &run, "--data", &data,
    ];
    succeed(&[&export[..], &["--output", &int8]].concat());
    let text = path("text.onnx");
    std::fs::write(&text, "no network").unwrap();
    for (init, why) in [
        (&int8, "export the network without --int8"),
        (&text, "text.onnx"),
    ] {
        let said = fail(&[&train[..], &["--init", init]].concat());
        assert!(said.contains(why), "{said}");
        assert!(!Path::new(&out).exists(), "{init}");
    }
    let wrong = common::program::run(&[&train[..], &["--init", "builtin:large"]].concat());
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        !wrong.status.success() && said.contains("small, standard or accurate"),
        "{said}"
    );
}

#[test]
fn figures_on_pictures_that_a_built_in_network_may_have_seen_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, recipe) = (path("fer2013.csv"), path("recipe.toml"));
    common::sets::fer2013_csv(Path::new(&data), 70);
    std::fs::write(&recipe, SMALL).unwrap();
    let validate = [
        "cross-validate",
        "--data",
        &data,
        "--config",
        &recipe,
        "--by",
        "random",
    ];
    let folds = ["--folds", "2", "--epochs", "1"];
    let said = succeed(&[&validate[..], &folds, &["--init", "builtin:small"]].concat());
    assert!(said.contains("learned from FER-2013's pictures"), "{said}");
}
