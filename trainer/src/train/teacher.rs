//! What trained networks say of views of the training pictures, for a student to learn from.
//!
//! Every picture is shown in several views, drawn as in training, and a student sees the same
//! views with the teacher's probabilities (Beyer et al. 2022, "Knowledge distillation: a good
//! teacher is patient and consistent"). They are computed once and kept in a file, since a
//! teacher costs several times what its student does.

use std::collections::HashMap;
use std::path::Path;

use fer::classify::softmax;

use super::predict_views;
use crate::artifact::{Network, classes_text, load, save};
use crate::augment::{Augment, View, finish};
use crate::data::{Sample, digest};
use crate::error::Context;
use crate::nn::Workspace;
use crate::nn::weights::{Tensor, Tensors};
use crate::rng::Rng;
use crate::{Error, Result};

/// Pictures of one pass.
const BATCH: usize = 32;

/// Probabilities of every class for views of training pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftLabels {
    /// Class names in the order of labels.
    pub classes: Vec<String>,
    /// Ranges from which the views were drawn.
    pub augment: Augment,
    /// Start of their random numbers.
    pub seed: u64,
    /// Views of a picture.
    pub views: usize,
    /// Tells whether pictures are those that the teachers saw.
    digest: u64,
    /// Pictures x views x classes.
    probabilities: Vec<f32>,
}

impl SoftLabels {
    /// Asks `teachers` about `views` views of every sample and averages their answers.
    /// `progress` is told how many of the passes over the samples are done.
    ///
    /// # Errors
    /// When there is no teacher, or one was trained on other classes.
    pub fn compute(
        teachers: &[Network],
        classes: &[String],
        samples: &[&Sample],
        views: usize,
        augment: &Augment,
        seed: u64,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Self> {
        ensure!(!teachers.is_empty(), Artifact, "there is no teacher");
        for teacher in teachers {
            ensure!(
                teacher.classes == classes,
                Artifact,
                "the teacher {} knows the classes {}, the data has {}",
                teacher.path.display(),
                teacher.classes.join(", "),
                classes.join(", ")
            );
        }
        let mut probabilities = vec![0.0; samples.len() * views * classes.len()];
        let mut passes = 0;
        for teacher in teachers {
            let mut workspaces: Vec<Workspace> = (0..rayon::current_num_threads())
                .map(|_| Workspace::new(&teacher.net, BATCH))
                .collect();
            for v in 0..views {
                let show = |index: usize, sample: &Sample, input: &mut [f32]| {
                    view(augment, seed, index, v).look_up(&sample.pixels, false, input);
                    finish(input, teacher.net.tone);
                };
                let (net, weights) = (&teacher.net, &teacher.weights);
                let scores = predict_views(net, weights, &mut workspaces, samples, &show);
                for (index, scores) in scores.iter().enumerate() {
                    let row = (index * views + v) * classes.len();
                    let sum = &mut probabilities[row..row + classes.len()];
                    for (sum, p) in sum.iter_mut().zip(softmax(scores)) {
                        *sum += p / teachers.len() as f32;
                    }
                }
                passes += 1;
                progress(passes);
            }
        }
        Ok(Self {
            classes: classes.to_vec(),
            augment: augment.clone(),
            seed,
            views,
            digest: digest(samples.iter().copied()),
            probabilities,
        })
    }

    /// Whether they are about `samples`, as classes `classes`.
    ///
    /// # Errors
    /// When these are not the pictures that the teachers saw, or have other classes.
    pub fn check(&self, classes: &[String], samples: &[&Sample]) -> Result<()> {
        ensure!(
            self.classes == classes,
            Artifact,
            "the soft labels are for the classes {}, the data has {}",
            self.classes.join(", "),
            classes.join(", ")
        );
        ensure!(
            self.digest == digest(samples.iter().copied()),
            Artifact,
            "the soft labels are for other training pictures: \
             --data, hold_out and seed must be those of `teach`"
        );
        ensure!(
            self.probabilities.len() == samples.len() * self.views * self.classes.len(),
            Artifact,
            "the soft labels are cut off"
        );
        Ok(())
    }

    /// View `v` of picture `index`, and each class's probability in it, summing to one.
    pub(super) fn lesson(&self, index: usize, v: usize) -> (View, &[f32]) {
        let n = self.classes.len();
        let row = &self.probabilities[(index * self.views + v) * n..][..n];
        (view(&self.augment, self.seed, index, v), row)
    }

    /// Share of the samples whose label is the teachers' first choice over all views.
    pub fn agreement(&self, samples: &[&Sample]) -> f64 {
        let n = self.classes.len();
        let rows = self.probabilities.chunks_exact(self.views * n);
        let right = samples.iter().zip(rows).filter(|(sample, row)| {
            let mut sums = vec![0.0; n];
            for (i, p) in row.iter().enumerate() {
                sums[i % n] += p;
            }
            let own = sums[sample.label];
            sums.iter().all(|sum| *sum <= own)
        });
        right.count() as f64 / samples.len().max(1) as f64
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let n = self.classes.len();
        let shape = vec![self.probabilities.len() / (self.views * n), self.views, n];
        let data = self.probabilities.clone();
        let tensors = Tensors::from([("probabilities".into(), Tensor { shape, data })]);
        let metadata = HashMap::from([
            ("classes".into(), classes_text(&self.classes)?),
            ("augment".into(), toml::to_string(&self.augment)?),
            ("seed".into(), self.seed.to_string()),
            ("digest".into(), self.digest.to_string()),
        ]);
        save(path, &tensors, metadata)
    }

    /// Reads what [`SoftLabels::save`] wrote.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let file = load(path)?;
            let text = |key: &str| {
                let text = file.metadata.get(key);
                text.ok_or_else(|| {
                    Error::Artifact(format!(
                        "it has no {key}, and so was not written by `teach`"
                    ))
                })
            };
            let number = |key: &str| {
                let number = text(key)?.parse::<u64>();
                number.map_err(|why| Error::Artifact(format!("its {key}: {why}")))
            };
            let augment: Augment = toml::from_str(text("augment")?).context("its augment")?;
            augment.check()?;
            let classes = file
                .classes
                .clone()
                .ok_or_else(|| Error::Artifact("it names no classes".into()))?;
            let tensor = file.tensors.get("probabilities");
            let tensor = tensor
                .ok_or_else(|| Error::Artifact("tensor \"probabilities\" is missing".to_owned()))?;
            let [_, views, n] = tensor.shape[..] else {
                bail!(Artifact, "tensor \"probabilities\" has not three axes");
            };
            ensure!(
                n == classes.len() && views > 0,
                Artifact,
                "tensor \"probabilities\" has {views} views of {n} classes, not {}",
                classes.len()
            );
            Ok(Self {
                seed: number("seed")?,
                digest: number("digest")?,
                classes,
                augment,
                views,
                probabilities: tensor.data.clone(),
            })
        };
        read().with_context(|| format!("soft labels {}", path.display()))
    }
}

/// View `v` of picture `index`.
fn view(augment: &Augment, seed: u64, index: usize, v: usize) -> View {
    // Twice, since neighbouring states of the generator overlap.
    let own = Rng::new((index as u64) << 16 | v as u64).bits() ^ seed;
    augment.view(&mut Rng::new(Rng::new(own).bits()))
}
