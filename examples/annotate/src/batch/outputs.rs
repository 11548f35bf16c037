//! The outputs of each file: their names, and whether they are there already.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use fer_cli::identity;

use super::items::{Item, has_end};
use crate::args::Args;
use crate::job::Job;

/// The outputs of a file: its name in each folder, with an end that says what the output is.
pub fn job<'a>(args: &'a Args, item: &'a Item) -> Job<'a> {
    let with = |folder: &Option<PathBuf>, end: &str| {
        let mut name = folder.as_ref()?.join(&item.name).into_os_string();
        name.push(end);
        Some(PathBuf::from(name))
    };
    let name = &item.name;
    let copy = if has_end(name, &["png", "jpg", "jpeg", "mkv", "mp4", "webm"]) {
        ""
    } else if item.is_picture() && !has_end(name, &["gif"]) {
        ".png"
    } else {
        ".mkv"
    };
    Job {
        args,
        input: item.path.to_str().unwrap_or_default(),
        output: with(&args.output, copy),
        records: with(&args.records, ".jsonl"),
        still: with(&args.still, ".png"),
        one_of_many: true,
        small: false,
        clip: args.report.is_some(),
        live: None,
    }
}

/// All that a job writes.
pub fn outputs<'a>(job: &'a Job) -> impl Iterator<Item = &'a PathBuf> {
    [&job.output, &job.records, &job.still]
        .into_iter()
        .flatten()
}

/// Whether each output is for one file alone.
///
/// # Errors
/// When an output would be that of two files, or what is read would be written over.
pub fn are_apart(args: &Args, jobs: &[Job]) -> Result<()> {
    let models = [&args.network.model, &args.yunet_model];
    let models = models.into_iter().flatten().map(PathBuf::as_path);
    let inputs = jobs.iter().map(|job| Path::new(job.input));
    let read: HashSet<_> = inputs.chain(models).filter_map(identity).collect();
    let mut written = HashMap::new();
    for job in jobs {
        for output in outputs(job) {
            let shown = output.display();
            if identity(output).is_some_and(|id| read.contains(&id)) {
                bail!("{shown}: input and output are the same file");
            }
            if let Some(other) = written.insert(std::path::absolute(output)?, job.input) {
                bail!(
                    "{shown}: it would be the output of both {other} and {}",
                    job.input
                );
            }
        }
    }
    Ok(())
}

/// Ends of names that nobody gives to a folder.
const FILES: [&str; 9] = [
    "csv", "jsonl", "json", "png", "jpg", "jpeg", "mkv", "mp4", "webm",
];

/// Whether there can be several files where outputs go.
///
/// # Errors
/// Names what is no folder.
pub fn are_folders(args: &Args) -> Result<()> {
    for folder in [&args.output, &args.records, &args.still]
        .into_iter()
        .flatten()
    {
        if folder.exists() && !folder.is_dir() {
            bail!(
                "{}: for several files it must be a folder",
                folder.display()
            );
        }
        if !folder.exists() && has_end(folder, &FILES) {
            bail!(
                "{}: for several files it is a folder, and this is the name of a file",
                folder.display()
            );
        }
    }
    Ok(())
}

/// Makes the folders that a job's outputs go to.
///
/// # Errors
/// When one can't be made.
pub fn make_folders(job: &Job) -> Result<()> {
    if job.input.is_empty() {
        bail!("a file's name that is not text");
    }
    for output in outputs(job) {
        if let Some(folder) = output.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(())
}

/// Whether all outputs are there and newer than the input. They get their names when they are
/// whole.
pub fn is_complete(job: &Job, input: &Path) -> bool {
    let mut outputs = outputs(job).peekable();
    if outputs.peek().is_none() && !job.clip {
        return false;
    }
    outputs.all(|output| time(output).is_some_and(|output| Some(output) >= time(input)))
}

/// When a file was written last, if it is there.
pub fn time(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}
