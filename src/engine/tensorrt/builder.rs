//! From an ONNX file to a serialised engine.

use std::path::Path;

use prost::Message;
use trtx::builder::MemoryPoolType;
use trtx::trtx_sys::Dims64;
use trtx::{Builder, OnnxParser, OptProfileSelector};

use super::cuda::Device;
use super::library::{self, FLAVOUR, Library};
use super::messages::{explained, logger};
use super::{Network, Target, half};
use crate::model::{EngineFile, EngineHeader, Precision};
use crate::{Error, Model, Result};

/// Faces for which an engine is tuned.
const USUAL_BATCH: usize = 4;
/// Bytes that a layer may use beside its tensors; the network's largest need less.
const WORKSPACE: usize = 256 << 20;

/// How to build an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildOptions {
    /// Type of the arithmetic.
    pub precision: Precision,
    /// Most faces in one run; a network that takes just one number of faces is built for that.
    pub max_batch: usize,
    /// Cards to build for.
    pub targets: Vec<Target>,
    /// Number of the card that [`Target::Current`] means, counted from zero.
    pub device: usize,
}

impl Default for BuildOptions {
    /// 16-bit floats, 16 faces, the card in this machine.
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            max_batch: 16,
            targets: vec![Target::Current],
            device: 0,
        }
    }
}

/// An NVIDIA card in this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Such as `NVIDIA GeForce RTX 3060`.
    pub name: String,
    /// Compute capability, such as `sm_86`.
    pub capability: String,
}

/// Card number `index`, counted from zero.
///
/// # Errors
/// [`Error::Engine`] where there is no driver or no such card.
pub fn card(index: usize) -> Result<Card> {
    let describe = || {
        let device = Device::open(index)?;
        Ok(Card {
            name: device.name()?,
            capability: device.capability()?,
        })
    };
    describe().map_err(|reason: String| super::error(reason))
}

/// Builds an engine from an ONNX model. TensorRT's library is looked for in `folder` where
/// given; a card is needed only for [`Target::Current`].
///
/// # Errors
/// [`Error::Setting`] for options that can't be, [`Error::Model`] for a model that can't be
/// built from, [`Error::Engine`] where TensorRT is missing or refuses.
pub fn build(model: &Model, options: &BuildOptions, folder: Option<&Path>) -> Result<EngineFile> {
    check(options)?;
    let onnx = typed(model, options.precision)?;
    let library = library::open(folder).map_err(super::error)?;
    // The file names the card rather than `current`, so that another card can tell.
    let targets = match options.targets[..] {
        [Target::Current] => {
            let device = Device::open(options.device).map_err(super::error)?;
            device.bind().map_err(super::error)?;
            vec![device.capability().map_err(super::error)?]
        }
        _ => options.targets.iter().map(Target::to_string).collect(),
    };
    let engine = explained(|| serialise(model, &onnx, options)).map_err(super::error)?;
    let header = EngineHeader {
        model: model.info().clone(),
        input: model.graph().input.clone(),
        output: model.graph().output.clone(),
        flavour: FLAVOUR,
        tensorrt: library.version,
        targets,
        precision: options.precision,
        max_batch: model.graph().batch.unwrap_or(options.max_batch),
        batch: model.graph().batch,
        source_sha256: model.sha256(),
        engine_sha256: String::new(),
    };
    Ok(EngineFile::new(header, &engine))
}

/// The network that [`build`] would build from, as TensorRT's parser reads it. Needs no card.
///
/// # Errors
/// As [`build`].
pub fn network(model: &Model, precision: Precision, folder: Option<&Path>) -> Result<Network> {
    let onnx = typed(model, precision)?;
    library::open(folder).map_err(super::error)?;
    explained(|| {
        let logger = logger()?;
        let mut builder = Builder::new(logger).map_err(text)?;
        let network = builder.create_network(0).map_err(text)?;
        let mut parser = OnnxParser::new(network, logger).map_err(text)?;
        parser.parse(&onnx).map_err(text)?;
        Network::read(parser.network())
    })
    .map_err(super::error)
}

/// The version of TensorRT that [`build`] would use.
///
/// # Errors
/// [`Error::Engine`] where none is found.
pub fn library(folder: Option<&Path>) -> Result<Library> {
    library::open(folder).map_err(super::error)
}

fn check(options: &BuildOptions) -> Result<()> {
    if !(1..=1024).contains(&options.max_batch) {
        return Err(Error::Setting(format!(
            "max-batch {} is not 1 to 1024",
            options.max_batch
        )));
    }
    if options.targets.is_empty() {
        return Err(Error::Setting("no target to build for".to_owned()));
    }
    if options.targets.len() > 1 && options.targets.contains(&Target::Current) {
        return Err(Error::Setting(
            "target current can't be built together with others".to_owned(),
        ));
    }
    if cfg!(feature = "tensorrt-classic") && options.targets != [Target::Current] {
        return Err(Error::Setting(format!(
            "{FLAVOUR} builds only for the card in this machine (target current)"
        )));
    }
    let supported = Target::supported(options.precision);
    for target in &options.targets {
        if *target != Target::Current && !supported.contains(target) {
            return Err(Error::Setting(format!(
                "{target} can't be built in {}; use fp16",
                options.precision
            )));
        }
    }
    Ok(())
}

/// The graph in the types that the engine is to compute in.
fn typed(model: &Model, precision: Precision) -> Result<Vec<u8>> {
    if model.engine_file().is_some() {
        return Err(model.error("an engine is built from an ONNX file, not from an engine"));
    }
    let quantised = crate::onnx::proto::ModelProto::decode(model.bytes())
        .ok()
        .and_then(|proto| proto.graph)
        .is_some_and(|graph| graph.node.iter().any(|n| n.op_type == "QuantizeLinear"));
    match precision {
        Precision::Int8 if !quantised => Err(model.error(
            "int8 needs a quantised ONNX file (with QuantizeLinear nodes), and this is none",
        )),
        Precision::Fp32 | Precision::Fp16 if quantised => Err(model.error(format!(
            "the ONNX file is quantised, so the engine is int8, not {precision}"
        ))),
        Precision::Fp16 => half::to_half(model.bytes()).map_err(|e| model.error(e)),
        Precision::Fp32 | Precision::Int8 => Ok(model.bytes().to_vec()),
    }
}

fn serialise(model: &Model, onnx: &[u8], options: &BuildOptions) -> Result<Vec<u8>, String> {
    let logger = logger()?;
    let mut builder = Builder::new(logger).map_err(text)?;
    let network = builder.create_network(0).map_err(text)?;
    let mut parser = OnnxParser::new(network, logger).map_err(text)?;
    parser.parse(onnx).map_err(text)?;
    let (input, output) = (&model.graph().input, &model.graph().output);
    Network::read(parser.network())?.check(input, output)?;

    let mut config = builder.create_config().map_err(text)?;
    config.set_memory_pool_limit(MemoryPoolType::kWORKSPACE, WORKSPACE);
    let mut profile = builder.creata_optimization_profile().map_err(text)?;
    for (which, batch) in [
        (OptProfileSelector::kMIN, 1),
        (OptProfileSelector::kOPT, USUAL_BATCH.min(options.max_batch)),
        (OptProfileSelector::kMAX, options.max_batch),
    ] {
        let batch = model.graph().batch.unwrap_or(batch);
        let shape = model.info().input.shape(batch).map(|n| n as i64);
        profile
            .set_dimensions(input, which, &Dims64::from_slice(&shape))
            .map_err(text)?;
    }
    let added = config.add_optimization_profile(&mut profile);
    // TensorRT owns the profile and frees it with the builder; trtx would destroy it too.
    std::mem::forget(profile);
    added.map_err(text)?;
    aim(&mut config, &options.targets)?;
    let engine = builder
        .build_serialized_network(parser.network_mut(), &mut config)
        .map_err(text)?;
    Ok(engine.to_vec())
}

#[cfg(not(feature = "tensorrt-classic"))]
fn aim(config: &mut trtx::BuilderConfig, targets: &[Target]) -> Result<(), String> {
    use trtx::ComputeCapability;

    config
        .set_nb_compute_capabilities(targets.len() as i32)
        .map_err(text)?;
    for (i, target) in targets.iter().enumerate() {
        let capability = match target {
            Target::Current => ComputeCapability::kCURRENT,
            Target::Sm(75) => ComputeCapability::kSM75,
            Target::Sm(80) => ComputeCapability::kSM80,
            Target::Sm(86) => ComputeCapability::kSM86,
            Target::Sm(89) => ComputeCapability::kSM89,
            Target::Sm(120) => ComputeCapability::kSM120,
            Target::Sm(121) => ComputeCapability::kSM121,
            Target::Sm(_) => return Err(format!("{target} is not known to {FLAVOUR}")),
        };
        config
            .set_compute_capability(capability, i as i32)
            .map_err(text)?;
    }
    Ok(())
}

#[cfg(feature = "tensorrt-classic")]
fn aim(_: &mut trtx::BuilderConfig, _: &[Target]) -> Result<(), String> {
    Ok(())
}

pub(super) fn text(error: trtx::Error) -> String {
    match error {
        trtx::Error::Runtime(reason) => reason,
        other => other.to_string(),
    }
}
