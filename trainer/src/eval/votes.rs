//! How well probabilities agree with what several people saw.

use serde::Serialize;

/// Least probability that enters a logarithm.
const LEAST: f64 = 1e-6;

/// Means over pictures, of a model's probabilities beside people's votes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Pictures with votes.
    pub n: usize,
    /// Cosine of the angle between both, as vectors of one value a class; 1 where they are
    /// the same.
    pub cosine: f64,
    /// Kullback-Leibler divergence of the probabilities from the votes,
    /// sum of v ln(v / p), in nats; 0 where they are the same.
    pub divergence: f64,
}

/// Compares `probabilities` with `votes`, both one value a class and summing to one; pictures
/// without votes are left out. `None` where none has any.
pub fn agreement<'a>(
    pairs: impl Iterator<Item = (&'a [f32], Option<&'a [f32]>)>,
) -> Option<Agreement> {
    let (mut n, mut cosine, mut divergence) = (0, 0.0, 0.0);
    for (probabilities, votes) in pairs {
        let Some(votes) = votes else { continue };
        let (mut dot, mut of_p, mut of_v) = (0.0, 0.0, 0.0);
        for (p, v) in probabilities.iter().zip(votes) {
            let (p, v) = (f64::from(*p), f64::from(*v));
            dot += p * v;
            of_p += p * p;
            of_v += v * v;
            if v > 0.0 {
                divergence += v * (v / p.max(LEAST)).ln();
            }
        }
        cosine += dot / (of_p * of_v).sqrt().max(LEAST);
        n += 1;
    }
    (n > 0).then(|| Agreement {
        n,
        cosine: cosine / n as f64,
        divergence: divergence / n as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_agree_wholly_and_others_by_the_formulas() {
        let same: &[f32] = &[0.5, 0.25, 0.25];
        let found = agreement([(same, Some(same)), (same, None)].into_iter()).unwrap();
        assert_eq!(found.n, 1);
        assert!((found.cosine - 1.0).abs() < 1e-6 && found.divergence.abs() < 1e-6);

        let votes: &[f32] = &[1.0, 0.0, 0.0];
        let found = agreement(std::iter::once((same, Some(votes)))).unwrap();
        assert!((found.cosine - 0.5 / 0.375f64.sqrt()).abs() < 1e-6);
        assert!((found.divergence - 2f64.ln()).abs() < 1e-6);
        assert_eq!(agreement(std::iter::once((same, None))), None);
    }
}
