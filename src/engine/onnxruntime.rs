//! ONNX Runtime, opened at run time: nothing of it is needed to build or to start.

use std::ffi::{CStr, OsStr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

use super::Engine;
use crate::{Error, Model, Result};

/// ONNX Runtime 1.17 or newer.
///
/// A session must not be run by two threads at once, though its documentation has it otherwise
/// (the crate `ort` explains it), so there are as many as run at once, up to one a core. They
/// are opened when they are first wanted.
pub struct OnnxRuntime {
    model: Model,
    threads: usize,
    sessions: Mutex<Sessions>,
    /// That a session is idle again.
    returned: Condvar,
    most: usize,
    library: &'static Path,
}

/// The sessions of an engine.
#[derive(Default)]
struct Sessions {
    idle: Vec<Session>,
    open: usize,
}

/// The library and its environment: one a process, as ONNX Runtime wants it.
struct Runtime {
    environment: Environment,
    library: PathBuf,
}

impl OnnxRuntime {
    /// Opens the library if this process has not yet, and loads `model`.
    ///
    /// # Errors
    /// [`Error::Engine`] when no library is found or it is too old, [`Error::Model`] when
    /// it refuses the model or the number of outputs is not that of the labels.
    pub fn open(model: &Model, threads: usize) -> Result<Self> {
        let runtime = runtime().as_ref().map_err(error)?;
        let info = model.info();
        let engine = Self {
            model: model.clone(),
            threads,
            sessions: Mutex::default(),
            returned: Condvar::new(),
            most: std::thread::available_parallelism().map_or(1, NonZero::get),
            library: &runtime.library,
        };
        // Also warms up: the first run allocates.
        let mut output = vec![0.0; info.labels.len()];
        engine
            .run(&vec![0.0; info.input.len()], 1, &mut output)
            .map_err(|e| model.error(e))?;
        Ok(engine)
    }

    /// A session of its own.
    fn session(&self) -> Result<Session> {
        let runtime = runtime().as_ref().map_err(error)?;
        Session::builder(&runtime.environment)
            .map_err(error)?
            .with_intra_threads(self.threads)
            .map_err(error)?
            // Threads that spin between frames would take the cores that decoding needs.
            .with_intra_op_spinning(false)
            .map_err(error)?
            .commit_from_memory(self.model.bytes())
            .map_err(|e| self.model.error(e))
    }

    /// A session that nobody else runs.
    fn lease(&self) -> Result<Lease<'_>> {
        let mut sessions = self.lock();
        loop {
            if let Some(session) = sessions.idle.pop() {
                return Ok(Lease {
                    engine: self,
                    session: Some(session),
                });
            }
            if sessions.open < self.most {
                sessions.open += 1;
                drop(sessions);
                let mut lease = Lease {
                    engine: self,
                    session: None,
                };
                lease.session = Some(self.session()?);
                return Ok(lease);
            }
            sessions = self
                .returned
                .wait(sessions)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine and where its library lies.
    pub fn description(&self) -> String {
        format!("onnxruntime ({})", self.library.display())
    }
}

/// A session in use, or the right to open one; given back in the end, also by a panic.
struct Lease<'a> {
    engine: &'a OnnxRuntime,
    session: Option<Session>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut sessions = self.engine.lock();
        match self.session.take() {
            Some(session) => sessions.idle.push(session),
            None => sessions.open -= 1,
        }
        drop(sessions);
        self.engine.returned.notify_one();
    }
}

impl Engine for OnnxRuntime {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let mut lease = self.lease()?;
        let session = lease.session.as_mut().expect("opened by the lease");
        run(session, &self.model, input, batch, output)
    }
}

fn run(
    session: &mut Session,
    model: &Model,
    input: &[f32],
    batch: usize,
    output: &mut [f32],
) -> Result<()> {
    let (shape, graph) = (model.info().input.shape(batch), model.graph());
    let tensor = TensorRef::from_array_view((shape, input)).map_err(error)?;
    let outputs = session
        .run(ort::inputs![graph.input.as_str() => tensor])
        .map_err(error)?;
    let (_, values) = outputs[graph.output.as_str()]
        .try_extract_tensor::<f32>()
        .map_err(error)?;
    if values.len() != output.len() {
        return Err(error(format!(
            "{} values for {batch} faces instead of {}",
            values.len(),
            output.len()
        )));
    }
    output.copy_from_slice(values);
    Ok(())
}

fn error(reason: impl ToString) -> Error {
    Error::Engine {
        engine: "onnxruntime",
        reason: reason.to_string(),
    }
}

fn runtime() -> &'static Result<Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut refused = Vec::new();
        for candidate in candidates() {
            match ort::init_from(&candidate) {
                Ok(builder) => {
                    let environment = builder
                        .with_name("fer")
                        .with_telemetry(false)
                        .build()
                        .map_err(|e| e.to_string())?;
                    return Ok(Runtime {
                        environment,
                        library: candidate,
                    });
                }
                Err(e) => refused.push(e.to_string()),
            }
        }
        // The last candidate is the loader's own search path, so there is always a reason.
        Err(format!("no usable library: {}", refused.join("; ")))
    })
}

/// Where the library may lie, best first: `ORT_DYLIB_PATH`, beside this program or plugin,
/// an active Python environment, the loader's own path.
fn candidates() -> Vec<PathBuf> {
    const NAME: &str = "libonnxruntime.so";
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()) {
        // Named by the user: a silent fallback would hide a typing error.
        return vec![path.into()];
    }
    let beside = own_path()
        .and_then(|path| path.parent().map(|dir| dir.join(NAME)))
        .filter(|path| path.exists());
    let python = std::env::var_os("VIRTUAL_ENV").and_then(|env| in_python(Path::new(&env)));
    beside
        .into_iter()
        .chain(python)
        .chain([NAME.into(), "libonnxruntime.so.1".into()])
        .collect()
}

/// The library inside the package `onnxruntime` of a Python environment.
fn in_python(env: &Path) -> Option<PathBuf> {
    let entries = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries(env.join("lib"))
        .map(|version| version.path().join("site-packages/onnxruntime/capi"))
        .flat_map(entries)
        .map(|file| file.path())
        .find(|path| {
            path.file_name()
                .and_then(OsStr::to_str)
                .is_some_and(|name| name.starts_with("libonnxruntime.so"))
        })
}

/// The file that this code was loaded from: the plugin, or the program.
fn own_path() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    let address = own_path as fn() -> Option<PathBuf> as *const libc::c_void;
    // SAFETY: `address` points into this module and `info` is large enough; dladdr fills it
    // where it returns other than zero.
    let info = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init()
    };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader keeps this nul-terminated name for as long as the module is loaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}
