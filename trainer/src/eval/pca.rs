//! Principal components (Pearson 1901), for looking at features.

use crate::rng::Rng;

/// Steps of the power iteration; features of a trained network have few large components,
/// which come out long before.
const STEPS: usize = 200;

/// Features in the plane in which they vary most.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Coordinates, one pair a row of features.
    pub points: Vec<[f64; 2]>,
    /// Share of the variance along each axis.
    pub explained: [f64; 2],
}

/// Projects rows of equal length onto their first two principal components, found one
/// after the other by power iteration on the covariance.
pub fn plane(rows: &[Vec<f32>]) -> Plane {
    let mut rows = centered(rows);
    let total: f64 = rows.iter().flatten().map(|v| v * v).sum();
    let mut points = vec![[0.0; 2]; rows.len()];
    let mut explained = [0.0; 2];
    for axis in 0..2 {
        let direction = strongest(&rows);
        let mut sum = 0.0;
        for (row, point) in rows.iter_mut().zip(&mut points) {
            let length = dot(row, &direction);
            point[axis] = length;
            sum += length * length;
            // What is left has no part in this direction.
            row.iter_mut()
                .zip(&direction)
                .for_each(|(v, d)| *v -= length * d);
        }
        explained[axis] = if total > 0.0 { sum / total } else { 0.0 };
    }
    Plane { points, explained }
}

fn centered(rows: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; columns];
    for row in rows {
        for (m, v) in mean.iter_mut().zip(row) {
            *m += f64::from(*v) / rows.len() as f64;
        }
    }
    let center = |row: &Vec<f32>| -> Vec<f64> {
        let pairs = row.iter().zip(&mean);
        pairs.map(|(v, m)| f64::from(*v) - m).collect()
    };
    rows.iter().map(center).collect()
}

/// The unit vector along which centered rows vary most.
fn strongest(rows: &[Vec<f64>]) -> Vec<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut rng = Rng::new(1);
    let mut v: Vec<f64> = (0..columns).map(|_| f64::from(rng.normal())).collect();
    for _ in 0..STEPS {
        let mut next = vec![0.0; columns];
        for row in rows {
            let length = dot(row, &v);
            next.iter_mut().zip(row).for_each(|(n, x)| *n += length * x);
        }
        let norm = dot(&next, &next).sqrt();
        if norm <= f64::MIN_POSITIVE {
            break;
        }
        v = next.into_iter().map(|x| x / norm).collect();
    }
    v
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_of_an_ellipse() {
        // Along (0.6, 0.8, 0) with variance 9, along (0, 0, 1) with variance 1.
        let corners = [(3.0, 1.0), (3.0, -1.0), (-3.0, 1.0), (-3.0, -1.0)];
        let rows: Vec<Vec<f32>> = corners
            .iter()
            .map(|(a, b)| vec![5.0 + 0.6 * a, 0.8 * a, *b])
            .collect();
        let plane = plane(&rows);
        for (point, (a, b)) in plane.points.iter().zip(corners) {
            assert!((point[0].abs() - f64::from(a).abs()).abs() < 1e-5);
            assert!((point[1].abs() - f64::from(b).abs()).abs() < 1e-5);
        }
        assert!((plane.explained[0] - 0.9).abs() < 1e-6);
        assert!((plane.explained[1] - 0.1).abs() < 1e-6);
    }

    #[test]
    fn rows_that_are_all_the_same_are_one_point() {
        let plane = plane(&vec![vec![1.0, 2.0]; 3]);
        assert_eq!(plane.points, [[0.0; 2]; 3]);
        assert_eq!(plane.explained, [0.0; 2]);
    }
}
