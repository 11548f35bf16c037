//! Correction of a face's light and exposure.

use super::Tone;

/// Mean that [`Tone::Standardize`] gives to a face.
const MEAN: f32 = 128.0;
/// Standard deviation that it gives.
const DEVIATION: f32 = 60.0;
/// Least deviation that is taken for a face's own: less is an empty picture, whose noise
/// would become a face.
const LEAST_DEVIATION: f32 = 2.0;

impl Tone {
    /// What each value of 0 to 255 becomes in a face of these `values`; again 0 to 255, but
    /// not rounded.
    pub fn table(self, values: &[u8]) -> [f32; 256] {
        let identity = std::array::from_fn(|v| v as f32);
        if self == Self::AsIs || values.is_empty() {
            return identity;
        }
        let mut counts = [0u32; 256];
        for value in values {
            counts[usize::from(*value)] += 1;
        }
        match self {
            Self::AsIs => identity,
            Self::Standardize => standardize(&counts, values.len()),
            Self::Equalize => equalize(&counts, values.len()),
        }
    }
}

fn standardize(counts: &[u32; 256], n: usize) -> [f32; 256] {
    let mean_of = |of: &dyn Fn(f64) -> f64| {
        let each = counts.iter().enumerate();
        let sum: f64 = each.map(|(v, n)| f64::from(*n) * of(v as f64)).sum();
        sum / n as f64
    };
    let mean = mean_of(&|v| v);
    let deviation = mean_of(&|v| (v - mean).powi(2)).sqrt() as f32;
    let gain = DEVIATION / deviation.max(LEAST_DEVIATION);
    std::array::from_fn(|v| (MEAN + (v as f32 - mean as f32) * gain).clamp(0.0, 255.0))
}

fn equalize(counts: &[u32; 256], n: usize) -> [f32; 256] {
    let darkest = counts.iter().copied().find(|n| *n > 0).unwrap_or(0);
    // A face of one grey has nothing to spread.
    if darkest as usize == n {
        return std::array::from_fn(|v| v as f32);
    }
    let mut below = 0u32;
    let rest = (n as u32 - darkest) as f32;
    counts.map(|count| {
        below += count;
        below.saturating_sub(darkest) as f32 / rest * 255.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(tone: Tone, values: &[u8]) -> Vec<f32> {
        let table = tone.table(values);
        values.iter().map(|v| table[usize::from(*v)]).collect()
    }

    #[test]
    fn a_dim_flat_face_becomes_what_a_bright_one_becomes() {
        let bright: Vec<u8> = (0..100).map(|i| 60 + (i * 37 % 100) as u8).collect();
        let dim: Vec<u8> = bright.iter().map(|v| v / 2 + 3).collect();
        for tone in [Tone::Standardize, Tone::Equalize] {
            for (a, b) in apply(tone, &bright).iter().zip(apply(tone, &dim)) {
                assert!((a - b).abs() < 3.0, "{tone:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn mean_and_deviation_are_those_promised() {
        let values: Vec<u8> = (0..200).map(|i| 100 + (i * 31 % 50) as u8).collect();
        let out = apply(Tone::Standardize, &values);
        let mean = out.iter().sum::<f32>() / 200.0;
        let deviation = (out.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 200.0).sqrt();
        assert!((mean - 128.0).abs() < 0.1 && (deviation - 60.0).abs() < 0.1);
    }

    #[test]
    fn equalised_values_fill_the_range_and_keep_their_order() {
        let values: Vec<u8> = (0..=100).map(|i| (i * i / 100) as u8).collect();
        let out = apply(Tone::Equalize, &values);
        assert_eq!((out[0], out[100]), (0.0, 255.0));
        assert!(out.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn a_face_of_one_grey_stays_a_number() {
        for tone in [Tone::AsIs, Tone::Standardize, Tone::Equalize] {
            for grey in [0, 77, 255] {
                assert!(
                    apply(tone, &[grey; 16])
                        .iter()
                        .all(|v| (0.0..=255.0).contains(v))
                );
            }
        }
    }
}
