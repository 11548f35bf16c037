//! Where the library of ONNX Runtime is looked for.

use std::env;
use std::ffi::{CStr, CString, OsStr, OsString, c_int, c_void};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

use crate::loaded::{file_of, own_file};

/// Name of the library; versioned ones go on behind it.
const NAME: &str = "libonnxruntime.so";
/// Versions 1.x by whose file name the loader is asked: where only a distribution's package is
/// installed, its file has no other name.
const VERSIONS: std::ops::RangeInclusive<u32> = 17..=40;

/// A library's file, and the loader's hold on it until the file has been opened anew.
pub struct Found {
    path: PathBuf,
    _held: Option<Held>,
}

impl Found {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Libraries that there are, best first, each looked for when it is its turn; and why there is
/// none in a place that should have one.
pub fn libraries() -> Box<dyn Iterator<Item = Result<Found, String>>> {
    let file = |path| Ok(Found { path, _held: None });
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        // Named by the user: a silent fallback would hide a typing error.
        return Box::new(iter::once(file(path.into())));
    }
    let files = loaded()
        .into_iter()
        .chain(beside_plugin())
        .chain(asked_for());
    Box::new(files.map(file).chain(iter::once_with(by_loader).flatten()))
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The file that this process has loaded already, if it has.
fn loaded() -> Option<PathBuf> {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        found: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader gives a valid description, and `found` is what `loaded` gave it.
        let (name, found) = unsafe { ((*info).dlpi_name, &mut *found.cast::<Option<PathBuf>>()) };
        if name.is_null() {
            return 0;
        }
        // SAFETY: the loader's names are nul-terminated and live as long as the visit.
        let name = unsafe { CStr::from_ptr(name) };
        let path = Path::new(OsStr::from_bytes(name.to_bytes()));
        if is_library(path) {
            *found = Some(path.to_owned());
        }
        c_int::from(found.is_some())
    }
    let mut found: Option<PathBuf> = None;
    // SAFETY: `visit` has the signature asked for, and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), ptr::from_mut(&mut found).cast()) };
    found
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name.starts_with(NAME))
}

/// The file beside the one that this code was loaded from, if that is not the program itself.
fn beside_plugin() -> Option<PathBuf> {
    let own = own_file()?;
    let program = env::current_exe().and_then(|path| path.canonicalize());
    if program.is_ok_and(|program| program == own) {
        return None;
    }
    beside(&own)
}

fn beside(file: &Path) -> Option<PathBuf> {
    Some(file.parent()?.join(NAME)).filter(|path| path.exists())
}

/// What `FER_ORT_SEARCH` asks for: whoever runs a program or has activated an environment need
/// not want its library in this process, so neither is looked into unasked.
fn asked_for() -> Vec<PathBuf> {
    let places = variable("FER_ORT_SEARCH").unwrap_or_default();
    let places = places.to_string_lossy();
    let mut found = Vec::new();
    for place in places.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        match place {
            "program" => found.extend(env::current_exe().ok().and_then(|exe| beside(&exe))),
            "python" => found.extend(
                ["VIRTUAL_ENV", "CONDA_PREFIX"]
                    .into_iter()
                    .filter_map(variable)
                    .filter_map(|folder| in_python(Path::new(&folder))),
            ),
            other => log::warn!("FER_ORT_SEARCH: {other:?} is neither program nor python"),
        }
    }
    found
}

/// The library inside the package `onnxruntime` of a Python environment.
fn in_python(environment: &Path) -> Option<PathBuf> {
    let entries = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries(environment.join("lib"))
        .map(|version| version.path().join("site-packages/onnxruntime/capi"))
        .flat_map(entries)
        .map(|file| file.path())
        .find(|path| is_library(path))
}

/// What the loader finds by itself, and what it says where it finds nothing.
fn by_loader() -> impl Iterator<Item = Result<Found, String>> {
    let versions = VERSIONS.rev().map(|minor| format!("{NAME}.1.{minor}"));
    let names = [NAME.to_owned(), format!("{NAME}.1")].into_iter();
    let mut present = false;
    let mut names = names.chain(versions);
    iter::from_fn(move || {
        for name in names.by_ref() {
            if let Some(result) = open(&name).transpose() {
                present = true;
                return Some(result);
            }
        }
        let none = !std::mem::replace(&mut present, true);
        none.then(|| {
            Err(format!(
                "the loader finds no {NAME}, {NAME}.1 or {NAME}.1.{} to .{}",
                VERSIONS.start(),
                VERSIONS.end()
            ))
        })
    })
}

/// Has the loader open a library by its name. That it is not there is no error.
fn open(name: &str) -> Result<Option<Found>, String> {
    let wanted = CString::new(name).map_err(|e| e.to_string())?;
    // SAFETY: the name is nul-terminated; the library is ONNX Runtime by its name, whose
    // initialisers may run at any time.
    let handle = unsafe { libc::dlopen(wanted.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
    let Some(handle) = NonNull::new(handle) else {
        // SAFETY: dlerror gives null or a nul-terminated text that lives until the next call
        // into the loader on this thread.
        let said = unsafe {
            let said = libc::dlerror();
            (!said.is_null()).then(|| CStr::from_ptr(said).to_string_lossy().into_owned())
        };
        let said = said.unwrap_or_default();
        let absent = said.starts_with(&format!("{name}:")) && said.contains("No such file");
        return if absent { Ok(None) } else { Err(said) };
    };
    let held = Held(handle);
    // SAFETY: the library is open, and the name nul-terminated.
    let entry = unsafe { libc::dlsym(handle.as_ptr(), c"OrtGetApiBase".as_ptr()) };
    let path = (!entry.is_null()).then(|| file_of(entry)).flatten();
    match path {
        Some(path) => Ok(Some(Found {
            path,
            _held: Some(held),
        })),
        None => Err(format!("{name} is not ONNX Runtime")),
    }
}

/// A library that stays open until this is dropped.
struct Held(NonNull<c_void>);

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle is dlopen's and closed once. Whoever uses the library has opened it
        // for itself.
        unsafe { libc::dlclose(self.0.as_ptr()) };
    }
}
