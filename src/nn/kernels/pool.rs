//! Pools.

use super::depthwise::Window;

/// What a pool makes of the values that it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// The largest.
    Max,
    /// The mean of those inside of the picture.
    Mean,
    /// The mean, with padding as zeros.
    MeanWithPadding,
}

/// Pools one picture of `channels` channels.
///
/// # Panics
/// When `x` or `out` is not one picture.
pub fn pool(kind: Pool, window: &Window, channels: usize, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), window.input_area() * channels);
    assert_eq!(out.len(), window.output_area() * channels);
    for (place, out) in out.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (place / window.output[1], place % window.output[1]);
        let start = match kind {
            Pool::Max => f32::NEG_INFINITY,
            Pool::Mean | Pool::MeanWithPadding => 0.0,
        };
        out.fill(start);
        let mut seen = 0;
        for ky in 0..window.kernel[0] {
            let Some(y) = window.at(0, row, ky) else {
                continue;
            };
            for kx in 0..window.kernel[1] {
                let Some(at) = window.at(1, column, kx) else {
                    continue;
                };
                seen += 1;
                let from = &x[(y * window.input[1] + at) * channels..][..channels];
                for (out, from) in out.iter_mut().zip(from) {
                    match kind {
                        Pool::Max => *out = if *from > *out { *from } else { *out },
                        Pool::Mean | Pool::MeanWithPadding => *out += from,
                    }
                }
            }
        }
        let among = match kind {
            Pool::Max => continue,
            Pool::Mean => seen.max(1),
            Pool::MeanWithPadding => window.taps(),
        };
        for out in out {
            *out /= among as f32;
        }
    }
}
