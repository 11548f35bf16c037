//! Random changes of training pictures: one bilinear look-up for flip, rotation, scale,
//! aspect and shift, then contrast, brightness and erasing.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::SIDE;
use crate::rng::Rng;

/// Ranges from which each picture's change is drawn. The defaults are those of the bundled
/// model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Probability of a mirrored picture.
    pub flip: f32,
    /// Degrees either way.
    pub rotation: f32,
    /// Share by which the picture grows or shrinks.
    pub scale: f32,
    /// Share by which it is stretched one way and squeezed the other.
    pub aspect: f32,
    /// Pixels in each direction.
    pub shift: f32,
    /// Added to pixels of -1 to 1.
    pub brightness: f32,
    /// Share by which differences from middle grey grow or shrink.
    pub contrast: f32,
    /// Probability of a rectangle of 6 to 19 pixels a side of one grey value.
    pub erase: f32,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: 0.5,
            rotation: 15.0,
            scale: 0.15,
            aspect: 0.08,
            shift: 4.0,
            brightness: 0.2,
            contrast: 0.25,
            erase: 0.3,
        }
    }
}

impl Augment {
    /// No change at all.
    pub const NONE: Self = Self {
        flip: 0.0,
        rotation: 0.0,
        scale: 0.0,
        aspect: 0.0,
        shift: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        erase: 0.0,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("flip", self.flip, 1.0),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 0.9),
            ("aspect", self.aspect, 0.9),
            ("shift", self.shift, SIDE as f32),
            ("brightness", self.brightness, 2.0),
            ("contrast", self.contrast, 1.0),
            ("erase", self.erase, 1.0),
        ];
        for (name, value, high) in ranges {
            ensure!(
                (0.0..=high).contains(&value),
                "augment.{name} {value} is not 0 to {high}"
            );
        }
        Ok(())
    }

    /// Writes a changed copy of `pixels` ([`SIDE`] x [`SIDE`] grey values), about -1 to 1.
    pub fn apply(&self, pixels: &[u8], out: &mut [f32], rng: &mut Rng) {
        let view = self.view(rng);
        self.apply_to(&view, pixels, out, rng);
    }

    /// A view of a picture, drawn by chance; never mirrored, which is left to
    /// [`Augment::apply_to`].
    pub fn view(&self, rng: &mut Rng) -> View {
        let angle = rng.symmetric() * self.rotation.to_radians();
        let scale = 1.0 + self.scale * rng.symmetric();
        let aspect = 1.0 + self.aspect * rng.symmetric();
        View {
            angle,
            scale_x: scale * aspect,
            scale_y: scale / aspect,
            shift_x: rng.symmetric() * self.shift,
            shift_y: rng.symmetric() * self.shift,
        }
    }

    /// As [`Augment::apply`], with a view that is given; the rest is drawn by chance.
    pub fn apply_to(&self, view: &View, pixels: &[u8], out: &mut [f32], rng: &mut Rng) {
        let flip = rng.unit() < self.flip;
        let brightness = rng.symmetric() * self.brightness;
        let contrast = 1.0 + self.contrast * rng.symmetric();
        view.look_up(pixels, flip, out);
        for value in out.iter_mut() {
            *value = (*value * contrast + brightness).clamp(-1.2, 1.2);
        }
        if rng.unit() < self.erase {
            erase(out, rng);
        }
    }
}

/// Where in a picture each pixel of a changed copy lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Radians, about the middle.
    angle: f32,
    scale_x: f32,
    scale_y: f32,
    /// Pixels.
    shift_x: f32,
    shift_y: f32,
}

impl View {
    /// Writes what the view shows of `pixels`, -1 to 1.
    pub fn look_up(&self, pixels: &[u8], flip: bool, out: &mut [f32]) {
        let (sin, cos) = self.angle.sin_cos();
        let scale_x = if flip { -self.scale_x } else { self.scale_x };
        let middle = (SIDE - 1) as f32 / 2.0;
        for (i, value) in out.iter_mut().enumerate() {
            let u = ((i % SIDE) as f32 - middle) * scale_x;
            let v = ((i / SIDE) as f32 - middle) * self.scale_y;
            *value = normalise(sample(
                pixels,
                cos * u - sin * v + middle + self.shift_x,
                sin * u + cos * v + middle + self.shift_y,
            ));
        }
    }
}

/// A grey value of 0 to 255 as the network takes it, -1 to 1.
pub fn normalise(grey: f32) -> f32 {
    grey / 127.5 - 1.0
}

/// Bilinear look-up; beyond the edge lies more of the edge.
fn sample(pixels: &[u8], x: f32, y: f32) -> f32 {
    let last = SIDE - 1;
    let (x, y) = (x.clamp(0.0, last as f32), y.clamp(0.0, last as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(last), (y0 + 1).min(last));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let at = |x: usize, y: usize| f32::from(pixels[y * SIDE + x]);
    let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
    let bottom = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
    top * (1.0 - fy) + bottom * fy
}

fn erase(out: &mut [f32], rng: &mut Rng) {
    let (width, height) = (6 + rng.below_unit(14), 6 + rng.below_unit(14));
    let (x, y) = (rng.below_unit(SIDE - width), rng.below_unit(SIDE - height));
    let grey = rng.symmetric();
    for row in out.chunks_exact_mut(SIDE).skip(y).take(height) {
        row[x..x + width].fill(grey);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<u8> {
        (0..SIDE * SIDE).map(|i| (i % SIDE * 5) as u8).collect()
    }

    #[test]
    fn without_changes_a_picture_is_only_normalised() {
        let mut out = vec![0.0; SIDE * SIDE];
        Augment::NONE.apply(&ramp(), &mut out, &mut Rng::new(3));
        for (have, pixel) in out.iter().zip(ramp()) {
            assert!((have - normalise(f32::from(pixel))).abs() < 1e-5);
        }
    }

    #[test]
    fn a_flip_mirrors_every_row() {
        let flip = Augment {
            flip: 1.0,
            ..Augment::NONE
        };
        let mut out = vec![0.0; SIDE * SIDE];
        flip.apply(&ramp(), &mut out, &mut Rng::new(3));
        assert!((out[0] - normalise(235.0)).abs() < 1e-5 && out[SIDE - 1] < -0.99);
    }

    #[test]
    fn changes_differ_and_stay_in_range() {
        let (mut a, mut b) = (vec![0.0; SIDE * SIDE], vec![0.0; SIDE * SIDE]);
        let mut rng = Rng::new(5);
        Augment::default().apply(&ramp(), &mut a, &mut rng);
        Augment::default().apply(&ramp(), &mut b, &mut rng);
        assert_ne!(a, b);
        assert!(a.iter().all(|v| (-1.2..=1.2).contains(v)));
    }
}
