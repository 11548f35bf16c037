//! Pictures that are in a data set twice, which spoils a comparison of its parts.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::Sample;
use crate::SIDE;

/// Side of the grid whose neighbours are compared.
const GRID: usize = 16;

/// Bits of 256 that may differ between two pictures of the same moment. Between the parts
/// of FER-2013, of 48 pairs at 37 to 42 bits all but two show the same photograph, cropped,
/// scaled or compressed another way; from about 46 bits on, unrelated pairs abound.
const NEAR: u32 = 40;

/// Set bits of 256 below which a picture is too flat to be recognised: black ones, of which
/// FER-2013 has some, would be like each other and like any dark silhouette.
const FLAT: u32 = 40;

/// Pairs of samples that show the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Duplicates {
    /// Pairs of indices whose pixels are equal.
    pub exact: Vec<(usize, usize)>,
    /// Pairs of indices in different parts that look the same, without the equal and the
    /// flat ones.
    pub near_across_parts: Vec<(usize, usize)>,
}

/// Compares every sample with every other; `parts` has the part of each.
///
/// # Panics
/// When `parts` has another length.
pub fn find<P: PartialEq + Sync>(samples: &[&Sample], parts: &[P]) -> Duplicates {
    assert_eq!(samples.len(), parts.len());
    let mut first: HashMap<&[u8], usize> = HashMap::new();
    let mut exact = Vec::new();
    for (i, sample) in samples.iter().enumerate() {
        match first.get(sample.pixels.as_slice()) {
            Some(before) => exact.push((*before, i)),
            None => {
                first.insert(&sample.pixels, i);
            }
        }
    }
    let hashes: Vec<[u64; 4]> = samples.par_iter().map(|s| hash(&s.pixels)).collect();
    let near_across_parts = (0..samples.len())
        .into_par_iter()
        .filter(|a| !flat(&hashes[*a]))
        .flat_map_iter(|a| {
            let hashes = &hashes;
            (a + 1..samples.len())
                .filter(move |b| parts[a] != parts[*b])
                .filter(move |b| distance(&hashes[a], &hashes[*b]) <= NEAR)
                .filter(move |b| !flat(&hashes[*b]))
                .filter(move |b| samples[a].pixels != samples[*b].pixels)
                .map(move |b| (a, b))
        })
        .collect();
    Duplicates {
        exact,
        near_across_parts,
    }
}

/// For each of `samples`, whether one of `others` shows the same: equal pixels or, where `near`
/// ones count too, as near as in [`find`].
pub fn also_among(samples: &[&Sample], others: &[&Sample], near: bool) -> Vec<bool> {
    let equal: HashSet<&[u8]> = others.iter().map(|s| s.pixels.as_slice()).collect();
    let compared = if near { others } else { &[] };
    let hashed: Vec<[u64; 4]> = compared.iter().map(|s| hash(&s.pixels)).collect();
    let each = samples.par_iter().map(|sample| {
        let own = hash(&sample.pixels);
        let near = |other: &[u64; 4]| distance(&own, other) <= NEAR && !flat(other);
        equal.contains(sample.pixels.as_slice()) || (!flat(&own) && hashed.iter().any(near))
    });
    each.collect()
}

fn distance(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

fn flat(hash: &[u64; 4]) -> bool {
    hash.iter().map(|word| word.count_ones()).sum::<u32>() < FLAT
}

/// Difference hash: whether each cell of a 17 x 16 grid is brighter than its neighbour.
fn hash(pixels: &[u8]) -> [u64; 4] {
    let cell = |x: usize, y: usize| -> u32 {
        let columns = x * SIDE / (GRID + 1)..(x + 1) * SIDE / (GRID + 1);
        let rows = y * SIDE / GRID..(y + 1) * SIDE / GRID;
        let n = (columns.len() * rows.len()) as u32;
        let row = |y: usize| -> u32 {
            pixels[y * SIDE..][columns.clone()]
                .iter()
                .map(|p| u32::from(*p))
                .sum()
        };
        // Sixteenths, since cells are not equally large.
        16 * rows.map(row).sum::<u32>() / n
    };
    let mut bits = [0; 4];
    for i in 0..GRID * GRID {
        let (x, y) = (i % GRID, i / GRID);
        bits[i / 64] |= u64::from(cell(x, y) < cell(x + 1, y)) << (i % 64);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn equal_and_similar_pictures_are_found_and_others_are_not() {
        let mut rng = Rng::new(1);
        let mut picture = |split| -> Sample {
            let mut grey = 128.0f32;
            let pixels = (0..SIDE * SIDE).map(|_| {
                grey = (grey + 40.0 * rng.symmetric()).clamp(0.0, 250.0);
                grey as u8
            });
            Sample {
                pixels: pixels.collect(),
                split: Some(split),
                ..Sample::default()
            }
        };
        let a = picture(Split::Train);
        let mut brighter = a.clone();
        brighter.split = Some(Split::Validation);
        brighter.pixels.iter_mut().for_each(|p| *p += 3);
        let samples = [a.clone(), picture(Split::Validation), a, brighter];
        let splits = samples.each_ref().map(|s| s.split);
        let found = find(&samples.each_ref(), &splits);
        assert_eq!(found.exact, [(0, 2)]);
        assert_eq!(found.near_across_parts, [(0, 3), (2, 3)]);
        let [a, b, again, brighter] = samples.each_ref();
        let copies = also_among(&[a, again, b], &[brighter], true);
        assert_eq!(copies, [true, true, false]);
        assert_eq!(also_among(&[a, again, b], &[brighter], false), [false; 3]);
        assert_eq!(also_among(&[again, b], &[a], false), [true, false]);
    }

    #[test]
    fn flat_pictures_are_not_like_each_other() {
        let picture = |spot: usize, split| {
            let mut pixels = vec![0; SIDE * SIDE];
            for y in spot..spot + 6 {
                pixels[y * SIDE + spot..][..6].fill(255);
            }
            Sample {
                pixels,
                split: Some(split),
                ..Sample::default()
            }
        };
        let samples = [picture(2, Split::Train), picture(30, Split::Validation)];
        let splits = samples.each_ref().map(|s| s.split);
        assert_eq!(find(&samples.each_ref(), &splits), Duplicates::default());
    }
}
