//! The folder of a run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Config, EpochReport};
use crate::Result;
use crate::error::Context;

/// Where the files of a run are: `best.safetensors`, `last.safetensors`, `config.toml`,
/// `metrics.jsonl` and `curves.svg`.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder and writes the recipe into it.
    ///
    /// # Errors
    /// When there is a run in it already, or it can't be written.
    pub fn create(path: &Path, config: &Config) -> Result<Self> {
        let folder = Self::open(path);
        folder.check_new()?;
        let make = || -> Result<()> {
            fs::create_dir_all(path)?;
            folder.write_recipe(config)?;
            fs::write(folder.metrics(), "")?;
            // Those of a run that was here before would be taken for this one's on --resume.
            if folder.soft_labels().exists() {
                fs::remove_file(folder.soft_labels())?;
            }
            Ok(())
        };
        make().with_context(|| format!("folder {}", path.display()))?;
        Ok(folder)
    }

    /// Whether a run may begin here.
    ///
    /// # Errors
    /// When there is a run in it already.
    pub fn check_new(&self) -> Result<()> {
        ensure!(
            !self.last().exists(),
            Training,
            "{} holds a run already: go on with --resume, or choose another folder",
            self.path.display()
        );
        ensure!(
            !self.path.exists() || self.path.is_dir(),
            Training,
            "{} is no folder",
            self.path.display()
        );
        Ok(())
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

    /// Adds an epoch's metrics.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn append_metrics(&self, report: &EpochReport) -> Result<()> {
        let line = serde_json::to_string(report)? + "\n";
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.metrics())
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("writing {}", self.metrics().display()))
    }

    /// Cuts off the metrics of epochs after `epoch`, which a run that is resumed there has again.
    ///
    /// # Errors
    /// As [`RunFolder::read_metrics`]; when the file can't be written.
    pub fn cut_metrics(&self, epoch: u64) -> Result<()> {
        let kept: String = self
            .read_metrics()?
            .iter()
            .filter(|report| report.epoch <= epoch)
            .map(|report| serde_json::to_string(report).map(|line| line + "\n"))
            .collect::<Result<_, _>>()?;
        fs::write(self.metrics(), kept)
            .with_context(|| format!("writing {}", self.metrics().display()))
    }
}
