//! What is to be written: told at once where it can't be, and never what is read.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fer_cli::are_one;

/// Refuses to write `output`, where there is one, if it can't be written or is one of the `inputs`
/// by whatever name, before hours are spent on what it will say.
///
/// # Errors
/// Names the file.
pub fn file(output: Option<&Path>, inputs: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let Some(output) = output else { return Ok(()) };
    for input in inputs {
        ensure!(
            !are_one(output, &input),
            "{} is what is read, and would be overwritten",
            output.display()
        );
    }
    let cannot = || format!("{} can't be written", output.display());
    match output.metadata() {
        // Opened for more, so that nothing of it is lost.
        Ok(there) if there.is_file() => {
            let opened = OpenOptions::new().append(true).open(output);
            opened.map(drop).with_context(cannot)
        }
        Ok(there) if there.is_dir() => Err(anyhow::anyhow!("it is a folder")).with_context(cannot),
        // A pipe or a device is opened when there is something to say.
        Ok(_) => Ok(()),
        Err(_) => {
            let made = OpenOptions::new().write(true).create_new(true).open(output);
            made.map(drop).with_context(cannot)?;
            fs::remove_file(output).with_context(cannot)
        }
    }
}

/// Refuses a folder, where there is one, that can't be made or written into. It is left as it was.
///
/// # Errors
/// Names the folder.
pub fn folder(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    let new: Vec<&Path> = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    let probe = folder.join(format!(".fer-trainer-{}", std::process::id()));
    let tried = fs::create_dir_all(folder)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&probe));
    let outcome = tried.map(drop).and_then(|()| fs::remove_file(&probe));
    for made in new {
        // What was not made can't be removed.
        let _ = fs::remove_dir(made);
    }
    outcome.with_context(|| format!("folder {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_look_and_nothing_is_lost() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::write(at("there"), "text").unwrap();
        file(Some(&at("there")), []).unwrap();
        assert_eq!(std::fs::read_to_string(at("there")).unwrap(), "text");
        file(Some(&at("new")), []).unwrap();
        folder(Some(&at("a/b/c"))).unwrap();
        folder(Some(place.path())).unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
        assert!(file(Some(&at("there")), [at("there")]).is_err());
        assert!(file(Some(place.path()), []).is_err());
        assert!(file(Some(&at("absent/new")), []).is_err());
        assert!(folder(Some(&at("there/below"))).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_system_does_not_let_be_written_is_refused() {
        assert!(file(Some(Path::new("/proc/measures.json")), []).is_err());
        assert!(folder(Some(Path::new("/proc/x/y"))).is_err());
        file(Some(Path::new("/dev/null")), []).unwrap();
    }
}
