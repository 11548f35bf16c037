//! Finding and opening TensorRT's libraries at run time.

use std::ffi::{OsStr, c_int};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use libloading::{Library as Loaded, Symbol};

use crate::model::Flavour;
use crate::sync::lock;

/// Which TensorRT this program was built for.
pub const FLAVOUR: Flavour = if cfg!(feature = "tensorrt-classic") {
    Flavour::Classic
} else {
    Flavour::Rtx
};

/// Environment variable with the folder of the libraries.
pub const FOLDER_VARIABLE: &str = "FER_TENSORRT_LIB";

/// File names of the library and its ONNX parser, best first, and the folder inside a Python
/// environment's `site-packages` that has them.
const NAMES: [[&str; 2]; 2] = match FLAVOUR {
    Flavour::Rtx => [
        ["libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"],
        ["libtensorrt_rtx.so", "libtensorrt_onnxparser_rtx.so"],
    ],
    Flavour::Classic => [
        ["libnvinfer.so.11", "libnvonnxparser.so.11"],
        ["libnvinfer.so", "libnvonnxparser.so"],
    ],
};
const PACKAGE: &str = match FLAVOUR {
    Flavour::Rtx => "tensorrt_rtx_libs",
    Flavour::Classic => "tensorrt_libs",
};
/// The version whose interface is compiled in; a newer one of the same major version has it
/// too, an older one lacks entries.
const NEEDED: (c_int, c_int) = match FLAVOUR {
    Flavour::Rtx => (1, 7),
    Flavour::Classic => (11, 4),
};

/// TensorRT, open for the rest of this process.
#[derive(Debug, Clone)]
pub struct Library {
    /// The file, as it was asked for.
    pub path: PathBuf,
    /// Such as `1.7.1.116`.
    pub version: String,
}

/// Opens TensorRT and its ONNX parser if this process has not yet: in `folder` where given,
/// else in the folder that `FER_TENSORRT_LIB` names, else in an active Python environment,
/// else where the loader looks.
///
/// # Errors
/// Where it was looked for and why that did not do, in one line.
pub fn open(folder: Option<&Path>) -> Result<Library, String> {
    static OPEN: Mutex<Option<Library>> = Mutex::new(None);
    let mut open = lock(&OPEN);
    if let Some(library) = &*open {
        return Ok(library.clone());
    }
    let mut refused = Vec::new();
    for [main, parser] in candidates(folder) {
        match load(&main, &parser) {
            Ok(version) => {
                let library = Library {
                    path: main,
                    version,
                };
                log::info!("{FLAVOUR} {} ({})", library.version, library.path.display());
                return Ok(open.insert(library).clone());
            }
            Err(reason) => refused.push(reason),
        }
    }
    Err(format!(
        "no usable library of {FLAVOUR}: {}",
        refused.join("; ")
    ))
}

fn load(main: &Path, parser: &Path) -> Result<String, String> {
    let version = version(main)?;
    // The parser first: the library, which has just been opened, will not fail any more, so
    // that the two never come from different folders.
    trtx::dynamically_load_tensorrt_onnxparser(Some(parser)).map_err(reason)?;
    trtx::dynamically_load_tensorrt(Some(main)).map_err(reason)?;
    Ok(version)
}

/// The cause at the end of the chain: the loader's own message, which names the file.
fn reason(error: impl std::error::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        reason = deeper.to_string();
        cause = deeper.source();
    }
    reason
}

/// Asks the library for its version before anything of its C++ interface is used.
fn version(path: &Path) -> Result<String, String> {
    // SAFETY: the file is TensorRT's by its name, whose initialisers may run at any time; it
    // stays open for as long as the symbols are used.
    let library = unsafe { Loaded::new(path) }.map_err(reason)?;
    let mut parts = [0; 4];
    for (part, name) in parts.iter_mut().zip(["Major", "Minor", "Patch", "Build"]) {
        let name = format!("getInferLib{name}Version");
        // SAFETY: TensorRT declares these as `int32_t (void) noexcept` with C linkage.
        *part = unsafe {
            let symbol: Symbol<unsafe extern "C" fn() -> c_int> = library
                .get(name.as_bytes())
                .map_err(|_| format!("{} is not TensorRT 10 or newer", path.display()))?;
            symbol()
        };
    }
    let [major, minor, patch, build] = parts;
    let version = format!("{major}.{minor}.{patch}.{build}");
    if major != NEEDED.0 || minor < NEEDED.1 {
        return Err(format!(
            "{} is version {version}, but {}.{} or a newer {}.x is needed",
            path.display(),
            NEEDED.0,
            NEEDED.1,
            NEEDED.0
        ));
    }
    Ok(version)
}

fn candidates(folder: Option<&Path>) -> Vec<[PathBuf; 2]> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let named = folder
        .map(Path::to_owned)
        .or_else(|| variable(FOLDER_VARIABLE).map(PathBuf::from));
    if let Some(folder) = named {
        // Named by the user: a silent fallback would hide a typing error.
        return within(&folder);
    }
    ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .into_iter()
        .filter_map(variable)
        .flat_map(|environment| in_python(&environment))
        .flat_map(|folder| within(&folder))
        .chain(NAMES.map(|pair| pair.map(PathBuf::from)))
        .collect()
}

/// The files in `folder` by the first names that are there, or by the first names at all.
fn within(folder: &Path) -> Vec<[PathBuf; 2]> {
    let pairs = NAMES.map(|pair| pair.map(|name| folder.join(name)));
    let there = pairs.iter().find(|[main, _]| main.exists());
    vec![there.unwrap_or(&pairs[0]).clone()]
}

fn in_python(environment: &OsStr) -> Option<PathBuf> {
    std::fs::read_dir(Path::new(environment).join("lib"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("site-packages").join(PACKAGE))
        .find(|folder| folder.is_dir())
}
