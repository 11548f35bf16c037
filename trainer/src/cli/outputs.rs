//! Files to write, which must not be those that are read.

use std::path::Path;

use anyhow::{Result, ensure};

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
