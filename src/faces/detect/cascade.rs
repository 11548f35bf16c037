//! Where cascade files are.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The cascade used when the user names none.
pub(super) const DEFAULT_CASCADE: &str = "haarcascade_frontalface_alt2.xml";

/// Folders in which Debian, Ubuntu, Fedora and OpenCV's own install put cascades.
const FOLDERS: [&str; 8] = [
    "/usr/share/opencv4/haarcascades",
    "/usr/local/share/opencv4/haarcascades",
    "/usr/share/opencv/haarcascades",
    "/usr/local/share/opencv/haarcascades",
    "/usr/share/OpenCV/haarcascades",
    "/usr/local/share/OpenCV/haarcascades",
    "/opt/opencv/share/opencv4/haarcascades",
    "/opt/homebrew/share/opencv4/haarcascades",
];

/// The cascade file to use when none is given: `FER_CASCADE` from the environment, else
/// OpenCV's `haarcascade_frontalface_alt2.xml` from where distributions put it or from
/// beside the executable.
///
/// # Errors
/// [`Error::Detector`] that names all the places when the file is in none.
pub fn find_cascade() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("FER_CASCADE").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let beside = std::env::current_exe().ok();
    let beside = beside.as_deref().and_then(Path::parent);
    search(FOLDERS.iter().map(Path::new).chain(beside))
}

fn search<'a>(folders: impl Iterator<Item = &'a Path>) -> Result<PathBuf> {
    let mut seen = Vec::new();
    for folder in folders {
        let path = folder.join(DEFAULT_CASCADE);
        if path.is_file() {
            return Ok(path);
        }
        seen.push(folder.display().to_string());
    }
    Err(Error::Detector {
        path: DEFAULT_CASCADE.into(),
        reason: format!(
            "not found in {}; install OpenCV's data (Debian: opencv-data), or give the file \
             by path or in FER_CASCADE",
            seen.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_every_place() {
        let folders = ["/nowhere/one", "/nowhere/two"];
        let error = search(folders.iter().map(Path::new)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(DEFAULT_CASCADE), "{text}");
        for folder in folders {
            assert!(text.contains(folder), "{text}");
        }
    }
}
