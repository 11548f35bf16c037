//! The options that make up a recipe, shared by the commands that train.

use std::path::PathBuf;

use anyhow::Result;
use fer_trainer::artifact::{Config, Preset, Stage, WeightsFile};
use fer_trainer::train::Device;

use super::choices;

/// A recipe: a stage's defaults, a file or a preset over them, and single settings.
#[derive(Debug, clap::Args)]
pub struct Recipe {
    /// Stage, which decides the defaults of the recipe
    #[arg(long, value_parser = choices::stage())]
    stage: Option<Stage>,
    /// Recipe as a TOML file, over the stage's defaults
    #[arg(long)]
    config: Option<PathBuf>,
    /// Recipe that comes with the program
    #[arg(long, value_parser = choices::preset(), conflicts_with = "config")]
    preset: Option<Preset>,
    /// Epochs, in place of the recipe's
    #[arg(long)]
    epochs: Option<u64>,
    /// Width multiplier, in place of the recipe's
    #[arg(long)]
    width: Option<f32>,
}

impl Recipe {
    /// The recipe, for `stage` where the user names none; of the network, what the user does
    /// not name is that of the run that `init` is from.
    ///
    /// # Errors
    /// Names the file and the setting that is wrong.
    pub fn config(&self, stage: Option<Stage>, init: &WeightsFile) -> Result<Config> {
        let stage = self.stage.or(stage);
        let mut config = match (&self.config, self.preset) {
            (Some(path), _) => Config::load(path, stage, init.shape)?,
            (None, Some(preset)) => preset.config(stage, init.shape)?,
            (None, None) => Config::for_stage(stage.unwrap_or_default()).with_shape(init.shape),
        };
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.width = self.width.unwrap_or(config.width);
        config.check()?;
        Ok(config)
    }
}

/// What to train on.
#[derive(Debug, clap::Args)]
pub struct DeviceOption {
    /// What to train on: cpu, cuda, cuda:N, vulkan, vulkan:N (N from 0), or flex, as far as
    /// the build has them
    #[arg(long, default_value_t)]
    device: Device,
}

impl DeviceOption {
    /// The device, after a look at whether it is there.
    ///
    /// # Errors
    /// When this build lacks it, or it is not there.
    pub fn check(&self) -> Result<Device> {
        let name = self.device.check()?;
        if self.device != Device::Cpu {
            println!("training on {}: {name}", self.device);
        }
        Ok(self.device)
    }
}
