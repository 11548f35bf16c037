//! Whether a difference between two settings is more than chance.

use serde::Serialize;

/// McNemar's exact test (1947) of two settings on the same pictures. Pictures on which both
/// are right, or both wrong, say nothing about which is better; if neither is, the others
/// fall to either side like a fair coin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Pictures that only the first setting has right.
    pub only_first: usize,
    /// Pictures that only the second setting has right.
    pub only_second: usize,
    /// Two-sided probability of a split at least as uneven by chance; 1 without such
    /// pictures.
    pub p: f64,
}

impl McNemar {
    /// From whether each setting was right, in the same order of pictures.
    ///
    /// # Panics
    /// When there are not as many of one as of the other.
    pub fn new(first: &[bool], second: &[bool]) -> Self {
        assert_eq!(first.len(), second.len(), "a test of pairs");
        let pairs = || first.iter().zip(second);
        let only_first = pairs().filter(|(a, b)| **a && !**b).count();
        let only_second = pairs().filter(|(a, b)| !**a && **b).count();
        let fewer = only_first.min(only_second);
        Self {
            only_first,
            only_second,
            p: (2.0 * lower_tail(fewer, only_first + only_second)).min(1.0),
        }
    }
}

/// Probability of at most `k` heads in `n` tosses of a fair coin.
fn lower_tail(k: usize, n: usize) -> f64 {
    // In logarithms, since 2^-n is no longer a number above some thousand pictures.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = log_term.exp();
    for i in 1..=k {
        log_term += ((n - i + 1) as f64 / i as f64).ln();
        sum += log_term.exp();
    }
    sum
}

/// Mean and spread of a measure over runs that differ in their seed only.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation (divisor n - 1); `None` for a single run.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Of one value a run; `None` without runs.
    pub fn new(values: &[f64]) -> Option<Self> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (n > 0).then(|| Self {
            n,
            mean,
            deviation: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test of settings that differ on `a` and `b` pictures and agree on ten.
    fn test(a: usize, b: usize) -> McNemar {
        let first = [vec![true; a], vec![false; b], vec![true; 10]].concat();
        let second = [vec![false; a], vec![true; b], vec![true; 10]].concat();
        McNemar::new(&first, &second)
    }

    #[test]
    fn probabilities_by_hand() {
        // 2 (1 + 6) / 2^6 and 2 (1 + 10 + 45) / 2^10.
        for (a, b, p) in [(1, 5, 14.0 / 64.0), (2, 8, 112.0 / 1024.0)] {
            for (a, b) in [(a, b), (b, a)] {
                let test = test(a, b);
                assert_eq!((test.only_first, test.only_second), (a, b));
                assert!((test.p - p).abs() < 1e-12, "{test:?}");
            }
        }
    }

    #[test]
    fn one_picture_more_is_chance() {
        // The reference system's gain by center loss on JAFFE: 39 and 40 of 42.
        assert_eq!(test(0, 1).p, 1.0);
        assert_eq!(test(3, 3).p, 1.0);
        assert_eq!(test(0, 0).p, 1.0);
    }

    #[test]
    fn many_pictures_do_not_vanish() {
        // 2^-1920 is 0 in double precision; the value is from integers of any length.
        let p = test(920, 1000).p;
        assert!((p - 0.071_373_098_801_810).abs() < 1e-9, "{p}");
    }

    #[test]
    fn spread_by_hand() {
        let spread = Spread::new(&[0.90, 0.92, 0.97]).unwrap();
        assert_eq!(spread.n, 3);
        assert!((spread.mean - 0.93).abs() < 1e-12);
        // Squares 0.0009 + 0.0001 + 0.0016 over 2.
        assert!((spread.deviation.unwrap() - 0.0013f64.sqrt()).abs() < 1e-12);
        assert_eq!(Spread::new(&[0.5]).unwrap().deviation, None);
        assert_eq!(Spread::new(&[]), None);
    }
}
