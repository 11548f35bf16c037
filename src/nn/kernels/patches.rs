//! The values that each output of a convolution sees, as rows of a matrix.

use super::depthwise::Window;

/// Writes the patches of outputs `places` of a picture into `rows`, which takes taps x
/// `channels` values each, tap by tap; padding is zero. Of the picture's channels those from
/// `first` on are taken.
///
/// # Panics
/// When a place is outside of the picture or `rows` has another length.
pub fn patches(
    window: &Window,
    x: &[f32],
    (all, first, channels): (usize, usize, usize),
    places: std::ops::Range<usize>,
    rows: &mut [f32],
) {
    let row = window.taps() * channels;
    assert_eq!(rows.len(), places.len() * row);
    // The taps of a row lie together where they are next to each other and of all channels.
    let together = window.dilation[1] == 1 && channels == all;
    let width = window.kernel[1] * channels;
    for (place, row) in places.zip(rows.chunks_exact_mut(row)) {
        let (y, x_at) = (place / window.output[1], place % window.output[1]);
        let left = window.at(1, x_at, 0);
        let inside = left.is_some() && window.at(1, x_at, window.kernel[1] - 1).is_some();
        for (ky, taps) in row.chunks_exact_mut(width).enumerate() {
            let Some(line) = window.at(0, y, ky) else {
                taps.fill(0.0);
                continue;
            };
            let line = &x[line * window.input[1] * all..][..window.input[1] * all];
            if let (true, true, Some(left)) = (together, inside, left) {
                taps.copy_from_slice(&line[left * all..][..width]);
                continue;
            }
            for (kx, tap) in taps.chunks_exact_mut(channels).enumerate() {
                match window.at(1, x_at, kx) {
                    Some(column) => tap.copy_from_slice(&line[column * all + first..][..channels]),
                    None => tap.fill(0.0),
                }
            }
        }
    }
}
