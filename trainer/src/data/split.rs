//! Parts for data sets that come without them.

use std::collections::BTreeMap;

use super::{Dataset, Sample, Split, duplicates};
use crate::Result;
use crate::rng::Rng;

/// Two parts of a data set.
pub type Parts<'a> = (Vec<&'a Sample>, Vec<&'a Sample>);

/// What a run is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Training<'a> {
    /// Pictures to learn from.
    pub train: Vec<&'a Sample>,
    /// Pictures to choose by.
    pub validation: Vec<&'a Sample>,
    /// Pictures that were taken out of `train`, since `validation` shows the same.
    pub copies: usize,
}

/// The parts to train on and to choose by; what is held out for tests has no share in
/// either. Without a validation part, about `share` of the rest is held out by chance.
/// Pictures that are the same as one to choose by are not trained on: equal ones, and in
/// FER-2013, where such copies abound, also those that look the same. In studio pictures, people
/// who are not the same do.
///
/// # Errors
/// When there is nothing to train on, or no validation part and `share` is 0.
pub fn for_training<'a>(dataset: &'a Dataset, share: f32, rng: &mut Rng) -> Result<Training<'a>> {
    let (train, validation) = parts(dataset, share, rng)?;
    let all = train.len();
    let near = matches!(dataset.format, "fer2013-csv" | "ferplus");
    let copies = duplicates::also_among(&train, &validation, near);
    let kept = train.into_iter().zip(copies).filter(|(_, copy)| !copy);
    let train: Vec<&Sample> = kept.map(|(sample, _)| sample).collect();
    ensure!(
        !train.is_empty(),
        Data,
        "every picture to train on is also one to validate by"
    );
    Ok(Training {
        copies: all - train.len(),
        train,
        validation,
    })
}

fn parts<'a>(dataset: &'a Dataset, share: f32, rng: &mut Rng) -> Result<Parts<'a>> {
    let train = if dataset.has_parts() {
        dataset.part(Split::Train)
    } else {
        dataset.samples.iter().collect()
    };
    ensure!(!train.is_empty(), Data, "the data has no training part");
    let validation = dataset.part(Split::Validation);
    if !validation.is_empty() {
        return Ok((train, validation));
    }
    ensure!(
        share > 0.0,
        Data,
        "the data has no validation part and hold_out is 0"
    );
    Ok(hold_out(&train, share, rng))
}

/// Deals samples into (train, validation), about `share` of them into the latter: whole
/// subjects where subjects are known, else the same share of every class.
pub fn hold_out<'a>(samples: &[&'a Sample], share: f32, rng: &mut Rng) -> Parts<'a> {
    let mut groups: BTreeMap<String, Vec<&Sample>> = BTreeMap::new();
    let by_subject = samples.iter().all(|s| s.subject.is_some());
    for sample in samples {
        let key = match &sample.subject {
            Some(subject) if by_subject => subject.clone(),
            _ => format!("{:04}", sample.label),
        };
        groups.entry(key).or_default().push(sample);
    }
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    if by_subject {
        let mut groups: Vec<Vec<&Sample>> = groups.into_values().collect();
        rng.shuffle(&mut groups);
        let wanted = (samples.len() as f32 * share).round() as usize;
        let last = groups.len().saturating_sub(1);
        for (i, group) in groups.into_iter().enumerate() {
            // At least one subject stays on either side.
            if validation.len() < wanted && i < last {
                validation.extend(group);
            } else {
                train.extend(group);
            }
        }
    } else {
        for (_, mut group) in groups {
            rng.shuffle(&mut group);
            let held = (group.len() as f32 * share).round() as usize;
            train.extend(group.split_off(held));
            validation.extend(group);
        }
    }
    (train, validation)
}

/// What folds keep together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// All pictures of a subject: nobody is on both sides.
    #[default]
    Subject,
    /// Nothing, as in the reference system: the same person is on both sides, and results
    /// are too good.
    Random,
}

/// Indices of the test pictures of each fold; every picture is in one. Without a number of
/// folds, each subject is a fold of its own.
///
/// # Errors
/// When subjects are not known, or there are fewer groups than folds, or fewer than two.
pub fn folds(
    samples: &[Sample],
    by: By,
    number: Option<usize>,
    rng: &mut Rng,
) -> Result<Vec<Vec<usize>>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        let key = match (by, &sample.subject) {
            (By::Subject, Some(subject)) => subject.clone(),
            (By::Subject, None) => bail!(
                Data,
                "{} has no subject: name subjects with --subject, or deal folds with \
                 --by random, which has the same people on both sides",
                sample.name
            ),
            (By::Random, _) => format!("{i:08}"),
        };
        groups.entry(key).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    let number = match (number, by) {
        (Some(number), _) => number,
        (None, By::Subject) => groups.len(),
        (None, By::Random) => 10,
    };
    ensure!(
        number >= 2 && number <= groups.len(),
        Data,
        "{number} folds can't be dealt: at least 2 are needed, and no more than the {} {}",
        groups.len(),
        match by {
            By::Subject => "subjects",
            By::Random => "pictures",
        }
    );
    rng.shuffle(&mut groups);
    // The largest groups first, each to the smallest fold so far.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut folds = vec![Vec::new(); number];
    for group in groups {
        let smallest = folds.iter_mut().min_by_key(|fold| fold.len());
        smallest.expect("there are folds").extend(group);
    }
    Ok(folds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(label: usize, subject: Option<usize>) -> Sample {
        Sample {
            label,
            subject: subject.map(|s| format!("S{s}")),
            ..Sample::default()
        }
    }

    #[test]
    fn a_subject_is_never_on_both_sides() {
        let samples: Vec<Sample> = (0..100).map(|i| sample(i % 7, Some(i % 10))).collect();
        let samples: Vec<&Sample> = samples.iter().collect();
        let (train, validation) = hold_out(&samples, 0.2, &mut Rng::new(1));
        assert_eq!((train.len(), validation.len()), (80, 20));
        assert!(
            train
                .iter()
                .all(|t| validation.iter().all(|v| t.subject != v.subject))
        );
    }

    #[test]
    fn without_subjects_every_class_gives_its_share() {
        let samples: Vec<Sample> = (0..100).map(|i| sample(i % 2, None)).collect();
        let samples: Vec<&Sample> = samples.iter().collect();
        let (_, validation) = hold_out(&samples, 0.2, &mut Rng::new(1));
        assert_eq!(validation.iter().filter(|s| s.label == 0).count(), 10);
        assert_eq!(validation.len(), 20);
    }

    #[test]
    fn folds_hold_every_picture_once_and_no_subject_twice() {
        let samples: Vec<Sample> = (0..100).map(|i| sample(i % 7, Some(i % 13))).collect();
        for (number, want) in [(Some(5), 5), (None, 13)] {
            let folds = folds(&samples, By::Subject, number, &mut Rng::new(1)).unwrap();
            assert_eq!(folds.len(), want);
            let mut all: Vec<usize> = folds.concat();
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>());
            for subject in 0..13 {
                let with = folds.iter().filter(|f| f.iter().any(|i| i % 13 == subject));
                assert_eq!(with.count(), 1);
            }
        }
        assert!(folds(&samples, By::Subject, Some(14), &mut Rng::new(1)).is_err());
        let unknown = [sample(0, None), sample(1, None)];
        assert!(folds(&unknown, By::Subject, None, &mut Rng::new(1)).is_err());
    }
}
