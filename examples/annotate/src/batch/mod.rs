//! Folders and lists of files: one after the other, each to outputs of its own name. What is
//! complete is not done again, and what fails does not end the rest.

mod items;
mod made;
mod outputs;
mod parts;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use fer_cli::one_line;

use crate::args::Args;
use crate::checks::path;
use crate::draft::Draft;
use crate::job::{self, Done, Job};
use crate::progress::Progress;
use crate::report::{self, Clip, Method};
use items::Item;
use made::Made;
use parts::Parts;

/// Pictures of which a report has large stills, at most; all are held until it is written.
const LARGE_STILLS: usize = 100;

/// What became of the files.
#[derive(Default)]
struct Outcome {
    /// Those that were complete.
    skipped: usize,
    /// Names, and why they could not be done.
    failed: Vec<(String, String)>,
    /// For the report.
    clips: Vec<Clip>,
}

/// Whether there are several files to be done.
pub fn is_many(args: &Args) -> bool {
    args.serve.is_none() && (args.inputs.len() > 1 || path(&args.inputs[0]).is_dir())
}

/// Does all files.
///
/// # Errors
/// When one failed or none is there.
pub fn run(args: &Args, interrupted: &Arc<AtomicBool>) -> Result<()> {
    let (items, other) = items::items(args)?;
    if items.is_empty() {
        bail!("{}: no pictures or videos in it", args.inputs.join(", "));
    }
    let small = items.iter().filter(|item| item.is_picture()).count() > LARGE_STILLS;
    let jobs = items.iter().map(|item| Job {
        small: small && item.is_picture(),
        ..outputs::job(args, item)
    });
    let jobs: Vec<Job> = jobs.collect();
    outputs::are_apart(args, &jobs)?;
    outputs::are_folders(args)?;
    let page = |path: &Path| Ok::<_, anyhow::Error>((Draft::new(path)?, Parts::new(path, args)?));
    let page = args.report.as_deref().map(page).transpose()?;
    let parts = page.as_ref().map(|(_, parts)| parts);

    let mut progress = Progress::over(items.len());
    let outcome = all(args, &items, &jobs, parts, interrupted, &mut progress);
    progress.finish();
    let Outcome {
        skipped,
        failed,
        clips,
    } = outcome?;

    let done = items.len() - failed.len() - skipped;
    let names: Vec<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    // Before anything is printed: where nobody reads that, the program ends.
    if let Some((page, parts)) = page {
        report::write(page, &clips, failed, &Method::new(args))?;
        if names.is_empty() {
            parts.remove()?;
        }
    }
    println!(
        "{done} files done, {skipped} were complete, {} failed",
        names.len()
    );
    if other > 0 {
        println!("{other} other files left out");
    }
    if let Some(path) = &args.report {
        println!("report: {}", path.display());
    }
    if !names.is_empty() {
        bail!(
            "{} of {} files failed: {}",
            names.len(),
            items.len(),
            names.join(", ")
        );
    }
    Ok(())
}

/// Does one file after the other, `jobs` of `items`, that is not complete.
///
/// # Errors
/// When it is interrupted, or what is done can't be noted.
fn all(
    args: &Args,
    items: &[Item],
    jobs: &[Job],
    parts: Option<&Parts>,
    interrupted: &Arc<AtomicBool>,
    progress: &mut Progress,
) -> Result<Outcome> {
    let mut made = Made::new(args);
    let mut outcome = Outcome::default();
    for (number, (item, job)) in items.iter().zip(jobs).enumerate() {
        let is_interrupted = || interrupted.load(Ordering::Relaxed);
        let stopped = || {
            anyhow::anyhow!(
                "stopped after {number} of {} files; the same command goes on",
                items.len()
            )
        };
        if is_interrupted() {
            return Err(stopped());
        }
        let name = item.name.display().to_string();
        progress.file(&name, number);
        let known = parts.and_then(|parts| parts.read(item));
        let is_known = parts.is_none() || known.is_some();
        if is_known && outputs::is_complete(job, &item.path) && made.knows(job) {
            outcome.skipped += 1;
            outcome.clips.extend(known);
            continue;
        }
        let done = outputs::make_folders(job).and_then(|()| job::run(job, interrupted, progress));
        match done {
            Ok(Done { clip, .. }) => {
                made.add(job)?;
                if let (Some(mut clip), Some(parts)) = (clip, parts) {
                    clip.name = name;
                    parts.write(item, &clip)?;
                    outcome.clips.push(clip);
                }
            }
            Err(_) if is_interrupted() => return Err(stopped()),
            Err(why) => {
                let why = one_line(&format!("{why:#}"));
                progress.say(&format!("fer-annotate: {why}"));
                // The page names the file anyway, and where it lay is for nobody else.
                let why = why.replace(&format!("{}: ", item.path.display()), "");
                outcome.failed.push((name, why));
            }
        }
    }
    Ok(outcome)
}
