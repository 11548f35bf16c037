//! Measures of a classifier from its probabilities.

use fer::classify::argmax;
use serde::Serialize;

/// Bins of the calibration error.
const BINS: usize = 15;

/// Normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % confidence interval of a share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Wilson's score interval (1927) of `hits` among `n`.
pub fn wilson(hits: usize, n: usize) -> Interval {
    if n == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, p) = (n as f64, hits as f64 / n as f64);
    let z2 = Z * Z;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // In exact numbers it holds `p` and ends at 0 and 1.
    Interval {
        low: (middle - half).max(0.0).min(p),
        high: (middle + half).min(1.0).max(p),
    }
}

/// Measures of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// Name.
    pub class: String,
    /// Pictures of it.
    pub n: usize,
    /// Share of those called so that are so; `None` when none was called so.
    pub precision: Option<f64>,
    /// Share of those that are so that were called so; `None` without pictures.
    pub recall: Option<f64>,
    /// Harmonic mean of both; `None` without pictures.
    pub f1: Option<f64>,
}

/// A bin of the reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bin {
    /// Pictures in it.
    pub n: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// Share of them that was right.
    pub accuracy: f64,
}

/// Measures of all classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Pictures.
    pub n: usize,
    /// Share that was right.
    pub accuracy: f64,
    /// Its 95 % interval by Wilson.
    pub interval: Interval,
    /// Mean recall over the classes that have pictures.
    pub balanced_accuracy: f64,
    /// Mean F1 over the classes that have pictures.
    pub macro_f1: f64,
    /// Mean negative logarithm of the right class's probability.
    pub nll: f64,
    /// Expected calibration error over 15 bins of equal width (Guo et al. 2017).
    pub ece: f64,
    /// One a class.
    pub classes: Vec<ClassMetrics>,
    /// Pictures by true class (rows) and predicted class (columns).
    pub confusion: Vec<Vec<usize>>,
    /// The bins of `ece`, from low confidence to high.
    pub reliability: Vec<Bin>,
}

impl Metrics {
    /// From probabilities, one row a picture, and the true labels.
    ///
    /// # Panics
    /// When there are not as many rows as labels, or a row is empty.
    pub fn new(names: &[String], probabilities: &[Vec<f32>], labels: &[usize]) -> Self {
        assert_eq!(probabilities.len(), labels.len());
        let n = labels.len();
        let mut confusion = vec![vec![0usize; names.len()]; names.len()];
        let mut bins = vec![Bin::default(); BINS];
        let mut nll = 0.0;
        for (row, label) in probabilities.iter().zip(labels) {
            let predicted = argmax(row).expect("a model has classes");
            confusion[*label][predicted] += 1;
            nll -= f64::from(row[*label]).max(1e-12).ln();
            let confidence = f64::from(row[predicted]);
            let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.n += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(predicted == *label));
        }
        for bin in bins.iter_mut().filter(|b| b.n > 0) {
            bin.confidence /= bin.n as f64;
            bin.accuracy /= bin.n as f64;
        }
        let total = n.max(1) as f64;
        let ece = bins
            .iter()
            .map(|b| b.n as f64 / total * (b.confidence - b.accuracy).abs())
            .sum();
        let classes: Vec<_> = (0..names.len())
            .map(|c| class_metrics(names[c].clone(), c, &confusion))
            .collect();
        let hits = (0..names.len()).map(|c| confusion[c][c]).sum::<usize>();
        Self {
            n,
            accuracy: hits as f64 / total,
            interval: wilson(hits, n),
            balanced_accuracy: mean(classes.iter().filter_map(|c| c.recall)),
            macro_f1: mean(classes.iter().filter_map(|c| c.f1)),
            nll: nll / total,
            ece,
            classes,
            confusion,
            reliability: bins,
        }
    }
}

fn class_metrics(class: String, c: usize, confusion: &[Vec<usize>]) -> ClassMetrics {
    let hits = confusion[c][c];
    let n: usize = confusion[c].iter().sum();
    let called: usize = confusion.iter().map(|row| row[c]).sum();
    let share = |of: usize| (of > 0).then(|| hits as f64 / of as f64);
    ClassMetrics {
        class,
        n,
        precision: share(called),
        recall: share(n),
        f1: (n > 0).then(|| 2.0 * hits as f64 / (n + called) as f64),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_of_the_reference_systems_figures() {
        let close = |have: f64, want: f64| (have - want).abs() < 5e-4;
        let ck = wilson(63, 65);
        assert!(close(ck.low, 0.895) && close(ck.high, 0.992), "{ck:?}");
        let jaffe = wilson(40, 42);
        assert!(
            close(jaffe.low, 0.842) && close(jaffe.high, 0.987),
            "{jaffe:?}"
        );
    }

    #[test]
    fn measures_of_four_pictures() {
        let names = ["a", "b", "c"].map(String::from);
        let probabilities = vec![
            vec![0.8, 0.1, 0.1],
            vec![0.2, 0.7, 0.1],
            vec![0.1, 0.8, 0.1],
            vec![0.3, 0.6, 0.1],
        ];
        let m = Metrics::new(&names, &probabilities, &[0, 0, 1, 1]);
        assert_eq!(m.confusion, [[1, 1, 0], [0, 2, 0], [0, 0, 0]]);
        assert_eq!((m.accuracy, m.balanced_accuracy), (0.75, 0.75));
        assert!((m.macro_f1 - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-9);
        assert_eq!(m.classes[2].recall, None);
        assert!((m.classes[1].precision.unwrap() - 2.0 / 3.0).abs() < 1e-9);
        // Bins: two at 0.8 that are right, one at 0.7 that is wrong, one at 0.6 right.
        let want = 0.5 * 0.2 + 0.25 * 0.7 + 0.25 * 0.4;
        assert!((m.ece - want).abs() < 1e-6, "{}", m.ece);
    }
}
