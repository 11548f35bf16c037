//! Where tests and benches find pictures and clips, which are no part of the repository.

use std::path::{Path, PathBuf};

/// The file `name`: in `FER_MEDIA_DIR`, in what `make test` fetched, or beside the checkout.
pub fn find(name: &str) -> Option<PathBuf> {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    // The workspace's root, whichever of its crates this is compiled into.
    let root = folders.find(|folder| folder.join("Cargo.lock").is_file())?;
    std::env::var_os("FER_MEDIA_DIR")
        .map(PathBuf::from)
        .into_iter()
        .chain([root.join(".fer/media"), root.join("../shared/data/media")])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
