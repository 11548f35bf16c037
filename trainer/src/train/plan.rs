//! Which pictures an epoch shows, in which order.

use crate::artifact::Balance;
use crate::data::Sample;
use crate::rng::Rng;

/// Indices of the epoch's pictures.
pub(super) fn order(
    samples: &[&Sample],
    classes: usize,
    balance: Balance,
    rng: &mut Rng,
) -> Vec<usize> {
    let weight: fn(usize) -> f32 = match balance {
        Balance::Sampling => |_| 1.0,
        Balance::Root => |n| (n as f32).sqrt(),
        Balance::None | Balance::Weights => {
            let mut order: Vec<usize> = (0..samples.len()).collect();
            rng.shuffle(&mut order);
            return order;
        }
    };
    let mut by_class = vec![Vec::new(); classes];
    for (i, sample) in samples.iter().enumerate() {
        by_class[sample.label].push(i);
    }
    by_class.retain(|members| !members.is_empty());
    let sum: f32 = by_class.iter().map(|members| weight(members.len())).sum();
    let mut order = Vec::with_capacity(samples.len());
    for members in &by_class {
        // Every picture of the class as often as every other, the rest by chance.
        let wanted = (samples.len() as f32 * weight(members.len()) / sum).round() as usize;
        for _ in 0..wanted / members.len() {
            order.extend_from_slice(members);
        }
        let mut rest = members.clone();
        rng.shuffle(&mut rest);
        order.extend_from_slice(&rest[..wanted % members.len()]);
    }
    // Rounding may have made it a few too few or too many.
    while order.len() < samples.len() {
        order.push(rng.below(samples.len()));
    }
    rng.shuffle(&mut order);
    order.truncate(samples.len());
    order
}

/// A step before anything of it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Planned<'a> {
    /// Pictures of the step, each with its place among those that are trained on.
    pub samples: Vec<(usize, &'a Sample)>,
    /// Where its random numbers begin.
    pub seed: u64,
    /// State of the run's random numbers after it.
    pub rng: u64,
}

/// The steps of an epoch from step `first` on, for which `rng` is the run's random numbers.
pub(super) fn steps<'a>(
    samples: &[&'a Sample],
    order: &[usize],
    batch: usize,
    first: usize,
    mut rng: Rng,
) -> impl Iterator<Item = Planned<'a>> {
    let batches = order.chunks_exact(batch).skip(first);
    batches.map(move |indices| {
        let seed = rng.bits();
        Planned {
            samples: indices.iter().map(|i| (*i, samples[*i])).collect(),
            seed,
            rng: rng.state(),
        }
    })
}

/// Factor of each class's loss; 1 on average over the samples.
pub(super) fn class_weights(samples: &[&Sample], classes: usize, balance: Balance) -> Vec<f32> {
    if balance != Balance::Weights {
        return vec![1.0; classes];
    }
    let mut counts = vec![0usize; classes];
    for sample in samples {
        counts[sample.label] += 1;
    }
    let present = counts.iter().filter(|n| **n > 0).count();
    counts
        .iter()
        .map(|n| samples.len() as f32 / (present * (*n).max(1)) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Sample> {
        (0..1000)
            .map(|i| Sample {
                label: usize::from(i < 100),
                ..Sample::default()
            })
            .collect()
    }

    #[test]
    fn balanced_sampling_draws_a_small_class_as_often() {
        let samples = samples();
        let samples: Vec<&Sample> = samples.iter().collect();
        let order = order(&samples, 2, Balance::Sampling, &mut Rng::new(1));
        let small = order.iter().filter(|i| samples[**i].label == 1).count();
        assert!((400..600).contains(&small), "{small}");
    }

    #[test]
    fn an_epoch_is_as_long_as_the_part_it_draws_from() {
        let samples = samples();
        for n in [7, 64, 100, 101, 333, 1000] {
            let some: Vec<&Sample> = samples.iter().skip(90).take(n).collect();
            for balance in [Balance::None, Balance::Sampling, Balance::Root] {
                let order = order(&some, 2, balance, &mut Rng::new(1));
                assert_eq!(order.len(), some.len(), "{balance:?}");
            }
        }
    }

    #[test]
    fn sampling_by_the_root_lies_half_way() {
        let samples = samples();
        let samples: Vec<&Sample> = samples.iter().collect();
        let order = order(&samples, 2, Balance::Root, &mut Rng::new(1));
        // sqrt(100) and sqrt(900) are 10 and 30: a quarter, each picture two or three times.
        let mut seen = [0; 100];
        order
            .iter()
            .filter(|i| **i < 100)
            .for_each(|i| seen[*i] += 1);
        assert_eq!(seen.iter().sum::<usize>(), 250);
        assert!(seen.iter().all(|n| (2..=3).contains(n)));
    }

    #[test]
    fn weights_make_up_for_sizes() {
        let samples = samples();
        let samples: Vec<&Sample> = samples.iter().collect();
        let weights = class_weights(&samples, 2, Balance::Weights);
        assert!((weights[0] * 900.0 - weights[1] * 100.0).abs() < 1e-3);
    }
}
