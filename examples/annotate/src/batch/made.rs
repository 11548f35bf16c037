//! With what options outputs were made.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::outputs::{outputs, time};
use crate::args::Args;
use crate::job::Job;

/// Which outputs are there, and with what options they were made. It lies beside them, so that
/// other options are noticed.
pub struct Made {
    options: String,
    by: HashMap<PathBuf, String>,
    folders: Vec<PathBuf>,
}

/// Lines of an output's name and of what its options come to.
const LEDGER: &str = ".fer-annotate";

/// All options that an output depends on.
pub fn options(args: &Args) -> String {
    let (detector, yunet) = (&args.detector, &args.yunet_model);
    let drawn = (args.bars, args.seconds, args.min_size);
    let models = [&args.network.model, yunet].map(|path| path.as_deref().and_then(time));
    format!(
        "{:?} {detector} {yunet:?} {drawn:?} {models:?}",
        args.network
    )
}

/// Begins with the same keys each time.
pub fn hash(of: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Made {
    /// What the folders of the outputs tell.
    pub fn new(args: &Args) -> Self {
        let folders = [&args.output, &args.records, &args.still];
        let folders: Vec<PathBuf> = folders.into_iter().flatten().cloned().collect();
        let mut made = Self {
            options: hash(options(args)),
            by: HashMap::new(),
            folders,
        };
        for folder in &made.folders {
            // A folder that is new has none; a line that was not written to its end is none.
            let text = std::fs::read_to_string(folder.join(LEDGER)).unwrap_or_default();
            for line in text.lines() {
                if let Ok((name, options)) = serde_json::from_str::<(PathBuf, String)>(line) {
                    made.by.insert(folder.join(name), options);
                }
            }
        }
        made
    }

    /// Whether all outputs were made with these options.
    pub fn knows(&self, job: &Job) -> bool {
        outputs(job).all(|output| self.by.get(output) == Some(&self.options))
    }

    /// Notes that a job is done.
    ///
    /// # Errors
    /// When the note can't be written.
    pub fn add(&mut self, job: &Job) -> Result<()> {
        for output in outputs(job) {
            let within =
                |folder: &PathBuf| Some((folder.join(LEDGER), output.strip_prefix(folder).ok()?));
            let Some((ledger, name)) = self.folders.iter().find_map(within) else {
                continue;
            };
            let line = serde_json::to_string(&(name, &self.options))?;
            let file = OpenOptions::new().append(true).create(true).open(&ledger);
            file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
                .with_context(|| ledger.display().to_string())?;
            self.by.insert(output.clone(), self.options.clone());
        }
        Ok(())
    }
}
