//! Everything that makes up a recipe, as a TOML file.

use std::path::Path;

use fer::model::Tone;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::augment::Augment;
use crate::error::Context;
use crate::loss::CenterConfig;
use crate::nn::Architecture;
use crate::optim::{OptimizerConfig, Schedule};
use crate::{Result, ranges};

/// Which of the two stages a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// From general features (ImageNet) to a large set of faces.
    #[default]
    First,
    /// From there to a small set of one's own.
    Second,
}

/// What is done about classes of very different size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// Nothing.
    #[default]
    None,
    /// A class's loss weighs by the inverse of its size.
    Weights,
    /// Classes are drawn equally often.
    Sampling,
    /// Classes are drawn by the square root of their size (Mahajan et al. 2018): half-way, so
    /// that a class of a hundred pictures is seen more often and not learnt by heart.
    Root,
}

/// What of a recipe decides the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Width multiplier.
    pub width: f32,
    /// Stride of the first layer.
    pub stem_stride: usize,
    /// What is done to a face's light and exposure.
    pub tone: Tone,
}

impl Shape {
    /// The network of this shape.
    ///
    /// # Errors
    /// As [`Architecture::with_stem`].
    pub fn network(self, classes: usize) -> Result<Architecture> {
        let net = Architecture::with_stem(self.width, self.stem_stride, classes)?;
        Ok(net.with_tone(self.tone))
    }
}

/// A recipe. The defaults are a plain one for the published network, see
/// [`Config::for_stage`]; those of the bundled models are files in `configs/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Stage.
    pub stage: Stage,
    /// Width multiplier, 0.125 to 2.
    pub width: f32,
    /// Stride of the first layer: 2, or 1 for four times the cost (a teacher, say).
    pub stem_stride: usize,
    /// What is done to a face's light and exposure, in training and by the plugin.
    pub tone: Tone,
    /// Passes over the training part.
    pub epochs: u64,
    /// Pictures of one step.
    pub batch: usize,
    /// Pictures that share batch norm statistics; divides `batch`.
    pub ghost_batch: usize,
    /// Of older recipes, which could have products in bfloat16; all are `f32` now.
    #[serde(skip_serializing)]
    pub precision: IgnoredAny,
    /// Start of the random numbers.
    pub seed: u64,
    /// Epochs without a better validation accuracy after which training stops; 0 never does.
    pub patience: u64,
    /// Share held out for validation where the data set has no such part.
    pub hold_out: f32,
    /// Depthwise-separable blocks, counted from the input, that are left as they are,
    /// with the first layer; 0 trains everything.
    pub freeze_blocks: usize,
    /// Share of the pooled features that is dropped in training.
    pub dropout: f32,
    /// Share of a target that is spread over all classes.
    pub label_smoothing: f32,
    /// Power to which shares of votes are raised, and made to sum to one again: 1 leaves them
    /// as they are, more sharpens them.
    pub vote_power: f32,
    /// Probability with which a picture is mixed with another of its ghost batch, 0.6 to
    /// 1.0 of it being its own (after Zhang et al. 2018).
    pub mixup: f32,
    /// Share of the teacher's probabilities in a target, the rest being the label, where
    /// there is a teacher (Hinton, Vinyals and Dean 2015, at temperature 1).
    pub teacher_weight: f32,
    /// Classes of different size.
    pub balance: Balance,
    /// Decay of the weights' running average a step, which is what is evaluated and
    /// exported; 0 turns it off.
    pub ema: f32,
    /// Decay of batch norm's running statistics a step.
    pub norm_decay: f32,
    /// Optimiser.
    pub optimizer: OptimizerConfig,
    /// Learning rate over the run.
    pub schedule: Schedule,
    /// Center loss.
    pub center: CenterConfig,
    /// Random changes of the pictures.
    pub augment: Augment,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stage: Stage::First,
            width: 1.0,
            stem_stride: 2,
            tone: Tone::AsIs,
            epochs: 36,
            batch: 128,
            ghost_batch: 64,
            precision: IgnoredAny,
            seed: 1,
            patience: 0,
            hold_out: 0.1,
            freeze_blocks: 0,
            dropout: 0.4,
            label_smoothing: 0.1,
            vote_power: 1.0,
            mixup: 0.0,
            teacher_weight: 0.7,
            balance: Balance::None,
            ema: 0.999,
            norm_decay: 0.98,
            optimizer: OptimizerConfig::default(),
            schedule: Schedule::default(),
            center: CenterConfig {
                lambda: 0.005,
                ..CenterConfig::default()
            },
            augment: Augment::default(),
        }
    }
}

impl Config {
    /// The defaults of a stage. The second has small batches, a low rate and frozen lower
    /// layers, since it sees some hundred pictures: with 51 of them, batches of 32 would make one
    /// step an epoch.
    pub fn for_stage(stage: Stage) -> Self {
        let first = Self::default();
        match stage {
            Stage::First => first,
            Stage::Second => Self {
                stage,
                epochs: 40,
                batch: 16,
                ghost_batch: 16,
                freeze_blocks: 3,
                ema: 0.98,
                optimizer: OptimizerConfig {
                    lr: 3e-4,
                    ..OptimizerConfig::default()
                },
                ..first
            },
        }
    }

    /// What decides the network.
    pub fn shape(&self) -> Shape {
        Shape {
            width: self.width,
            stem_stride: self.stem_stride,
            tone: self.tone,
        }
    }

    /// The recipe for a network of this shape, where there is one.
    pub fn with_shape(self, shape: Option<Shape>) -> Self {
        match shape {
            Some(shape) => Self {
                width: shape.width,
                stem_stride: shape.stem_stride,
                tone: shape.tone,
                ..self
            },
            None => self,
        }
    }

    /// Reads a file over the defaults of `stage`, or of the stage that the file names. What it
    /// does not say of the network is as in `shape`, that of the weights to start from, where there
    /// is one.
    ///
    /// # Errors
    /// When the file can't be read, has an unknown key or a value out of range.
    pub fn load(path: &Path, stage: Option<Stage>, shape: Option<Shape>) -> Result<Self> {
        let read = || Self::from_toml(&std::fs::read_to_string(path)?, stage, shape);
        read().with_context(|| format!("config {}", path.display()))
    }

    /// As [`Config::load`], from a file's text.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str, stage: Option<Stage>, shape: Option<Shape>) -> Result<Self> {
        let own: toml::Table = text.parse()?;
        let named = own.get("stage").map(|s| s.clone().try_into()).transpose()?;
        let stage = stage.or(named).unwrap_or_default();
        let defaults = Self::for_stage(stage).with_shape(shape);
        let mut table = toml::Table::try_from(defaults)?;
        merge(&mut table, own);
        let mut config: Self = table.try_into()?;
        config.stage = stage;
        config.check()?;
        Ok(config)
    }

    /// The recipe as a TOML file.
    ///
    /// # Errors
    /// Never for a recipe that was checked.
    pub fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string(self)?)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (1..=100_000).contains(&self.epochs),
            Setting,
            "epochs {} is not 1 to 100000",
            self.epochs
        );
        ensure!(
            (1..=256).contains(&self.ghost_batch) && self.batch.is_multiple_of(self.ghost_batch),
            Setting,
            "ghost_batch {} is not 1 to 256 and a divisor of batch {}",
            self.ghost_batch,
            self.batch
        );
        ensure!(
            (2..=4096).contains(&self.batch),
            Setting,
            "batch {} is not 2 to 4096",
            self.batch
        );
        ensure!(
            (1..=2).contains(&self.stem_stride),
            Setting,
            "stem_stride {} is not 1 or 2",
            self.stem_stride
        );
        ensure!(
            self.freeze_blocks <= 13,
            Setting,
            "freeze_blocks {} is not 0 to 13",
            self.freeze_blocks
        );
        let settings = [
            ("hold_out", self.hold_out, 0.9),
            ("dropout", self.dropout, 0.95),
            ("label_smoothing", self.label_smoothing, 0.9),
            ("vote_power", self.vote_power, 16.0),
            ("mixup", self.mixup, 1.0),
            ("teacher_weight", self.teacher_weight, 1.0),
            ("ema", self.ema, 0.999_999),
            ("norm_decay", self.norm_decay, 0.999_999),
        ];
        ranges::check("", &settings)?;
        ensure!(self.vote_power > 0.0, Setting, "vote_power is 0");
        self.optimizer.check()?;
        self.schedule.check()?;
        self.center.check()?;
        self.augment.check()
    }

    /// The network that the recipe trains.
    ///
    /// # Errors
    /// As [`Architecture::with_stem`].
    pub fn network(&self, classes: usize) -> Result<Architecture> {
        self.shape().network(classes)
    }

    /// The first layer that is trained.
    pub fn lowest_layer(&self) -> usize {
        match self.freeze_blocks {
            0 => 0,
            blocks => 1 + 2 * blocks,
        }
    }
}

fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(own)) => merge(inner, own),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        Config::load(file.path(), None, None)
    }

    #[test]
    fn a_file_changes_what_it_names_and_comes_back() {
        let config = load("stage = \"second\"\nepochs = 3\n[optimizer]\nkind = \"sgd\"").unwrap();
        let stage = Config::for_stage(Stage::Second);
        assert_eq!((config.epochs, config.batch), (3, stage.batch));
        assert_eq!(config.optimizer.lr, stage.optimizer.lr);
        assert_eq!(load(&config.to_toml().unwrap()).unwrap(), config);
        let older = format!("precision = \"bf16\"\n{}", config.to_toml().unwrap());
        assert_eq!(load(&older).unwrap(), config);
    }

    #[test]
    fn the_network_is_that_of_the_run_unless_the_file_names_another() {
        let from = Config {
            width: 0.5,
            stem_stride: 1,
            tone: Tone::Equalize,
            ..Config::default()
        };
        let read = |text| Config::from_toml(text, Some(Stage::Second), Some(from.shape())).unwrap();
        let adopted = read("epochs = 3");
        assert_eq!((adopted.width, adopted.stem_stride), (0.5, 1));
        assert_eq!((adopted.tone, adopted.epochs), (Tone::Equalize, 3));
        assert_eq!(adopted.batch, Config::for_stage(Stage::Second).batch);
        let named = read("width = 0.25\nstem_stride = 2\ntone = \"as-is\"");
        assert_eq!((named.width, named.stem_stride), (0.25, 2));
        assert_eq!(named.tone, Tone::AsIs);
    }

    #[test]
    fn unknown_keys_and_wild_values_are_named_in_one_line() {
        for (text, word) in [
            ("epoch = 3", "epoch"),
            ("[augment]\nspin = 3", "spin"),
            ("dropout = 1.0", "dropout"),
            ("batch = 100", "ghost_batch"),
            ("epochs = \"x\"", "\"x\""),
        ] {
            let error = format!("{:#}", load(text).unwrap_err());
            assert!(error.contains(word) && !error.contains('\n'), "{error}");
        }
    }
}
