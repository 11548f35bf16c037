//! Which pictures an epoch shows, in which order.

use crate::data::Sample;
use crate::rng::Rng;
use crate::train::Balance;

/// Indices of the epoch's pictures.
pub(super) fn order(
    samples: &[&Sample],
    classes: usize,
    balance: Balance,
    rng: &mut Rng,
) -> Vec<usize> {
    if balance != Balance::Sampling {
        let mut order: Vec<usize> = (0..samples.len()).collect();
        rng.shuffle(&mut order);
        return order;
    }
    let mut by_class = vec![Vec::new(); classes];
    for (i, sample) in samples.iter().enumerate() {
        by_class[sample.label].push(i);
    }
    by_class.retain(|members| !members.is_empty());
    (0..samples.len())
        .map(|_| {
            let members = &by_class[rng.below(by_class.len())];
            members[rng.below(members.len())]
        })
        .collect()
}

/// A step before anything of it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Planned<'a> {
    /// Pictures of the step.
    pub samples: Vec<&'a Sample>,
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
            samples: indices.iter().map(|i| samples[*i]).collect(),
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
                pixels: Vec::new(),
                label: usize::from(i < 100),
                votes: None,
                lessons: Vec::new(),
                subject: None,
                split: None,
                name: String::new(),
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
    fn weights_make_up_for_sizes() {
        let samples = samples();
        let samples: Vec<&Sample> = samples.iter().collect();
        let weights = class_weights(&samples, 2, Balance::Weights);
        assert!((weights[0] * 900.0 - weights[1] * 100.0).abs() < 1e-3);
    }
}
