//! Engine files of TensorRT that no TensorRT has built.

use fer::Model;
use fer::model::{EngineHeader, Flavour, Precision};

/// What the file of an engine of the bundled model for these cards says of itself.
pub fn header(targets: &[&str]) -> EngineHeader {
    let model = Model::bundled().unwrap();
    EngineHeader {
        model: model.info().clone(),
        input: model.graph().input.clone(),
        output: model.graph().output.clone(),
        flavour: Flavour::Rtx,
        tensorrt: "1.7.1.116".into(),
        targets: targets.iter().copied().map(str::to_owned).collect(),
        precision: Precision::Fp16,
        max_batch: 16,
        batch: None,
        source_sha256: model.sha256(),
        engine_sha256: String::new(),
    }
}
