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
    looks: Vec<Look>,
}

#[derive(serde::Deserialize)]
struct Look {
    /// Left, top, width and height. Beside the face itself there is a box that is so far off
    /// that the networks are in doubt, since only then a small mistake shows.
    face: [f32; 4],
    /// One map for each model.
    standard: BTreeMap<String, f32>,
    small: BTreeMap<String, f32>,
    accurate: BTreeMap<String, f32>,
}

impl Look {
    fn of(&self, which: Bundled) -> &BTreeMap<String, f32> {
        match which {
            Bundled::Standard => &self.standard,
            Bundled::Small => &self.small,
            Bundled::Accurate => &self.accurate,
        }
    }
}

#[test]
fn the_bundled_models_say_of_the_portrait_what_they_said_when_they_were_made() {
    let golden: Golden = serde_json::from_str(include_str!("data/golden.json")).unwrap();
    let Some(image) = clips::frames(&golden.picture).and_then(|mut frames| frames.pop()) else {
        return skip(format!("{} is missing", golden.picture));
    };
    let frame = Frame::gray(image.pixels(), image.width(), image.height()).unwrap();
    let mut wrong = Vec::new();
    for which in [Bundled::Standard, Bundled::Small, Bundled::Accurate] {
        let model = Model::built_in(which).unwrap();
        for kind in [EngineKind::Builtin, EngineKind::OnnxRuntime] {
            let options = EngineOptions {
                kind,
                ..EngineOptions::default()
            };
            let mut classifier = match Classifier::new(&model, &options) {
                Ok(classifier) => classifier,
                Err(why) if kind == EngineKind::OnnxRuntime => {
                    skip(why);
                    continue;
                }
                Err(why) => panic!("{why}"),
            };
            for look in &golden.looks {
                let wanted = look.of(which);
                let [x, y, width, height] = look.face;
                let faces = [Rect::new(x, y, width, height)];
                let prediction = classifier.classify(&frame, &faces).unwrap().remove(0);
                let labels = model.info().labels.iter().cloned();
                let have: BTreeMap<String, f32> = labels.zip(prediction.probabilities).collect();
                let off = |(label, want): (&String, &f32)| {
                    have.get(label).is_none_or(|p| (p - want).abs() > TOLERANCE)
                };
                if have.len() != wanted.len() || wanted.iter().any(off) {
                    let (name, face) = (model.name(), look.face);
                    wrong.push(format!("{name}, {kind}, {face:?}: {have:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
