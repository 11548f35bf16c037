//! What the commands share that train on the folds of a cross-validation.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use fer_trainer::artifact::{Config, Stage, WeightsFile};
use fer_trainer::data::split::{self, By};
use fer_trainer::data::{Dataset, Sample, Split, duplicates, lone_subjects};
use fer_trainer::eval::{
    Fold, FoldEnd, FoldId, Predictions, Protocol, SeededFolds, Setting, cross_validate, folds,
};
use fer_trainer::rng::Rng;
use fer_trainer::train::Device;

use super::recipe::{DeviceOption, Recipe};
use super::source::Source;
use super::{choices, seen, stop};

/// Options of a cross-validation.
#[derive(Debug, clap::Args)]
pub struct CrossValidation {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    recipe: Recipe,
    #[command(flatten)]
    device: DeviceOption,
    /// Number of folds; without it each subject of JAFFE is one, other data sets have ten
    #[arg(long)]
    folds: Option<usize>,
    /// What folds keep together; the epoch is chosen inside the training folds either way
    #[arg(long, value_parser = choices::by(), conflicts_with = "protocol")]
    by: Option<By>,
    /// Trains on --data and tests on this other data set, on the classes that both have
    #[arg(long, conflicts_with_all = ["folds", "by", "protocol"])]
    test_data: Option<PathBuf>,
    /// Who is kept apart, and how the epoch is chosen
    #[arg(long, value_parser = choices::protocol(), default_value = "subject")]
    protocol: Protocol,
    /// Seeds, separated by commas: each deals the folds and trains anew
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Folds that are trained at a time; as many as there are processors without it
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

impl CrossValidation {
    /// The files that are read, as far as they are named.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let mut inputs = self.source.inputs();
        inputs.extend(self.test_data.clone());
        inputs
    }

    /// The recipe, of the second stage unless the user says otherwise, with the network of
    /// `init`.
    pub fn config(&self, init: &WeightsFile) -> Result<Config> {
        self.recipe.config(Some(Stage::Second), init)
    }

    /// What to train on.
    pub fn device(&self) -> Result<Device> {
        self.device.check()
    }

    /// Reads the data, and leaves the classes that both sets have where there are two.
    pub fn open(&self) -> Result<EvaluationData> {
        let source = &self.source;
        let mut data = source.open_to_judge(0.0)?;
        let mut about = vec![describe(&source.data, &data)];
        let mut warnings: Vec<String> = self.warning().map(String::from).into_iter().collect();
        if self.test_data.is_none() {
            warnings.extend(lone_subjects(&data));
        }
        let other = match &self.test_data {
            Some(path) => {
                let mut other = source.reading.open(path)?;
                about.push(format!("Tested on {}.", describe(path, &other)));
                apart(&data, &other)?;
                warnings.extend(same_people(&data, &other));
                about.push(keep_common(&mut data, &mut other)?);
                Some(other)
            }
            None => None,
        };
        Ok(EvaluationData {
            data,
            other,
            about,
            warnings,
        })
    }

    /// The folds of every seed; across two data sets one a seed, all of one to learn from and all
    /// of the other to test on.
    pub fn by_seed<'a>(
        &self,
        pictures: &'a EvaluationData,
        hold_out: f32,
    ) -> Result<Vec<SeededFolds<'a>>> {
        let data = &pictures.data;
        if let Some(other) = &pictures.other {
            return self.each_seed(|rng| {
                let parts = split::for_training(data, hold_out, rng)?;
                Ok(vec![Fold {
                    train: parts.train,
                    validation: parts.validation,
                    test: other.samples.iter().collect(),
                }])
            });
        }
        let by = match self.protocol {
            Protocol::Subject => self.by.unwrap_or(By::Subject),
            Protocol::Seed => By::Random,
        };
        self.each_seed(|rng| {
            let folds = folds(data, by, self.folds, hold_out, rng)?;
            Ok(match self.protocol {
                Protocol::Subject => folds,
                Protocol::Seed => folds.into_iter().map(|f| f.chosen_on_test()).collect(),
            })
        })
    }

    /// The folds that `folds` deals with each seed.
    fn each_seed<'a>(
        &self,
        folds: impl Fn(&mut Rng) -> Result<Vec<Fold<'a>>>,
    ) -> Result<Vec<SeededFolds<'a>>> {
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        ensure!(seeds.len() == self.seeds.len(), "--seeds names one twice");
        let deal = |seed: &u64| {
            Ok(SeededFolds {
                seed: *seed,
                folds: folds(&mut Rng::new(*seed))?,
            })
        };
        self.seeds.iter().map(deal).collect()
    }

    /// One sentence on the protocol.
    pub fn protocol(&self) -> &'static str {
        if self.test_data.is_some() {
            return "trained on another data set";
        }
        match (self.protocol, self.by) {
            (Protocol::Seed, _) => "random folds, the epoch chosen by the test pictures",
            (_, Some(By::Random)) => "random folds, the epoch chosen inside the training folds",
            _ => "subject-disjoint folds, the epoch chosen inside the training folds",
        }
    }

    /// What must be known before the numbers, where the protocol flatters.
    fn warning(&self) -> Option<&'static str> {
        match (self.protocol, self.by) {
            (Protocol::Seed, _) => Some(
                "Protocol of the reference system: the same people are trained and tested on, \
                 and the epoch is chosen by the test pictures. These numbers are too good; \
                 compare them to nothing but its own.",
            ),
            (_, Some(By::Random)) => Some(
                "Random folds: the same people are trained and tested on. These numbers are \
                 too good for faces that were never seen.",
            ),
            _ => None,
        }
    }

    /// Runs the settings and prints a line for every fold.
    pub fn run(
        &self,
        settings: &[Setting],
        classes: &[String],
        by_seed: &[SeededFolds],
        with_features: bool,
    ) -> Result<Vec<Vec<Predictions>>> {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.map_or(available, usize::from);
        let folds: usize = by_seed.iter().map(|seeded| seeded.folds.len()).sum();
        let (total, done) = (settings.len() * folds, AtomicUsize::new(0));
        let start = Instant::now();
        let tell = |fold_id: FoldId, end: FoldEnd| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let seconds = start.elapsed().as_secs_f64();
            let left = seconds / done as f64 * (total - done) as f64;
            println!(
                "{}, seed {}, fold {} of {}: {} of {} right, epoch {} with {:.2} % on validation; \
                 {done} of {total} done, {left:.0} s left",
                fold_id.setting,
                fold_id.seed,
                fold_id.fold,
                fold_id.folds,
                end.right,
                end.n,
                end.epoch,
                100.0 * end.validation,
            );
        };
        let stop = stop::on_signal()?;
        Ok(cross_validate(
            settings,
            classes,
            by_seed,
            threads,
            with_features,
            &stop,
            &tell,
        )?)
    }
}

/// The pictures of a cross-validation.
pub struct EvaluationData {
    /// To learn from and, where there is no other set, to test on.
    pub data: Dataset,
    /// To test on alone.
    pub other: Option<Dataset>,
    /// What they are, one sentence each.
    pub about: Vec<String>,
    /// What must be known before the numbers, one paragraph each.
    pub warnings: Vec<String>,
}

impl EvaluationData {
    /// Adds what must be known of the network that `option` names.
    pub fn warn_of(&mut self, option: &str, init: &WeightsFile) {
        if let Some(why) = seen::why(init, self.tested()) {
            self.warnings.push(format!(
                "The network that {option} names may have seen the people that are tested on: \
                 {why}. These numbers are too good if it has."
            ));
        }
    }

    /// The set that is tested on.
    pub fn tested(&self) -> &Dataset {
        self.other.as_ref().unwrap_or(&self.data)
    }
}

/// Refuses to test on pictures that are trained on.
fn apart(data: &Dataset, other: &Dataset) -> Result<()> {
    let tested: Vec<&Sample> = other.samples.iter().collect();
    // What is held out for tests is not trained on.
    let trained = data.samples.iter().filter(|s| s.split != Some(Split::Test));
    let trained: Vec<&Sample> = trained.collect();
    let copies = duplicates::also_among(&tested, &trained, false);
    let shared = copies.iter().filter(|copy| **copy).count();
    ensure!(
        shared == 0,
        "{shared} of the {} pictures of --test-data are also in --data, to train on",
        tested.len()
    );
    Ok(())
}

/// Why the same people may be in both sets.
fn same_people(data: &Dataset, other: &Dataset) -> Option<String> {
    let (Some(own), Some(others)) = (data.subjects(), other.subjects()) else {
        return Some(
            "Subjects are not known in both data sets, so the same people may be trained and \
             tested on, and these numbers are too good if they are. --subject names them."
                .to_owned(),
        );
    };
    let both = own.intersection(&others).count();
    (both > 0).then(|| {
        format!(
            "{both} names of subjects are in both data sets: if they are the same people, these \
             numbers are too good."
        )
    })
}

/// Leaves the classes of which both data sets have pictures.
fn keep_common(data: &mut Dataset, other: &mut Dataset) -> Result<String> {
    let has = |data: &Dataset, class: &String| {
        let label = data.classes.iter().position(|c| c == class);
        label.is_some_and(|label| data.samples.iter().any(|s| s.label == label))
    };
    let common: Vec<String> = data
        .classes
        .iter()
        .filter(|class| has(data, class) && has(other, class))
        .cloned()
        .collect();
    ensure!(
        common.len() >= 2,
        "the data sets have fewer than two classes in common"
    );
    data.keep(&common)?;
    other.keep(&common)?;
    Ok(format!("Classes of both: {}.", common.join(", ")))
}

/// One sentence on a data set.
fn describe(path: &Path, data: &Dataset) -> String {
    let subjects = data.subjects().map_or(String::new(), |subjects| {
        let by = data.subjects_by.as_ref();
        let by = by.map_or(String::new(), |by| format!(" by the {by}"));
        format!(" of {} subjects{by}", subjects.len())
    });
    format!(
        "{} as {}: {} pictures{subjects} in {} classes ({}), {} without a face, {} files not used",
        path.display(),
        data.format,
        data.samples.len(),
        data.classes.len(),
        data.classes.join(", "),
        data.missed.len(),
        data.not_used()
    )
}
