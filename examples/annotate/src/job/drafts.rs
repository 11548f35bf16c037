//! The outputs while they are written.

use std::path::PathBuf;

use anyhow::Result;

use super::Job;
use crate::checks::is_standard_output;
use crate::draft::Draft;

/// The outputs while they are written.
pub struct Drafts {
    pub output: Option<Draft>,
    pub records: Option<Draft>,
    pub still: Option<Draft>,
}

impl Drafts {
    /// None has its name yet.
    ///
    /// # Errors
    /// When one can't be written.
    pub fn new(job: &Job) -> Result<Self> {
        let make = match crate::checks::path(job.input).is_file() {
            true => Draft::new,
            false => Draft::of_stream,
        };
        let draft = |path: &Option<PathBuf>| path.as_deref().map(make).transpose();
        let to_file = |path: &&PathBuf| !is_standard_output(Some(path));
        Ok(Self {
            output: draft(&job.output)?,
            records: draft(&job.records.iter().find(to_file).cloned())?,
            still: draft(&job.still)?,
        })
    }

    fn all(&mut self) -> [&mut Option<Draft>; 3] {
        [&mut self.output, &mut self.records, &mut self.still]
    }

    /// Gives all of them their names; after a failure those that have none are here still.
    pub fn finish(&mut self) -> Result<()> {
        let drafts = self.all().into_iter();
        drafts.filter_map(Option::take).try_for_each(Draft::finish)
    }

    /// Keeps what can't be had again; says where it is.
    pub fn keep(&mut self) -> String {
        keep(self.all().into_iter().filter_map(Option::take))
    }
}

/// Keeps what can't be had again; says where it is.
pub fn keep(drafts: impl IntoIterator<Item = Draft>) -> String {
    let kept = drafts.into_iter().filter_map(Draft::keep);
    let kept: Vec<String> = kept.map(|path| path.display().to_string()).collect();
    match &kept[..] {
        [] => String::new(),
        kept => format!(" (what came before is in {})", kept.join(" and ")),
    }
}
