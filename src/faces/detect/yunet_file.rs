//! Where the YuNet network is.

use std::path::{Path, PathBuf};

use crate::loaded::own_file;

/// How its files begin and end, as the OpenCV model zoo names them.
const NAME: (&str, &str) = ("face_detection_yunet", ".onnx");

/// The YuNet file to use when none is given: `FER_YUNET` from the environment, else a file
/// `face_detection_yunet*.onnx` beside the plugin or the program that this is a part of, or in
/// the folder `fer` of the user's data (`XDG_DATA_HOME`, or `~/.local/share`), `/usr/local/share`
/// or `/usr/share`. `None` where there is none.
pub fn find_yunet() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("FER_YUNET") {
        return Some(path.into());
    }
    let own = variable("XDG_DATA_HOME").map(PathBuf::from);
    let own = own.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".local/share")));
    let shared = ["/usr/local/share", "/usr/share"].map(PathBuf::from);
    let beside = own_file().and_then(|file| Some(file.parent()?.to_owned()));
    let data = own.into_iter().chain(shared).map(|data| data.join("fer"));
    beside
        .into_iter()
        .chain(data)
        .find_map(|folder| within(&folder))
}

/// The latest such file in `folder`, by its name.
fn within(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| name.starts_with(NAME.0) && name.ends_with(NAME.1);
    names.filter(fits).max().map(|name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_several_files_is_taken() {
        let folder = std::env::temp_dir().join(format!("fer-yunet-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(within(&folder), None);
        for name in [
            "face_detection_yunet_2023mar.onnx",
            "face_detection_yunet_2026may.onnx",
            "face_detection_yunet_2026may.txt",
            "other.onnx",
        ] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let latest = folder.join("face_detection_yunet_2026may.onnx");
        assert_eq!(within(&folder), Some(latest));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
