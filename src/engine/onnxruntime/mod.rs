//! ONNX Runtime, opened at run time: nothing of it is needed to build or to start.
//!
//! Its library, 1.17 or newer, is taken from the first of these that has a usable one:
//!
//! 1. `ORT_DYLIB_PATH`: this file and no other;
//! 2. this process, where something else has loaded it, such as GStreamer's own plugin `onnx`:
//!    two copies in one process get in each other's way;
//! 3. the folder of the plugin, where this code is in one;
//! 4. what `FER_ORT_SEARCH` names, with commas between: `program` for the folder of the running
//!    program, `python` for the package `onnxruntime` of an active Python environment
//!    (`VIRTUAL_ENV`, `CONDA_PREFIX`);
//! 5. the loader's search path: `libonnxruntime.so`, `libonnxruntime.so.1`, and
//!    `libonnxruntime.so.1.40` down to `libonnxruntime.so.1.17`.

mod search;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::ep::CUDA;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::value::TensorRef;

use super::{Engine, ExecutionProvider};
use crate::sync::lock;
use crate::{Error, Model, Result};

/// ONNX Runtime 1.17 or newer.
///
/// A session must not be run by two threads at once, though its documentation has it otherwise
/// (the crate `ort` explains it), so there are as many as run at once, up to one a core, or one
/// on a card. They are opened when they are first wanted.
pub struct OnnxRuntime {
    model: Model,
    threads: usize,
    provider: ExecutionProvider,
    device: usize,
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
    /// Opens the library if this process has not yet, and loads `model` for runs on `threads`
    /// threads of the processor or on card number `device`.
    ///
    /// # Errors
    /// [`Error::Engine`] when no library is found, it is too old, or it can't use the card;
    /// [`Error::Model`] when it refuses the model or the number of outputs is not that of the
    /// labels.
    pub fn open(
        model: &Model,
        threads: usize,
        provider: ExecutionProvider,
        device: usize,
    ) -> Result<Self> {
        let runtime = runtime().as_ref().map_err(error)?;
        let info = model.info();
        let engine = Self {
            model: model.clone(),
            threads,
            provider,
            device,
            sessions: Mutex::default(),
            returned: Condvar::new(),
            most: match provider {
                ExecutionProvider::Cpu => {
                    std::thread::available_parallelism().map_or(1, NonZero::get)
                }
                ExecutionProvider::Cuda => 1,
            },
            library: &runtime.library,
        };
        // Also warms up: the first run allocates.
        let faces = model.graph().batch.unwrap_or(1);
        let mut output = vec![0.0; faces * info.labels.len()];
        let warmed = engine.run(&vec![0.0; faces * info.input.len()], faces, &mut output);
        match provider {
            ExecutionProvider::Cpu => warmed.map_err(|e| model.error(e))?,
            // A card may be what is wrong, too.
            ExecutionProvider::Cuda => warmed?,
        }
        Ok(engine)
    }

    /// A session of its own.
    fn session(&self) -> Result<Session> {
        let runtime = runtime().as_ref().map_err(error)?;
        let builder = Session::builder(&runtime.environment).map_err(error)?;
        let builder = match self.provider {
            ExecutionProvider::Cpu => builder,
            ExecutionProvider::Cuda => {
                let cuda = CUDA::default()
                    .with_device_id(self.device as i32)
                    // The exhaustive search, which is the default, would stop the stream for a
                    // while at each number of faces that is new.
                    .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                    // Answers are to be those of other engines.
                    .with_tf32(false);
                builder
                    .with_execution_providers([cuda.build().error_on_failure()])
                    .map_err(|why| {
                        error(format!("no CUDA in {}: {why}", runtime.library.display()))
                    })?
            }
        };
        builder
            .with_intra_threads(self.threads)
            .map_err(error)?
            // Threads that spin between frames would take the cores that decoding needs.
            .with_intra_op_spinning(false)
            .map_err(error)?
            // What fails comes back as an error; it need not be on the terminal too.
            .with_log_level(LogLevel::Fatal)
            .map_err(error)?
            .commit_from_memory(self.model.bytes())
            .map_err(|e| self.model.error(e))
    }

    /// A session that nobody else runs.
    fn lease(&self) -> Result<Lease<'_>> {
        let mut sessions = lock(&self.sessions);
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

    /// The engine and where its library lies.
    pub fn description(&self) -> String {
        let library = self.library.display();
        match self.provider {
            ExecutionProvider::Cpu => format!("onnxruntime ({library})"),
            ExecutionProvider::Cuda => format!("onnxruntime ({library}) on card {}", self.device),
        }
    }
}

/// A session in use, or the right to open one; given back in the end, also by a panic.
struct Lease<'a> {
    engine: &'a OnnxRuntime,
    session: Option<Session>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut sessions = lock(&self.engine.sessions);
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
        for found in search::libraries() {
            let opened = found.and_then(|library| {
                let builder = ort::init_from(library.path()).map_err(|e| e.to_string())?;
                Ok((builder, library.path().to_owned()))
            });
            match opened {
                Ok((builder, library)) => {
                    let environment = builder
                        .with_name("fer")
                        .with_telemetry(false)
                        .build()
                        .map_err(|e| e.to_string())?;
                    return Ok(Runtime {
                        environment,
                        library,
                    });
                }
                Err(reason) => refused.push(reason),
            }
        }
        // The loader's own search path comes last, so there is always a reason.
        Err(format!("no usable library: {}", refused.join("; ")))
    })
}
