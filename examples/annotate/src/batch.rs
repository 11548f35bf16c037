//! Folders and lists of files: one after the other, each to outputs of its own name. What is
//! complete is not done again, and what fails does not end the rest.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use fer_cli::{are_one, identity, one_line};

use crate::args::Args;
use crate::checks::path;
use crate::draft::Draft;
use crate::job::{self, Done, Job};
use crate::progress::Progress;
use crate::report::{self, Clip, Method};

/// Ends of the names of files that are looked at in folders.
const PICTURES: [&str; 11] = [
    "bmp", "gif", "jpe", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp",
];
const VIDEOS: [&str; 17] = [
    "3gp", "avi", "flv", "m2ts", "m4v", "mjpeg", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv",
    "ts", "vob", "webm", "wmv",
];

/// Pictures of which a report has large stills, at most; all are held until it is written.
const LARGE_STILLS: usize = 100;

/// A file, and the name that its outputs have in their folders.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    path: PathBuf,
    name: PathBuf,
}

/// What a report knows of the files, kept beside it until all have been read.
struct Parts {
    folder: PathBuf,
    /// With other options it would be something else.
    options: String,
}

/// Which outputs are there, and with what options they were made. It lies beside them, so that
/// other options are noticed.
struct Made {
    options: String,
    by: HashMap<PathBuf, String>,
    folders: Vec<PathBuf>,
}

/// Lines of an output's name and of what its options come to.
const LEDGER: &str = ".fer-annotate";

/// Whether there are several files to be done.
pub fn is_many(args: &Args) -> bool {
    args.serve.is_none() && (args.inputs.len() > 1 || path(&args.inputs[0]).is_dir())
}

/// Does all files.
///
/// # Errors
/// When one failed or none is there.
pub fn run(args: &Args, interrupted: &Arc<AtomicBool>) -> Result<()> {
    let (items, other) = items(args)?;
    if items.is_empty() {
        bail!("{}: no pictures or videos in it", args.inputs.join(", "));
    }
    let is_picture = |item: &Item| has_end(&item.name, &PICTURES);
    let small = items.iter().filter(|item| is_picture(item)).count() > LARGE_STILLS;
    let jobs = items.iter().map(|item| Job {
        small: small && is_picture(item),
        ..job(args, item)
    });
    let jobs: Vec<Job> = jobs.collect();
    are_apart(args, &jobs)?;
    let page = args.report.as_deref().map(Draft::new).transpose()?;
    let parts = args.report.as_deref().map(|path| Parts::new(path, args));
    let parts = parts.transpose()?;
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
    }
    let mut made = Made::new(args)?;
    let mut progress = Progress::over(items.len());
    let mut clips = Vec::new();
    let mut failed: Vec<(String, String)> = Vec::new();
    let mut skipped = 0;
    for (number, (item, job)) in items.iter().zip(&jobs).enumerate() {
        let stopped = || {
            anyhow::anyhow!(
                "stopped after {number} of {} files; the same command goes on",
                items.len()
            )
        };
        if interrupted.load(Ordering::Relaxed) {
            progress.finish();
            return Err(stopped());
        }
        let name = item.name.display().to_string();
        progress.file(&name, number);
        let known = parts.as_ref().and_then(|parts| parts.read(item));
        let is_known = parts.is_none() || known.is_some();
        if is_known && is_complete(job, &item.path) && made.knows(job) {
            skipped += 1;
            clips.extend(known);
            continue;
        }
        let done = make_folders(job).and_then(|()| job::run(job, interrupted, &mut progress));
        if done.is_err() && interrupted.load(Ordering::Relaxed) {
            progress.finish();
            return Err(stopped());
        }
        match done {
            Ok(Done { clip, .. }) => {
                made.add(job)?;
                if let (Some(mut clip), Some(parts)) = (clip, &parts) {
                    clip.name = name;
                    parts.write(item, &clip)?;
                    clips.push(clip);
                }
            }
            Err(why) => {
                let why = one_line(&format!("{why:#}"));
                progress.say(&format!("fer-annotate: {why}"));
                // The page names the file anyway, and where it lay is for nobody else.
                let why = why.replace(&format!("{}: ", item.path.display()), "");
                failed.push((name, why));
            }
        }
    }
    progress.finish();
    let done = items.len() - failed.len() - skipped;
    println!(
        "{done} files done, {skipped} were complete, {} failed",
        failed.len()
    );
    if other > 0 {
        println!("{other} other files left out");
    }
    let names: Vec<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    if let (Some(path), Some(page), Some(parts)) = (&args.report, page, parts) {
        report::write(page, &clips, failed, &Method::new(args))?;
        println!("report: {}", path.display());
        if names.is_empty() {
            parts.remove(&items)?;
        }
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

/// The files in order, and how many others there are in the folders.
fn items(args: &Args) -> Result<(Vec<Item>, usize)> {
    let outputs = [&args.output, &args.records, &args.still];
    let outputs: Vec<&PathBuf> = outputs.into_iter().flatten().collect();
    let mut items = BTreeSet::new();
    let mut other = 0;
    for input in &args.inputs {
        let root = path(input);
        if root.is_dir() {
            walk(&root, &root, &outputs, &mut items, &mut other)?;
            continue;
        }
        if input.contains("://") && !root.exists() || input.starts_with("/dev/") {
            let input = crate::watch::name(input);
            bail!("{input}: streams and cameras are annotated one at a time, or shown by --serve");
        }
        let name = root.file_name().map(PathBuf::from).unwrap_or_default();
        items.insert(Item { path: root, name });
    }
    Ok((items.into_iter().collect(), other))
}

fn walk(
    root: &Path,
    folder: &Path,
    outputs: &[&PathBuf],
    items: &mut BTreeSet<Item>,
    other: &mut usize,
) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links to folders may lead in a circle.
        if entry.file_type()?.is_dir() {
            if !outputs.iter().any(|output| are_one(output, &path)) {
                walk(root, &path, outputs, items, other)?;
            }
        } else if path.is_file() {
            if has_end(&path, &PICTURES) || has_end(&path, &VIDEOS) {
                let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
                items.insert(Item { path, name });
            } else {
                *other += 1;
            }
        }
    }
    Ok(())
}

fn has_end(path: &Path, ends: &[&str]) -> bool {
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    end.is_some_and(|end| ends.iter().any(|e| end == *e))
}

/// The outputs of a file: its name in each folder, with an end that says what the output is.
fn job<'a>(args: &'a Args, item: &'a Item) -> Job<'a> {
    let with = |folder: &Option<PathBuf>, end: &str| {
        let mut name = folder.as_ref()?.join(&item.name).into_os_string();
        name.push(end);
        Some(PathBuf::from(name))
    };
    let name = &item.name;
    let copy = if has_end(name, &["png", "jpg", "jpeg", "mkv", "mp4", "webm"]) {
        ""
    } else if has_end(name, &PICTURES) && !has_end(name, &["gif"]) {
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

fn outputs<'a>(job: &'a Job) -> impl Iterator<Item = &'a PathBuf> {
    [&job.output, &job.records, &job.still]
        .into_iter()
        .flatten()
}

/// # Errors
/// When an output would be that of two files, or what is read would be written over.
fn are_apart(args: &Args, jobs: &[Job]) -> Result<()> {
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

fn make_folders(job: &Job) -> Result<()> {
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
fn is_complete(job: &Job, input: &Path) -> bool {
    let mut outputs = outputs(job).peekable();
    if outputs.peek().is_none() && !job.clip {
        return false;
    }
    outputs.all(|output| time(output).is_some_and(|output| Some(output) >= time(input)))
}

/// All options that an output depends on.
fn options(args: &Args) -> String {
    let (detector, yunet) = (&args.detector, &args.yunet_model);
    let drawn = (args.bars, args.seconds, args.min_size);
    let models = [&args.network.model, yunet].map(|path| path.as_deref().and_then(time));
    format!(
        "{:?} {detector} {yunet:?} {drawn:?} {models:?}",
        args.network
    )
}

/// Begins with the same keys each time.
fn hash(of: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Made {
    fn new(args: &Args) -> Result<Self> {
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
        Ok(made)
    }

    /// Whether all outputs were made with these options.
    fn knows(&self, job: &Job) -> bool {
        outputs(job).all(|output| self.by.get(output) == Some(&self.options))
    }

    fn add(&mut self, job: &Job) -> Result<()> {
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

impl Parts {
    /// The folder beside the report.
    fn new(report: &Path, args: &Args) -> Result<Self> {
        let mut folder = report.as_os_str().to_owned();
        folder.push(".parts");
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            folder,
            options: options(args),
        })
    }

    fn path(&self, item: &Item) -> PathBuf {
        let name = hash((&item.path, &self.options));
        self.folder.join(format!("{name}.json"))
    }

    /// What was known of a file that is as it was then.
    fn read(&self, item: &Item) -> Option<Clip> {
        let path = self.path(item);
        let clip: Clip = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let is_new = time(&path)? >= time(&item.path)?;
        (is_new && clip.name == item.name.display().to_string()).then_some(clip)
    }

    fn write(&self, item: &Item, clip: &Clip) -> Result<()> {
        let path = self.path(item);
        let draft = Draft::new(&path)?;
        let text = serde_json::to_vec(clip)?;
        std::fs::write(draft.path(), text).with_context(|| path.display().to_string())?;
        draft.finish()
    }

    /// They hold pictures of faces, and nobody needs them any more.
    fn remove(&self, items: &[Item]) -> Result<()> {
        for path in items.iter().map(|item| self.path(item)) {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        // What earlier runs with other files or options have left is for those.
        let _ = std::fs::remove_dir(&self.folder);
        Ok(())
    }
}

fn time(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}
