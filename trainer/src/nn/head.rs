//! Average pooling and the classifier on top of it.

use super::{Architecture, Weights};

/// Mean over each channel's map: `n` x side x side x features to `n` x features.
pub fn pool(net: &Architecture, n: usize, y: &[f32], features: &mut [f32]) {
    let (c, area) = (net.features(), net.last().out_side.pow(2));
    let pictures = y.chunks_exact(area * c);
    for (feature, map) in features.chunks_exact_mut(c).zip(pictures).take(n) {
        feature.fill(0.0);
        for pixel in map.chunks_exact(c) {
            for (f, v) in feature.iter_mut().zip(pixel) {
                *f += v / area as f32;
            }
        }
    }
}

/// Gradient of the map from that of the pooled features.
pub fn pool_backward(net: &Architecture, n: usize, d_features: &[f32], dy: &mut [f32]) {
    let (c, area) = (net.features(), net.last().out_side.pow(2));
    let pictures = dy.chunks_exact_mut(area * c);
    for (d, map) in d_features.chunks_exact(c).zip(pictures).take(n) {
        for pixel in map.chunks_exact_mut(c) {
            for (v, d) in pixel.iter_mut().zip(d) {
                *v = d / area as f32;
            }
        }
    }
}

/// One score a class for one feature vector.
pub fn logits(weights: &Weights, feature: &[f32]) -> Vec<f32> {
    let (w, bias) = weights.head();
    w.chunks_exact(feature.len())
        .zip(bias)
        .map(|(row, b)| b + row.iter().zip(feature).map(|(w, x)| w * x).sum::<f32>())
        .collect()
}

/// From the gradient of one vector of scores: adds to the gradients of the head's weights
/// and bias, and writes that of the feature.
pub fn logits_backward(
    weights: &Weights,
    feature: &[f32],
    d_logits: &[f32],
    d_weights: &mut [f32],
    d_bias: &mut [f32],
    d_feature: &mut [f32],
) {
    let c = feature.len();
    let (w, _) = weights.head();
    d_feature.fill(0.0);
    for (class, g) in d_logits.iter().enumerate() {
        d_bias[class] += g;
        let (row, d_row) = (&w[class * c..][..c], &mut d_weights[class * c..][..c]);
        for j in 0..c {
            d_row[j] += g * feature[j];
            d_feature[j] += g * row[j];
        }
    }
}
