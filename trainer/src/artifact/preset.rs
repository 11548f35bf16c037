//! Recipes that come with the program.

use super::{Config, Shape, Stage};
use crate::Result;
use crate::error::Context;

/// A recipe by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The reference system of 2019, for comparisons.
    RtFer,
}

/// The first stage as it is published.
const RT_FER: &str = include_str!("../../configs/rt-fer.toml");

impl Preset {
    /// The recipe for `stage`, the first unless told otherwise, for a network as in
    /// `shape`, that of the weights to start from.
    ///
    /// # Errors
    /// Never for the recipes that are compiled in.
    pub fn config(self, stage: Option<Stage>, shape: Option<Shape>) -> Result<Config> {
        let Self::RtFer = self;
        let mut config = Config::from_toml(RT_FER, stage, shape).context("preset rt-fer")?;
        if config.stage == Stage::Second {
            config.optimizer.lr = 0.045;
            config.schedule.decay_epochs = 15.0;
            // 8,000 steps of 64 over the 309 pictures of CK+ that it trained on.
            config.epochs = 1650;
        }
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stage_has_its_own_rate() {
        let first = Preset::RtFer.config(None, None).unwrap();
        let second = Preset::RtFer.config(Some(Stage::Second), None).unwrap();
        assert_eq!(first.stage, Stage::First);
        assert_eq!((first.optimizer.lr, second.optimizer.lr), (0.01, 0.045));
        let decay = |c: &Config| c.schedule.decay_epochs;
        assert_eq!((decay(&first), decay(&second)), (20.0, 15.0));
        // Every variable is trained in both.
        assert_eq!((second.freeze_blocks, second.batch), (0, 64));
    }
}
