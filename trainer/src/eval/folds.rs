//! Cross-validation with the model chosen inside the training folds, never on the test fold.

use std::collections::BTreeSet;

use crate::Result;
use crate::data::split::{self, By};
use crate::data::{Dataset, Sample};
use crate::rng::Rng;

/// Folds of a data set that has no custom of its own.
const FOLDS: usize = 10;

/// The three parts of one round of cross-validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold<'a> {
    /// To learn from.
    pub train: Vec<&'a Sample>,
    /// To choose the epoch by; taken from the training folds, whole subjects where they are
    /// known.
    pub validation: Vec<&'a Sample>,
    /// To report on, together with those of the other folds.
    pub test: Vec<&'a Sample>,
}

/// Who is kept apart from whom, and how the model is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// Nobody is on both sides, and the epoch is chosen inside the training folds.
    #[default]
    Subject,
    /// As in the reference system: the same people are on both sides, and the epoch is
    /// chosen by the test pictures. Only good for a comparison with its figures.
    Seed,
}

impl Fold<'_> {
    /// The fold with the test pictures as those to choose the epoch by, and those that were
    /// held out for that trained on: how [`Protocol::Seed`] has it.
    #[must_use]
    pub fn chosen_on_test(mut self) -> Self {
        self.train.append(&mut self.validation);
        self.validation.clone_from(&self.test);
        self
    }
}

/// Deals a data set into `number` folds and holds `hold_out` of each fold's training part
/// out for validation. Without a number: each subject of JAFFE is a fold of its own, as is
/// custom there, other data sets have ten folds, or as many as they have subjects.
///
/// The test parts hold every picture once, in an order that depends on nothing but the
/// arguments, so that the answers of two settings can be paired.
///
/// # Errors
/// When subjects are wanted and not known, there are fewer of them than folds, or a fold is
/// left without a training or validation part.
pub fn folds<'a>(
    dataset: &'a Dataset,
    by: By,
    number: Option<usize>,
    hold_out: f32,
    rng: &mut Rng,
) -> Result<Vec<Fold<'a>>> {
    let samples = &dataset.samples;
    let number = number.or_else(|| custom(dataset, by));
    let mut folds = Vec::new();
    for mut test in split::folds(samples, by, number, rng)? {
        test.sort_unstable();
        let rest: Vec<&Sample> = (0..samples.len())
            .filter(|index| test.binary_search(index).is_err())
            .map(|index| &samples[index])
            .collect();
        let (train, validation) = split::hold_out(&rest, hold_out, rng);
        let name = folds.len() + 1;
        ensure!(
            !train.is_empty(),
            Data,
            "fold {name}: nothing is left to train on"
        );
        ensure!(
            !validation.is_empty(),
            Data,
            "fold {name}: nothing is left to choose the model by"
        );
        folds.push(Fold {
            train,
            validation,
            test: test.into_iter().map(|index| &samples[index]).collect(),
        });
    }
    Ok(folds)
}

/// The number of folds that results on this data set are reported with; `None` for one a
/// subject.
fn custom(dataset: &Dataset, by: By) -> Option<usize> {
    match by {
        By::Random => Some(FOLDS),
        By::Subject if dataset.format == "jaffe" => None,
        By::Subject => {
            let subjects: BTreeSet<_> = dataset.samples.iter().map(|s| &s.subject).collect();
            Some(FOLDS.min(subjects.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of `subjects` people, seven classes of each.
    fn dataset(format: &'static str, subjects: usize) -> Dataset {
        let sample = |i: usize| Sample {
            label: i % 7,
            subject: Some(format!("S{:03}", i / 7)),
            name: format!("{i}"),
            ..Sample::default()
        };
        Dataset {
            format,
            samples: (0..7 * subjects).map(sample).collect(),
            ..Dataset::default()
        }
    }

    fn people<'a>(samples: &[&'a Sample]) -> BTreeSet<&'a str> {
        samples
            .iter()
            .filter_map(|s| s.subject.as_deref())
            .collect()
    }

    #[test]
    fn nobody_is_in_two_parts_and_every_picture_is_tested_once() {
        for (format, subjects, want) in [("jaffe", 12, 12), ("ck+", 25, 10), ("ck+48", 4, 4)] {
            let data = dataset(format, subjects);
            let folds = folds(&data, By::Subject, None, 0.1, &mut Rng::new(1)).unwrap();
            assert_eq!(folds.len(), want, "{format}");
            let mut tested: Vec<&str> = Vec::new();
            for fold in &folds {
                let parts = [&fold.train, &fold.validation, &fold.test].map(|p| people(p));
                // Disjoint and complete: the numbers of people add up.
                assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), subjects);
                assert!(parts.iter().all(|part| !part.is_empty()));
                let all: BTreeSet<&str> = parts.iter().flatten().copied().collect();
                assert_eq!(all.len(), subjects);
                tested.extend(fold.test.iter().map(|s| s.name.as_str()));
            }
            tested.sort_unstable();
            tested.dedup();
            assert_eq!(tested.len(), data.samples.len());
            assert_eq!(
                folds.iter().map(|f| f.test.len()).sum::<usize>(),
                tested.len()
            );
        }
    }

    #[test]
    fn a_random_split_has_the_same_person_on_both_sides() {
        let data = dataset("jaffe", 10);
        let folds = folds(&data, By::Random, None, 0.1, &mut Rng::new(1)).unwrap();
        assert_eq!(folds.len(), FOLDS);
        let known = people(&folds[0].train);
        assert!(people(&folds[0].test).iter().any(|s| known.contains(s)));
    }

    #[test]
    fn the_same_seed_deals_the_same_folds() {
        let data = dataset("ck+", 30);
        let deal = |seed| folds(&data, By::Subject, Some(5), 0.2, &mut Rng::new(seed)).unwrap();
        assert_eq!(deal(3), deal(3));
        assert_ne!(deal(3), deal(4));
    }

    #[test]
    fn what_cannot_be_dealt_is_said() {
        let fail = |data: &Dataset, number| {
            let error = folds(data, By::Subject, number, 0.1, &mut Rng::new(1)).unwrap_err();
            error.to_string()
        };
        // With two people nobody is left to choose the model by.
        let said = fail(&dataset("jaffe", 2), None);
        assert!(said.contains("fold 1: nothing is left to choose"), "{said}");
        let said = fail(&dataset("ck+", 5), Some(6));
        assert!(
            said.contains("6 folds") && said.contains("5 subjects"),
            "{said}"
        );
        let mut unknown = dataset("folder", 5);
        unknown.samples[3].subject = None;
        let said = fail(&unknown, None);
        assert!(said.contains("no subject"), "{said}");
    }
}
