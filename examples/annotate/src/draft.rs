//! Outputs that are there whole or not at all: written beside their place under another name, and
//! renamed when the run has succeeded.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// An output that is being written. It is removed unless it is finished or kept.
pub struct Draft {
    target: PathBuf,
    /// `None` for pipes and devices, which are written into as they are.
    part: Option<PathBuf>,
}

impl Draft {
    /// Makes an empty file beside `target`.
    ///
    /// # Errors
    /// When it can't be made, or `target` is a folder.
    pub fn new(target: &Path) -> Result<Self> {
        // What a link names is replaced, not the link.
        let target = match target.canonicalize() {
            Ok(target) => target,
            Err(_) => target.to_owned(),
        };
        let there = target.metadata().ok();
        if there.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            bail!("{}: it is a folder", target.display());
        }
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            return Ok(Self { target, part: None });
        }
        let (Some(name), Some(folder)) = (target.file_name(), target.parent()) else {
            bail!("{}: not a file's name", target.display());
        };
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            bail!("{}: no such folder", target.display());
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".part-{}", std::process::id()));
        let part = folder.join(hidden);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let made = options.open(&part).and_then(|file| match there {
            Some(there) => file.set_permissions(there.permissions()),
            None => Ok(()),
        });
        let part = Some(part);
        let draft = Self { target, part };
        made.with_context(|| draft.target.display().to_string())?;
        Ok(draft)
    }

    /// Where it is to be written now.
    pub fn path(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.target)
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When the file system does not.
    pub fn finish(mut self) -> Result<()> {
        match self.part.take() {
            Some(part) => std::fs::rename(&part, &self.target).inspect_err(|_| {
                // The failure to name it counts, whatever becomes of it.
                let _ = std::fs::remove_file(&part);
            }),
            None => Ok(()),
        }
        .with_context(|| self.target.display().to_string())
    }

    /// Leaves what there is of it in a file of another name, which it gives; `None` where there
    /// is nothing.
    pub fn keep(mut self) -> Option<PathBuf> {
        let part = self.part.take()?;
        let stem = self.target.file_stem()?.to_string_lossy().into_owned();
        let end = self.target.extension().map(|end| end.to_string_lossy());
        let end = end.map_or(String::new(), |end| format!(".{end}"));
        let id = std::process::id();
        let names = [
            format!("{stem}.part{end}"),
            format!("{stem}.part-{id}{end}"),
        ];
        let free = names.iter().map(|name| self.target.with_file_name(name));
        let kept = free.into_iter().find(|path| !path.exists());
        let is_empty = part.metadata().is_ok_and(|file| file.len() == 0);
        if let Some(kept) = kept.filter(|_| !is_empty)
            && std::fs::rename(&part, &kept).is_ok()
        {
            return Some(kept);
        }
        self.part = Some(part);
        None
    }
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
        assert_eq!(names(&folder), ["a.mkv", "a.part.mkv", "link"]);
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
