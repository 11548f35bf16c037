//! Whether two names are of one file. A file is not opened for that: it may be a pipe that nobody
//! writes into, or one that can be written alone.

use std::path::{Path, PathBuf};

/// What tells a file that is there from all others of this machine, whichever of its names is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(#[cfg(unix)] (u64, u64), #[cfg(not(unix))] PathBuf);

/// Of the file or folder at `path`, if there is one: links of either kind are followed.
pub fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = path.metadata().ok()?;
        Some(Identity((file.dev(), file.ino())))
    }
    #[cfg(not(unix))]
    {
        path.canonicalize().ok().map(Identity)
    }
}

/// Whether both names are of one file, which need not be there yet.
pub fn are_one(a: &Path, b: &Path) -> bool {
    match (identity(a), identity(b)) {
        (None, None) => place(a).is_some_and(|a| place(b) == Some(a)),
        (a, b) => a == b,
    }
}

/// Where a file will be that is not there yet.
fn place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_several_names() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir(at("folder")).unwrap();
        for name in ["a", "b"] {
            std::fs::write(at(name), "the same text").unwrap();
        }
        std::fs::hard_link(at("a"), at("hard")).unwrap();
        for (a, b, one) in [
            ("a", "a", true),
            ("a", "folder/../a", true),
            ("a", "b", false),
            ("new", "new", true),
            ("new", "folder/../new", true),
            ("new", "newer", false),
            ("a", "new", false),
            ("absent/new", "absent/new", false),
            ("folder", "./folder/.", true),
            #[cfg(unix)]
            ("a", "hard", true),
        ] {
            assert_eq!(are_one(&at(a), &at(b)), one, "{a} and {b}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("a"), at("soft")).unwrap();
            assert!(are_one(&at("soft"), &at("hard")));
        }
    }
}
