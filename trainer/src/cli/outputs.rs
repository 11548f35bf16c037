//! Files to write, which must not be those that are read.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Refuses to write `output` where that is one of the `inputs`, by whatever name.
///
/// # Errors
/// Names the file.
pub fn spare<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    for input in inputs {
        ensure!(
            !is_same(output, input),
            "{} is what is read, and would be overwritten",
            output.display()
        );
    }
    Ok(())
}

/// Makes the folder that a report goes into, before hours are spent on what it will say.
///
/// # Errors
/// Names the folder.
pub fn folder(path: Option<&Path>) -> Result<()> {
    let made = path.map_or(Ok(()), std::fs::create_dir_all);
    made.with_context(|| format!("folder {}", path.unwrap_or(Path::new("")).display()))
}

/// Refuses a file that can't be written, before hours are spent on what it will say.
///
/// # Errors
/// Names the file.
pub fn file(path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    ensure!(
        !path.is_dir() && folder.is_none_or(Path::is_dir),
        "{} can't be written: it is a folder, or its folder is not there",
        path.display()
    );
    Ok(())
}

/// Whether two paths, both of files that are there, lead to the same one: links of either kind do.
pub fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino()));
        matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
    }
    #[cfg(not(unix))]
    {
        let place = |path: &Path| path.canonicalize();
        matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
    }
}
