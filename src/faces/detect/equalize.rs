//! Contrast raised where it is low, by contrast-limited adaptive histogram equalisation
//! (Zuiderveld 1994, "Contrast limited adaptive histogram equalization", Graphics Gems IV).

use crate::frame::GrayImage;

/// Values of a pixel.
const VALUES: usize = 256;
/// By how much a value may be more frequent than all are on average, before the rest of its
/// share is spread over all values.
const LIMIT: f32 = 2.0;

/// What each value becomes in the middle of a tile.
type Table = [u8; VALUES];

/// Equalises `image` in tiles of about `tile` pixels a side; between their middles it is
/// interpolated.
pub(super) fn equalize(image: &mut GrayImage, tile: f32) {
    let (width, height) = (image.width(), image.height());
    if width == 0 || height == 0 {
        return;
    }
    let tiles = |side: usize| ((side as f32 / tile.max(1.0)).round() as usize).clamp(1, side);
    let (columns, rows) = (tiles(width), tiles(height));
    let tables: Vec<Table> = (0..columns * rows)
        .map(|i| {
            let part =
                |i: usize, count: usize, side: usize| i * side / count..(i + 1) * side / count;
            let across = part(i % columns, columns, width);
            let lines = image.pixels().chunks_exact(width);
            let lines = &mut lines.skip(part(i / columns, rows, height).start);
            table(
                lines
                    .take(part(i / columns, rows, height).len())
                    .map(|line| &line[across.clone()]),
            )
        })
        .collect();
    let across: Vec<Between> = (0..width).map(|x| Between::of(x, columns, width)).collect();
    for (y, line) in image.pixels_mut().chunks_exact_mut(width).enumerate() {
        let down = Between::of(y, rows, height);
        let (above, below) = (
            &tables[down.first * columns..],
            &tables[down.second * columns..],
        );
        for (pixel, across) in line.iter_mut().zip(&across) {
            let value = usize::from(*pixel);
            let mix = |tables: &[Table]| {
                let at = |column: usize| f32::from(tables[column][value]);
                at(across.first) + across.share * (at(across.second) - at(across.first))
            };
            let (above, below) = (mix(above), mix(below));
            *pixel = (above + down.share * (below - above)).round() as u8;
        }
    }
}

fn table<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Table {
    let mut counts = [0u32; VALUES];
    for &value in lines.flatten() {
        counts[usize::from(value)] += 1;
    }
    let total: u32 = counts.iter().sum();
    let limit = ((LIMIT * total as f32 / VALUES as f32) as u32).max(1);
    let excess: u32 = counts.iter().map(|count| count.saturating_sub(limit)).sum();
    let spread = excess as f32 / VALUES as f32;
    let mut sum = 0.0;
    counts.map(|count| {
        sum += count.min(limit) as f32 + spread;
        (sum * (VALUES - 1) as f32 / total.max(1) as f32).round() as u8
    })
}

/// Two tiles between whose middles a row or column of pixels lies, and the share of the second.
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

impl Between {
    fn of(at: usize, tiles: usize, side: usize) -> Self {
        let place = (at as f32 + 0.5) * tiles as f32 / side as f32 - 0.5;
        let place = place.clamp(0.0, (tiles - 1) as f32);
        let first = place as usize;
        Self {
            first,
            second: (first + 1).min(tiles - 1),
            share: place.fract(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dim_part_gets_contrast_and_a_flat_one_none() {
        // Left a faint pattern in the dark, right a flat wall.
        let pixel = |i: usize| match i % 128 {
            x if x < 64 => 20 + ((x / 4 + i / 128 / 4) % 4 * 3) as u8,
            _ => 200,
        };
        let pixels = (0..128 * 64).map(pixel).collect();
        let mut image = GrayImage::from_vec(128, 64, pixels).unwrap();
        equalize(&mut image, 32.0);
        let range = |columns: std::ops::Range<usize>| {
            let lines = image.pixels().chunks_exact(128);
            let values: Vec<u8> = lines
                .flat_map(|line| line[columns.clone()].to_vec())
                .collect();
            values.iter().max().unwrap() - values.iter().min().unwrap()
        };
        // Nine values from dark to bright, of which four are taken: each of these adds twice the
        // usual step, the others somewhat less than one.
        assert!((14..=16).contains(&range(0..40)), "{}", range(0..40));
        assert_eq!(range(115..128), 0);
    }

    #[test]
    fn every_size_of_picture_and_tile_can_be_equalised() {
        for (width, height) in [(0, 0), (1, 1), (3, 50), (50, 3)] {
            for tile in [0.0, 1.0, 7.0, 1e9] {
                let pixels = (0..width * height).map(|i| i as u8).collect();
                let mut image = GrayImage::from_vec(width, height, pixels).unwrap();
                equalize(&mut image, tile);
                assert_eq!(image.pixels().len(), width * height);
            }
        }
    }
}
