//! The folder of a run.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{classes_text, load_state, save, save_state};
use crate::report;
use crate::train::{Config, EpochReport, Trainer};

/// `best.safetensors`, `last.safetensors`, `config.toml`, `metrics.jsonl` and `curves.svg`
/// of a run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder and writes the recipe into it.
    ///
    /// # Errors
    /// When there is a run in it already, or it can't be written.
    pub fn create(path: &Path, trainer: &Trainer) -> Result<Self> {
        let folder = Self::open(path);
        ensure!(
            !folder.last().exists(),
            "{} holds a run already: go on with --resume, or choose another folder",
            path.display()
        );
        let make = || -> Result<()> {
            fs::create_dir_all(path)?;
            folder.write_recipe(&trainer.config)?;
            fs::write(folder.metrics(), "")?;
            Ok(())
        };
        make().with_context(|| format!("folder {}", path.display()))?;
        Ok(folder)
    }

    /// A folder that holds a run.
    pub fn open(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Writes the recipe.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write_recipe(&self, config: &Config) -> Result<()> {
        let path = self.path.join("config.toml");
        fs::write(&path, config.to_toml()?).with_context(|| format!("recipe {}", path.display()))
    }

    /// The state after the last epoch or the last stop.
    pub fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    /// The averaged weights of the epoch with the best validation accuracy.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// One line of JSON an epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The teacher's answers, where the run has one.
    pub fn soft_labels(&self) -> PathBuf {
        self.path.join("soft-labels.safetensors")
    }

    /// Losses and accuracies by epoch, as a picture.
    pub fn curves(&self) -> PathBuf {
        self.path.join("curves.svg")
    }

    /// The run as it was last saved; lines of metrics that are later than that are cut off.
    ///
    /// # Errors
    /// When there is no run or a file is damaged.
    pub fn resume(&self) -> Result<Trainer> {
        let trainer = load_state(&self.last())?;
        let kept: String = self
            .read_metrics()?
            .iter()
            .filter(|report| report.epoch <= trainer.progress.epoch)
            .map(|report| serde_json::to_string(report).map(|line| line + "\n"))
            .collect::<Result<_, _>>()?;
        fs::write(self.metrics(), kept)?;
        Ok(trainer)
    }

    /// Every epoch's metrics.
    ///
    /// # Errors
    /// When the file is missing or a line is damaged.
    pub fn read_metrics(&self) -> Result<Vec<EpochReport>> {
        let path = self.metrics();
        let read = || -> Result<Vec<EpochReport>> {
            let text = fs::read_to_string(&path)?;
            text.lines()
                .map(|line| Ok(serde_json::from_str(line)?))
                .collect()
        };
        read().with_context(|| format!("metrics {}", path.display()))
    }

    /// Saves an epoch: its metrics, the curves, the state, and the weights where they are
    /// the best.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save_epoch(&self, trainer: &Trainer, report: &EpochReport, best: bool) -> Result<()> {
        let line = serde_json::to_string(report)? + "\n";
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.metrics())
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("writing {}", self.metrics().display()))?;
        fs::write(self.curves(), report::curves(&self.read_metrics()?))
            .with_context(|| format!("writing {}", self.curves().display()))?;
        if best {
            let metadata = HashMap::from([
                ("classes".to_owned(), classes_text(&trainer.classes)?),
                ("config".to_owned(), trainer.config.to_toml()?),
                ("metrics".to_owned(), serde_json::to_string(report)?),
                (
                    "validation".to_owned(),
                    trainer.progress.validation.to_string(),
                ),
            ]);
            save(
                &self.best(),
                &trainer.average.to_tensors(&trainer.net),
                metadata,
            )?;
        }
        self.save_state(trainer)
    }

    /// Saves the state alone.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save_state(&self, trainer: &Trainer) -> Result<()> {
        save_state(trainer, &self.last())
    }
}
