//! Temperature scaling (Guo et al. 2017): one number by which all scores are divided so
//! that probabilities mean what they say.

use crate::loss::softmax::cross_entropy;

/// The temperatures that are tried.
pub const RANGE: [f32; 2] = [0.05, 20.0];

/// The temperature of least negative log-likelihood, in [`RANGE`].
///
/// The likelihood has one peak in 1 / temperature, so a golden-section search finds it.
pub fn fit(scores: &[Vec<f32>], labels: &[usize]) -> f32 {
    let loss = |log_temperature: f64| -> f64 {
        let scale = (-log_temperature).exp() as f32;
        let each = scores.iter().zip(labels).map(|(scores, label)| {
            let mut scaled: Vec<f32> = scores.iter().map(|v| v * scale).collect();
            let mut target = vec![0.0; scores.len()];
            target[*label] = 1.0;
            f64::from(cross_entropy(&mut scaled, &target))
        });
        each.sum()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let [mut low, mut high] = RANGE.map(|t| f64::from(t).ln());
    let inner = |low: f64, high: f64| (high - golden * (high - low), low + golden * (high - low));
    let (mut a, mut b) = inner(low, high);
    let (mut loss_a, mut loss_b) = (loss(a), loss(b));
    while high - low > 1e-4 {
        if loss_a < loss_b {
            high = b;
            (b, loss_b) = (a, loss_a);
            a = inner(low, high).0;
            loss_a = loss(a);
        } else {
            low = a;
            (a, loss_a) = (b, loss_b);
            b = inner(low, high).1;
            loss_b = loss(b);
        }
    }
    ((low + high) / 2.0).exp() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_are_right_three_times_of_four_become_three_quarters() {
        let scores = vec![vec![10.0, 0.0]; 4];
        let temperature = fit(&scores, &[0, 0, 0, 1]);
        // softmax(10 / T, 0) = 0.75 where 10 / T = ln 3.
        assert!(
            (temperature - 10.0 / 3f32.ln()).abs() < 0.01,
            "{temperature}"
        );
    }
}
