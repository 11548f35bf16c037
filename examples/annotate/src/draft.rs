//! Outputs that are there whole or not at all: written beside their place under another name, and
//! renamed when the run has succeeded.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::stale::{self, Kind};

/// An output that is being written. It is removed unless it is finished or kept.
pub struct Draft {
    target: PathBuf,
    /// `None` for pipes and devices, which are written into as they are.
    part: Option<PathBuf>,
    /// By which other runs see that this one goes on.
    _held: Option<File>,
}

impl Draft {
    /// Makes an empty file beside `target`. What killed runs have left of it is removed, or, if it is
    /// of a stream, kept and told.
    ///
    /// # Errors
    /// When it can't be made, or `target` is a folder.
    pub fn new(target: &Path) -> Result<Self> {
        Self::instead(target, Kind::File)
    }

    /// The same for what can't be had again: a later run keeps it where this one is killed.
    ///
    /// # Errors
    /// As above.
    pub fn of_stream(target: &Path) -> Result<Self> {
        Self::instead(target, Kind::Stream)
    }

    fn instead(target: &Path, kind: Kind) -> Result<Self> {
        // What a link names is replaced, not the link.
        let target = match target.canonicalize() {
            Ok(target) => target,
            Err(_) if target.is_symlink() => {
                bail!("{}: a link to what is not there", target.display())
            }
            Err(_) => target.to_owned(),
        };
        let there = target.metadata().ok();
        if there.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            bail!("{}: it is a folder", target.display());
        }
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return Ok(Self {
                target,
                part: None,
                _held: None,
            });
        }
        let (Some(name), Some(folder)) = (target.file_name(), target.parent()) else {
            bail!("{}: not a file's name", target.display());
        };
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            bail!("{}: no such folder", target.display());
        }
        let name = name.to_string_lossy();
        stale::clear(stale::hidden(folder, &name, Kind::File), |stale| {
            // It is nobody's, and in nobody's way.
            let _ = std::fs::remove_file(stale);
        });
        stale::clear(stale::hidden(folder, &name, Kind::Stream), |stale| {
            let left = Self {
                target: target.clone(),
                part: Some(stale.to_owned()),
                _held: None,
            };
            if let Some(kept) = left.keep() {
                let kept = kept.display();
                eprintln!("warning: what a run that was killed has left is in {kept}");
            }
        });
        let hidden = stale::hidden(folder, &name, kind);
        let (part, file) = make(hidden).with_context(|| target.display().to_string())?;
        let allowed = there.map(|there| file.set_permissions(there.permissions()));
        let draft = Self {
            target,
            part: Some(part),
            _held: Some(file),
        };
        allowed
            .unwrap_or(Ok(()))
            .with_context(|| draft.target.display().to_string())?;
        Ok(draft)
    }

    /// Where it is to be written now.
    pub fn path(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.target)
    }

    /// Gives it its name, once all of it is on the disk.
    ///
    /// # Errors
    /// When the file system does not. What was written stays, and the error says where.
    pub fn finish(mut self) -> Result<()> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let written = File::open(&part).and_then(|file| file.sync_all());
        written
            .and_then(|()| std::fs::rename(&part, &self.target))
            .with_context(|| {
                let target = self.target.display();
                format!("{target}: it is in {} still", part.display())
            })
    }

    /// Leaves what there is of it in a file of another name, which it gives; `None` where there
    /// is nothing.
    pub fn keep(mut self) -> Option<PathBuf> {
        let part = self.part.as_ref()?;
        if part.metadata().is_ok_and(|file| file.len() == 0) {
            return None;
        }
        let part = self.part.take()?;
        let stem = self.target.file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy();
        let end = self.target.extension().map(|end| end.to_string_lossy());
        let end = end.map_or(String::new(), |end| format!(".{end}"));
        let first = std::iter::once(format!("{stem}.part{end}"));
        let names = first.chain((2..).map(|n| format!("{stem}.part-{n}{end}")));
        let kept = make(names.map(|name| self.target.with_file_name(name)));
        // It is there in any case, if only under the name that it had.
        let Ok((kept, _)) = kept else {
            return Some(part);
        };
        match std::fs::rename(&part, &kept) {
            Ok(()) => Some(kept),
            Err(_) => {
                let _ = std::fs::remove_file(kept);
                Some(part)
            }
        }
    }
}

/// Makes an empty file of the first of these names that is free.
fn make(names: impl Iterator<Item = PathBuf>) -> io::Result<(PathBuf, File)> {
    let mut taken = Vec::new();
    for path in names {
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                let file = made?;
                // Another run may have found it first, without anybody's hold, and removed it.
                if stale::hold(&file).unwrap_or(true) && stale::is_at(&file, &path) {
                    return Ok((path, file));
                }
            }
        }
        taken.push(path);
    }
    let (first, last) = (taken.first(), taken.last());
    let [first, last] = [first, last].map(|path| path.map_or(Path::new(""), PathBuf::as_path));
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!(
            "{} to {} are of other runs, or of killed ones, which can be removed",
            first.display(),
            last.display()
        ),
    ))
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(part) = &self.part else {
            return;
        };
        match std::fs::remove_file(part) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                eprintln!("fer-annotate: {}: {why}", part.display());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("fer-draft-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |e: io::Result<std::fs::DirEntry>| e.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_there_stays_until_the_end() {
        let folder = folder("stays");
        let (file, link) = (folder.join("a.mkv"), folder.join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("a.mkv", &link).unwrap();
        let draft = Draft::new(&link).unwrap();
        std::fs::write(draft.path(), "new").unwrap();
        drop(draft);
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        let draft = Draft::new(&link).unwrap();
        std::fs::write(draft.path(), "new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        draft.finish().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        let draft = Draft::new(&file).unwrap();
        std::fs::write(draft.path(), "half").unwrap();
        assert_eq!(draft.keep(), Some(folder.join("a.part.mkv")));
        // What was kept before stays.
        for kept in ["a.part-2.mkv", "a.part-3.mkv"] {
            let draft = Draft::new(&file).unwrap();
            std::fs::write(draft.path(), kept).unwrap();
            assert_eq!(draft.keep(), Some(folder.join(kept)));
        }
        let parts = ["a.part-2.mkv", "a.part-3.mkv", "a.part.mkv"];
        assert_eq!(names(&folder), [&["a.mkv"], &parts[..], &["link"]].concat());
        assert_eq!(std::fs::read(folder.join("a.part.mkv")).unwrap(), b"half");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_killed_runs_leave_is_cleared_and_what_others_write_is_not() {
        let folder = folder("killed");
        let file = folder.join("a.mkv");
        let other = Draft::new(&file).unwrap();
        std::fs::write(other.path(), "other").unwrap();
        // What the run reads that finds it is no matter.
        for (left, name, make) in [
            (
                "first",
                "stream-0",
                Draft::new as fn(&Path) -> Result<Draft>,
            ),
            ("second", "stream-1", Draft::of_stream),
            ("third", "part-1", Draft::new),
            ("fourth", "part-1", Draft::of_stream),
        ] {
            // Killed: nobody holds it.
            std::fs::write(folder.join(format!(".a.mkv.{name}")), left).unwrap();
            assert_eq!(std::fs::read(make(&file).unwrap().path()).unwrap(), b"");
        }
        assert_eq!(std::fs::read(other.path()).unwrap(), b"other");
        drop(other);
        assert_eq!(names(&folder), ["a.part-2.mkv", "a.part.mkv"]);
        assert_eq!(
            std::fs::read(folder.join("a.part-2.mkv")).unwrap(),
            b"second"
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = folder("in-the-way");
        let file = folder.join("a.mkv");
        let others: Vec<Draft> = (0..16).map(|_| Draft::new(&file).unwrap()).collect();
        let why = format!("{:#}", Draft::new(&file).err().unwrap());
        for name in [".a.mkv.part-0", ".a.mkv.part-15"] {
            assert!(why.contains(name), "{why}");
        }
        drop(others);
        assert!(Draft::new(&file).is_ok());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_gets_no_name_leaves_no_empty_file() {
        let folder = folder("no-empty-file");
        let draft = Draft::of_stream(&folder.join("a.mkv")).unwrap();
        // Somebody has put a folder there, which becomes no file.
        let part = draft.path().to_owned();
        std::fs::remove_file(&part).unwrap();
        std::fs::create_dir(&part).unwrap();
        assert_eq!(draft.keep(), Some(part));
        assert_eq!(names(&folder), [".a.mkv.stream-0"]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn finished_work_stays_when_it_gets_no_name() {
        let folder = folder("no-name");
        let file = folder.join("a.mkv");
        let draft = Draft::new(&file).unwrap();
        std::fs::write(draft.path(), "whole").unwrap();
        let part = draft.path().to_owned();
        // A folder can't be replaced.
        std::fs::create_dir(&file).unwrap();
        let why = format!("{:#}", draft.finish().unwrap_err());
        assert!(why.contains(part.to_str().unwrap()), "{why}");
        assert_eq!(std::fs::read(part).unwrap(), b"whole");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_that_lead_nowhere_stay() {
        let folder = folder("nowhere");
        let link = folder.join("link");
        std::os::unix::fs::symlink("absent", &link).unwrap();
        assert!(Draft::new(&link).is_err());
        assert_eq!(names(&folder), ["link"]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn devices_are_written_as_they_are() {
        let draft = Draft::new(Path::new("/dev/null")).unwrap();
        assert_eq!(draft.path(), Path::new("/dev/null"));
        draft.finish().unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }
}
