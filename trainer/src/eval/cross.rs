//! Trains on every fold of a cross-validation and asks the network chosen there about the
//! fold's test pictures.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fer::classify::{argmax, softmax};

use super::metrics::wilson;
use super::{BySubject, Fold, Interval, Metrics, Spread, bootstrap};
use crate::Result;
use crate::artifact::{Config, EpochReport, WeightsFile};
use crate::data::Sample;
use crate::error::Context;
use crate::nn::{Architecture, Weights, Workspace};
use crate::train::{
    BatchReport, Device, Observer, Outcome, Trainer, features, is_right, predict, start,
};

/// Pictures that go through a network at once.
const BATCH: usize = 64;

/// What is compared: a recipe and the weights that it starts from.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// Name for people.
    pub name: String,
    /// Recipe; its seed is replaced.
    pub config: Config,
    /// Weights to start from.
    pub init: &'a WeightsFile,
    /// What it is trained on.
    pub device: Device,
}

/// The folds of one seed, which also decides everything random in training.
#[derive(Debug, Clone)]
pub struct SeededFolds<'a> {
    /// Seed.
    pub seed: u64,
    /// Folds, whose test pictures are pooled.
    pub folds: Vec<Fold<'a>>,
}

/// What is known of a fold when it is done.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct FoldEnd {
    /// Epoch whose weights were chosen, counted from 1: the best on the pictures to choose
    /// by, and of several the last, since few pictures leave many ties.
    pub epoch: u64,
    /// Its accuracy on the pictures to choose by.
    pub validation: f64,
    /// Test pictures.
    pub n: usize,
    /// Those that were classified rightly.
    pub right: usize,
}

/// Which fold an observer is told of.
#[derive(Debug, Clone, Copy)]
pub struct FoldId<'a> {
    /// Setting's name.
    pub setting: &'a str,
    /// Seed.
    pub seed: u64,
    /// Fold, counted from 1.
    pub fold: usize,
    /// Folds of the seed.
    pub folds: usize,
}

/// Answers to the test pictures of all folds of one setting and seed. Those of two settings
/// are in the same order.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Seed.
    pub seed: u64,
    /// One a fold.
    pub folds: Vec<FoldEnd>,
    /// True classes, fold after fold.
    pub labels: Vec<usize>,
    /// Whose face each picture shows; `None` where that is not known of all.
    pub subjects: Option<Vec<String>>,
    /// Probabilities, as trained, one row a picture.
    pub probabilities: Vec<Vec<f32>>,
    /// Measures of the answers.
    pub metrics: Metrics,
    /// Pooled features by the first fold's network of its training, validation and test
    /// pictures, where they were asked for.
    pub features: Vec<Vec<f32>>,
}

impl Predictions {
    /// Index of the most probable class of each picture.
    pub fn called(&self) -> Vec<usize> {
        self.probabilities
            .iter()
            .map(|row| argmax(row).unwrap_or(0))
            .collect()
    }

    /// Whether each picture was classified rightly.
    pub fn right(&self) -> Vec<bool> {
        let pairs = self.called().into_iter().zip(&self.labels);
        pairs.map(|(called, label)| called == *label).collect()
    }
}

/// Runs every setting on the folds of every seed, as many folds at a time as there are
/// `threads`. Returns the runs by setting, then by seed. `done` is told of every fold, from
/// any thread. With `with_features` the first seed's runs carry features.
///
/// # Errors
/// When a fold can't be trained on, or `stop` is set.
pub fn cross_validate(
    settings: &[Setting],
    classes: &[String],
    by_seed: &[SeededFolds],
    threads: usize,
    with_features: bool,
    stop: &AtomicBool,
    done: &(dyn Fn(FoldId, FoldEnd) + Sync),
) -> Result<Vec<Vec<Predictions>>> {
    let mut jobs = Vec::new();
    for (s, setting) in settings.iter().enumerate() {
        for (d, seeded) in by_seed.iter().enumerate() {
            jobs.extend((0..seeded.folds.len()).map(|f| (s, setting, d, seeded, f)));
        }
    }
    let answers = in_parallel(jobs.len(), threads, |job| {
        let (_, setting, d, seeded, f) = jobs[job];
        let fold_id = FoldId {
            setting: &setting.name,
            seed: seeded.seed,
            fold: f + 1,
            folds: seeded.folds.len(),
        };
        let wanted = with_features && d == 0 && f == 0;
        let fold = &seeded.folds[f];
        let answer = train_and_ask(setting, classes, seeded.seed, fold, wanted, stop)
            .with_context(|| {
                format!("{}, seed {}, fold {}", fold_id.setting, seeded.seed, f + 1)
            })?;
        done(fold_id, answer.end);
        Ok(answer)
    })?;

    let mut answers = answers.into_iter();
    let mut by_setting = Vec::new();
    for _ in settings {
        let runs = by_seed.iter().map(|seeded| {
            let own: Vec<Answer> = answers.by_ref().take(seeded.folds.len()).collect();
            gather(classes, seeded, own)
        });
        by_setting.push(runs.collect());
    }
    Ok(by_setting)
}

/// What the network chosen in a fold says.
struct Answer {
    end: FoldEnd,
    probabilities: Vec<Vec<f32>>,
    features: Vec<Vec<f32>>,
}

fn gather(classes: &[String], seeded: &SeededFolds, answers: Vec<Answer>) -> Predictions {
    let tests = seeded.folds.iter().flat_map(|fold| &fold.test);
    let labels: Vec<usize> = tests.map(|sample| sample.label).collect();
    let (mut folds, mut probabilities, mut features) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        folds.push(answer.end);
        probabilities.extend(answer.probabilities);
        features.extend(answer.features);
    }
    let tests = seeded.folds.iter().flat_map(|fold| &fold.test);
    Predictions {
        seed: seeded.seed,
        subjects: tests.map(|sample| sample.subject.clone()).collect(),
        metrics: Metrics::new(classes, &probabilities, &labels),
        folds,
        labels,
        probabilities,
        features,
    }
}

/// Calls `work` with 0 to `n` - 1 on up to `threads` threads; the results are in that
/// order. Each thread has its share of the processors as a pool of its own, so that one
/// piece of work is never put aside for another.
fn in_parallel<T: Send>(
    n: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let workers = threads.min(n).max(1);
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, T)>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads((threads / workers).max(1))
            .build()?;
        let mut done = Vec::new();
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= n {
                return Ok(done);
            }
            let result = pool.install(|| work(job));
            if result.is_err() {
                // No one begins anything after a failure.
                next.store(n, Ordering::Relaxed);
            }
            done.push((job, result?));
        }
    };
    let parts: Vec<Result<Vec<(usize, T)>>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, _>| {
            handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        handles.into_iter().map(join).collect()
    });
    let mut done = Vec::with_capacity(n);
    for part in parts {
        done.extend(part?);
    }
    done.sort_by_key(|(job, _)| *job);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn train_and_ask(
    setting: &Setting,
    classes: &[String],
    seed: u64,
    fold: &Fold,
    with_features: bool,
    stop: &AtomicBool,
) -> Result<Answer> {
    let config = Config {
        seed,
        ..setting.config.clone()
    };
    ensure!(!fold.test.is_empty(), Training, "there is no test picture");
    let (mut trainer, _) = start(config, classes.to_vec(), setting.init, &fold.train)?;
    trainer.move_to(setting.device)?;
    let mut best_epoch = BestEpoch::default();
    let outcome = trainer.run(&fold.train, &fold.validation, &mut best_epoch, stop)?;
    if outcome == Outcome::Stopped {
        bail!(Training, "stopped");
    }
    let net = trainer.net.clone();
    let Some(chosen) = best_epoch.best else {
        bail!(Training, "no epoch was trained");
    };
    let weights = chosen.weights;
    let mut workspaces = [Workspace::new(&net, BATCH)];
    let scores = predict(&net, &weights, &mut workspaces, &fold.test, false);
    let probabilities: Vec<Vec<f32>> = scores.iter().map(|row| softmax(row)).collect();
    let right = probabilities
        .iter()
        .zip(&fold.test)
        .filter(|(row, sample)| is_right(row, sample))
        .count();
    Ok(Answer {
        end: FoldEnd {
            epoch: chosen.epoch,
            validation: chosen.accuracy,
            n: fold.test.len(),
            right,
        },
        features: if with_features {
            all_features(&net, &weights, &mut workspaces, fold)
        } else {
            Vec::new()
        },
        probabilities,
    })
}

fn all_features(
    net: &Architecture,
    weights: &Weights,
    workspaces: &mut [Workspace],
    fold: &Fold,
) -> Vec<Vec<f32>> {
    let parts = [&fold.train, &fold.validation, &fold.test];
    let samples: Vec<&Sample> = parts.into_iter().flatten().copied().collect();
    features(net, weights, workspaces, &samples)
}

/// Keeps the averaged weights of the best epoch, of several the last.
#[derive(Default)]
struct BestEpoch {
    best: Option<ChosenEpoch>,
}

struct ChosenEpoch {
    epoch: u64,
    accuracy: f64,
    weights: Weights,
}

impl Observer for BestEpoch {
    fn batch(&mut self, _: &BatchReport) {}

    fn epoch(&mut self, trainer: &Trainer, report: &EpochReport, _: bool) -> Result<()> {
        let accuracy = report.accuracy;
        if self.best.as_ref().is_none_or(|b| accuracy >= b.accuracy) {
            self.best = Some(ChosenEpoch {
                epoch: report.epoch,
                accuracy,
                weights: trainer.average.clone(),
            });
        }
        Ok(())
    }
}

/// The difference of two settings by subject, over all seeds together; `None` where subjects are
/// not known.
///
/// # Panics
/// When the runs are not on the same pictures.
pub fn by_subject(first: &[Predictions], second: &[Predictions]) -> Option<BySubject> {
    let mut answers = Vec::new();
    for (first, second) in first.iter().zip(second) {
        let subjects = first.subjects.as_ref()?;
        assert_eq!(subjects.len(), second.labels.len(), "a test of pairs");
        let pairs = first.right().into_iter().zip(second.right());
        let named = subjects.iter().map(String::as_str).zip(pairs);
        answers.extend(named.map(|(subject, (a, b))| (subject, a, b)));
    }
    Some(BySubject::new(answers))
}

/// The runs of one setting together.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Pooled {
    /// Measures of the answers of all seeds, which counts every picture once a seed. The
    /// interval is that of the mean accuracy over the pictures, not over the answers.
    pub metrics: Metrics,
    /// Interval of the accuracy by subjects, where there are several and they are known.
    pub by_subject: Option<Interval>,
    /// Accuracy over the seeds.
    pub accuracy: Spread,
    /// Balanced accuracy over the seeds.
    pub balanced_accuracy: Spread,
    /// Macro F1 over the seeds.
    pub macro_f1: Spread,
}

impl Pooled {
    /// Of runs on the same pictures.
    ///
    /// # Panics
    /// When there is no run.
    pub fn new(classes: &[String], runs: &[Predictions]) -> Self {
        let probabilities: Vec<Vec<f32>> =
            runs.iter().flat_map(|r| r.probabilities.clone()).collect();
        let labels: Vec<usize> = runs.iter().flat_map(|r| r.labels.clone()).collect();
        let mut metrics = Metrics::new(classes, &probabilities, &labels);
        let spread = |of: fn(&Metrics) -> f64| {
            let values: Vec<f64> = runs.iter().map(|r| of(&r.metrics)).collect();
            Spread::new(&values).expect("there is a run")
        };
        let accuracy = spread(|m| m.accuracy);
        let pictures = runs[0].labels.len();
        let hits = (accuracy.mean * pictures as f64).round() as usize;
        metrics.interval = wilson(hits, pictures);
        // A subject is drawn with its answers of all seeds, which so do not narrow it either.
        let answers: Option<Vec<(&str, bool)>> = runs
            .iter()
            .map(|run| {
                Some(
                    run.subjects
                        .as_ref()?
                        .iter()
                        .map(String::as_str)
                        .zip(run.right()),
                )
            })
            .collect::<Option<Vec<_>>>()
            .map(|runs| runs.into_iter().flatten().collect());
        Self {
            by_subject: answers.and_then(|answers| bootstrap(answers, metrics.interval)),
            metrics,
            accuracy,
            balanced_accuracy: spread(|m| m.balanced_accuracy),
            macro_f1: spread(|m| m.macro_f1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_and_returned_in_order() {
        for threads in [1, 3, 20] {
            let results = in_parallel(10, threads, |i| Ok(i * i)).unwrap();
            assert_eq!(results, (0..10).map(|i| i * i).collect::<Vec<_>>());
        }
        let failed = in_parallel(10, 2, |i| {
            ensure!(i != 4, Training, "four");
            Ok(i)
        });
        assert_eq!(failed.unwrap_err().to_string(), "four");
        assert!(in_parallel(0, 2, Ok).unwrap().is_empty());
    }

    #[test]
    fn two_seeds_do_not_make_an_interval_narrower() {
        let classes = ["a", "b"].map(String::from);
        let run = |right: usize| {
            let row = |i: usize| {
                if i < right {
                    vec![0.9, 0.1]
                } else {
                    vec![0.4, 0.6]
                }
            };
            let probabilities: Vec<Vec<f32>> = (0..10).map(row).collect();
            Predictions {
                seed: 1,
                folds: Vec::new(),
                metrics: Metrics::new(&classes, &probabilities, &[0; 10]),
                labels: vec![0; 10],
                subjects: Some((0..10).map(|i| format!("S{}", i / 2)).collect()),
                probabilities,
                features: Vec::new(),
            }
        };
        let pooled = Pooled::new(&classes, &[run(8), run(6)]);
        assert!((pooled.accuracy.mean - 0.7).abs() < 1e-12);
        assert_eq!(pooled.metrics.n, 20);
        assert_eq!(pooled.metrics.interval, wilson(7, 10));
        assert_eq!(pooled.metrics.confusion[0], [14, 6]);
        let answers = |right| (0..10).map(move |i| (["a", "b", "c", "d", "e"][i / 2], i < right));
        let twice = bootstrap(answers(8).chain(answers(6)), wilson(7, 10));
        assert_eq!(pooled.by_subject, twice);
    }
}
