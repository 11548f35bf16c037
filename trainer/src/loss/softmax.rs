//! Cross-entropy of softmax against soft targets.

/// Loss of one picture and, in place of the scores, its gradient by them:
/// `softmax(logits) - target`.
pub fn cross_entropy(logits: &mut [f32], target: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f32 = logits.iter().map(|v| (v - largest).exp()).sum();
    let log_sum = sum.ln();
    let mut loss = 0.0;
    for (value, t) in logits.iter_mut().zip(target) {
        loss -= t * (*value - largest - log_sum);
        *value = (*value - largest).exp() / sum - t;
    }
    loss
}

/// Targets of a label among `classes` with `smoothing` of the mass spread over all classes
/// (Szegedy et al. 2016).
pub fn smooth(label: usize, classes: usize, smoothing: f32) -> Vec<f32> {
    let floor = smoothing / classes as f32;
    (0..classes)
        .map(|class| floor + if class == label { 1.0 - smoothing } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_and_gradient_of_two_classes() {
        let mut logits = [0.0, 3f32.ln()];
        let loss = cross_entropy(&mut logits, &[1.0, 0.0]);
        assert!((loss - 4f32.ln()).abs() < 1e-6);
        assert!((logits[0] + 0.75).abs() < 1e-6 && (logits[1] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn smoothed_targets_sum_to_one() {
        let target = smooth(1, 4, 0.2);
        assert!((target.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((target[1] - 0.85).abs() < 1e-6 && (target[0] - 0.05).abs() < 1e-6);
    }
}
