//! What a report will say of each file, while others are still to be read.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::items::Item;
use super::made::{hash, options};
use super::outputs::time;
use crate::args::Args;
use crate::draft::Draft;
use crate::report::Clip;
use crate::stale::hold;

/// Name of the file that tells other runs of this one.
const LOCK: &str = "lock";

/// What a report knows of the files, kept beside it until all have been read.
pub struct Parts {
    folder: PathBuf,
    /// Held by this run: another would remove what it needs.
    _lock: File,
    /// With other options it would be something else.
    options: String,
}

impl Parts {
    /// The folder beside the report.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(report: &Path, args: &Args) -> Result<Self> {
        let mut folder = report.as_os_str().to_owned();
        folder.push(".parts");
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = folder.join(LOCK);
        let lock = File::create(&lock).with_context(|| lock.display().to_string())?;
        if let Ok(false) = hold(&lock) {
            bail!("another run writes {}", report.display());
        }
        Ok(Self {
            folder,
            _lock: lock,
            options: options(args),
        })
    }

    fn path(&self, item: &Item) -> PathBuf {
        let name = hash((&item.path, &self.options));
        self.folder.join(format!("{name}.json"))
    }

    /// What was known of a file that is as it was then.
    pub fn read(&self, item: &Item) -> Option<Clip> {
        let path = self.path(item);
        let clip: Clip = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        let is_new = time(&path)? >= time(&item.path)?;
        (is_new && clip.name == item.name.display().to_string()).then_some(clip)
    }

    /// Keeps what is known of a file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, item: &Item, clip: &Clip) -> Result<()> {
        let path = self.path(item);
        let draft = Draft::new(&path)?;
        let text = serde_json::to_vec(clip)?;
        std::fs::write(draft.path(), text).with_context(|| path.display().to_string())?;
        draft.finish()
    }

    /// They hold pictures of faces, and nobody needs them any more, nor what runs with other files
    /// or options have left.
    ///
    /// # Errors
    /// When one can't be removed.
    pub fn remove(&self) -> Result<()> {
        let said = || self.folder.display().to_string();
        for entry in std::fs::read_dir(&self.folder).with_context(said)? {
            let path = entry.with_context(said)?.path();
            let is_ours = path.extension().is_some_and(|end| end == "json") || path.ends_with(LOCK);
            if is_ours {
                std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        // Something of somebody else may be in it.
        let _ = std::fs::remove_dir(&self.folder);
        Ok(())
    }
}
