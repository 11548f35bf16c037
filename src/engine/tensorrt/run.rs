//! An engine on a card.

use std::sync::Mutex;

use trtx::trtx_sys::Dims64;
use trtx::{CudaEngine, DataType, ExecutionContext, Runtime};

use super::builder::text;
use super::cuda::{Buffer, Device};
use super::library::{self, FLAVOUR};
use super::messages::{explained, logger};
use super::validity::{Validity, ask};
use super::{BuildOptions, Target, build, cache, error};
use crate::engine::{Engine, batches};
use crate::model::{EngineFile, EngineHeader, Precision};
use crate::{Model, Result};

/// An engine of TensorRT with memory on the card for its largest batch.
pub struct TensorRt {
    /// A card does one thing at a time.
    card: Mutex<Card>,
    library: String,
}

/// What lies on the card.
struct Card {
    running: Running,
    header: EngineHeader,
    device: Device,
    input: Buffer,
    output: Buffer,
    /// Faces for which the context's input shape is set.
    batch: usize,
}

/// Dropped from the context to the runtime, as TensorRT asks for.
struct Running {
    context: ExecutionContext<'static>,
    _engine: CudaEngine<'static>,
    _runtime: Runtime<'static>,
}

// SAFETY: TensorRT's objects are bound to no thread; they must not be used by two at once,
// which the lock around them ensures. The card is made the calling thread's before each use.
unsafe impl Send for Running {}

impl TensorRt {
    /// Opens an engine for `model` on card number `device`: the file itself where it is an
    /// engine, else one that is built from it in `precision`, or was before.
    ///
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) with the reason: no driver, no card, no
    /// library, an engine of another version or for another card, no memory left on the card;
    /// [`Error::Model`](crate::Error::Model) for a model that TensorRT can't build.
    pub fn open(model: &Model, device: usize, precision: Precision) -> Result<Self> {
        let index = device;
        let device = Device::open(index).map_err(error)?;
        let library = library::open(None).map_err(error)?;
        device.bind().map_err(error)?;
        let (file, running) = match model.engine_file() {
            Some(file) => {
                accept(file, &library.version, &device.capability().map_err(error)?)
                    .map_err(|reason| model.error(reason))?;
                let running = explained(|| start(file)).map_err(error)?;
                (file.clone(), running)
            }
            None => {
                let capability = device.capability().map_err(error)?;
                built(model, precision, &library.version, index, capability)?
            }
        };
        Self::new(model, &file, running, device, &library.version)
    }

    fn new(
        model: &Model,
        file: &EngineFile,
        mut running: Running,
        device: Device,
        version: &str,
    ) -> Result<Self> {
        let header = file.header().clone();
        let info = model.info();
        let input = Buffer::new(&device, header.max_batch * info.input.len()).map_err(error)?;
        let output = Buffer::new(&device, header.max_batch * info.labels.len()).map_err(error)?;
        let context = &mut running.context;
        // SAFETY: both addresses hold the largest batch, and the buffers live as long as the
        // context, beside which they are kept.
        unsafe {
            context
                .set_tensor_address(&header.input, input.address())
                .and_then(|()| context.set_tensor_address(&header.output, output.address()))
        }
        .map_err(|e| error(text(e)))?;
        let library = format!("{FLAVOUR} {version}, {} on {}", header.precision, {
            device.name().map_err(error)?
        });
        let card = Card {
            running,
            header,
            device,
            input,
            output,
            batch: 0,
        };
        let engine = Self {
            card: Mutex::new(card),
            library,
        };
        // Also warms up: the first run allocates and compiles.
        let faces = model.graph().batch.unwrap_or(1);
        let mut scores = vec![0.0; faces * info.labels.len()];
        engine.run(&vec![0.0; faces * info.input.len()], faces, &mut scores)?;
        Ok(engine)
    }

    /// The library, its version, the precision and the card.
    pub fn description(&self) -> String {
        format!("tensorrt ({})", self.library)
    }
}

impl Card {
    fn run_part(&mut self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<(), String> {
        self.device.bind()?;
        let context = &mut self.running.context;
        if self.batch != batch {
            let shape = self.header.model.input.shape(batch).map(|n| n as i64);
            context
                .set_input_shape(&self.header.input, &Dims64::from_slice(&shape))
                .map_err(text)?;
            self.batch = batch;
        }
        self.input.upload(&self.device, input)?;
        // SAFETY: the stream is the device's own and alive, and the addresses set in `new`
        // hold the largest batch.
        unsafe { context.enqueue_v3(self.device.stream()) }.map_err(text)?;
        self.output.download(&self.device, output)
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // TensorRT frees memory on the card that is the thread's, and this may be another
        // thread than ever ran the engine. Where that fails there is no card left.
        let _ = self.device.bind();
    }
}

impl Engine for TensorRt {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        // After a panic the context may have any shape, which the next run sets anew.
        let mut card = self.card.lock().unwrap_or_else(|poisoned| {
            let mut card = poisoned.into_inner();
            card.batch = 0;
            card
        });
        let most = card.header.max_batch;
        for (input, faces, output) in batches(input, batch, most, output) {
            let done = card.run_part(input, faces, output);
            done.map_err(|reason| {
                // What the context was told before no longer holds for sure.
                card.batch = 0;
                error(reason)
            })?;
        }
        Ok(())
    }
}

fn built(
    model: &Model,
    precision: Precision,
    version: &str,
    device: usize,
    capability: String,
) -> Result<(EngineFile, Running)> {
    let options = BuildOptions {
        precision,
        targets: vec![Target::Current],
        device,
        ..BuildOptions::default()
    };
    let key = cache::Key {
        model: model.sha256(),
        flavour: FLAVOUR,
        version: version.to_owned(),
        device: capability,
        precision,
        max_batch: model.graph().batch.unwrap_or(options.max_batch),
    };
    let build = || build(model, &options, None);
    let open = |file: &EngineFile| explained(|| start(file));
    match cache::folder() {
        Some(folder) => cache::get_or_build(&folder, &key, build, open),
        None => {
            let file = build()?;
            let running = open(&file).map_err(error)?;
            Ok((file, running))
        }
    }
}

/// Whether an engine file can run here, by what it says of itself.
fn accept(file: &EngineFile, version: &str, capability: &str) -> Result<(), String> {
    let header = file.header();
    if header.flavour != FLAVOUR {
        return Err(format!(
            "built with {}, and this program runs {FLAVOUR}",
            header.flavour
        ));
    }
    if header.tensorrt != version {
        return Err(format!(
            "built with {} {}, but the library here is {version}; export it again",
            header.flavour, header.tensorrt
        ));
    }
    if !header.targets.iter().any(|target| target == capability) {
        return Err(format!(
            "built for {}, but the card here is {capability}",
            header.targets.join(", ")
        ));
    }
    Ok(())
}

fn start(file: &EngineFile) -> Result<Running, String> {
    let header = file.header();
    let mut runtime = Runtime::new(logger()?).map_err(text)?;
    if let Validity::Refused(reason) = ask(&runtime, file.engine())? {
        return Err(reason);
    }
    let mut engine = runtime
        .deserialize_cuda_engine(file.engine())
        .map_err(text)?;
    let [_, picture @ ..] = header.model.input.shape(1);
    let classes = [header.model.labels.len()];
    for (name, wanted) in [
        (&header.input, &picture[..]),
        (&header.output, &classes[..]),
    ] {
        let kind = engine.tensor_data_type(name).map_err(text)?;
        if kind != DataType::kFLOAT {
            return Err(format!(
                "tensor {name:?} is of {kind:?}, not of 32-bit floats"
            ));
        }
        // The memory on the card is made for what the header says, so the engine must too. The
        // batch and what else is open are -1; axes of one say nothing.
        let shape = engine.tensor_shape(name).map_err(text)?;
        let own = shape.iter().skip(1).filter(|n| **n != 1);
        let wanted = wanted.iter().filter(|n| **n != 1);
        if !own.eq(wanted.map(|n| *n as i64).collect::<Vec<_>>().iter()) {
            return Err(format!(
                "tensor {name:?} is of shape {shape:?}, not what its header says"
            ));
        }
    }
    let context = context(&mut engine)?;
    Ok(Running {
        context,
        _engine: engine,
        _runtime: runtime,
    })
}

/// A context that replays a CUDA graph for each batch size it has seen.
#[cfg(not(feature = "tensorrt-classic"))]
fn context(engine: &mut CudaEngine<'static>) -> Result<ExecutionContext<'static>, String> {
    let mut config = engine.create_runtime_config().map_err(text)?;
    config
        .set_cuda_graph_strategy(trtx::CudaGraphStrategy::kWHOLE_GRAPH_CAPTURE)
        .map_err(text)?;
    engine
        .create_execution_context_with_config(std::rc::Rc::new(config))
        .map_err(text)
}

#[cfg(feature = "tensorrt-classic")]
fn context(engine: &mut CudaEngine<'static>) -> Result<ExecutionContext<'static>, String> {
    engine.create_execution_context().map_err(text)
}
