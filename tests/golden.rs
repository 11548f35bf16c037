//! A picture with known probabilities guards preparation, label order and weights: a
//! network that is fed otherwise than in training still answers, only wrongly.

mod clips;
mod skip;

use std::collections::BTreeMap;

use fer::engine::{EngineKind, EngineOptions};
use fer::model::Bundled;
use fer::{Classifier, Frame, Model, Rect};
use skip::skip;

/// Largest difference of a probability: engines round differently, nothing else may.
const TOLERANCE: f32 = 0.005;

#[derive(serde::Deserialize)]
struct Golden {
    picture: String,
    /// Left, top, width and height of the face.
    face: [f32; 4],
    /// One map for each model.
    standard: BTreeMap<String, f32>,
    small: BTreeMap<String, f32>,
    accurate: BTreeMap<String, f32>,
}

#[test]
fn the_bundled_models_say_of_the_portrait_what_they_said_when_they_were_made() {
    let golden: Golden = serde_json::from_str(include_str!("data/golden.json")).unwrap();
    let Some(image) = clips::frames(&golden.picture).and_then(|mut frames| frames.pop()) else {
        return skip(format!("{} is missing", golden.picture));
    };
    let frame = Frame::gray(image.pixels(), image.width(), image.height()).unwrap();
    let [x, y, width, height] = golden.face;
    let models = [
        (Bundled::Standard, &golden.standard),
        (Bundled::Small, &golden.small),
        (Bundled::Accurate, &golden.accurate),
    ]
    .map(|(which, wanted)| (Model::built_in(which).unwrap(), wanted));
    let kinds = [EngineKind::Builtin, EngineKind::OnnxRuntime];
    for ((model, wanted), kind) in models.iter().flat_map(|m| kinds.map(|kind| (m, kind))) {
        let options = EngineOptions {
            kind,
            ..EngineOptions::default()
        };
        let mut classifier = match Classifier::new(model, &options) {
            Ok(classifier) => classifier,
            Err(why) if kind == EngineKind::OnnxRuntime => {
                skip(why);
                continue;
            }
            Err(why) => panic!("{why}"),
        };
        let faces = [Rect::new(x, y, width, height)];
        let prediction = classifier.classify(&frame, &faces).unwrap().remove(0);
        let labels = model.info().labels.iter().cloned();
        let have: BTreeMap<String, f32> = labels.zip(prediction.probabilities).collect();
        for (label, want) in *wanted {
            let off = have.get(label).is_none_or(|p| (p - want).abs() > TOLERANCE);
            assert!(
                !off,
                "{}, {kind}: {label} is not {want}: {have:?}",
                model.name()
            );
        }
        assert_eq!(have.len(), wanted.len());
    }
}
