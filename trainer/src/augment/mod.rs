//! Random changes of training pictures: one bilinear look-up for flip, rotation, scale,
//! aspect and shift, then contrast, brightness, a covered part, and what cameras do.

mod camera;
mod view;

use fer::model::Tone;
use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use crate::{Result, SIDE, degrade, ranges};

pub use camera::Camera;
pub use view::View;

/// Ranges from which each picture's change is drawn. The defaults are plain ones, without a
/// camera; those of the bundled models are in `configs/`.
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
    /// Probability of a rectangle of one grey value: 6 to 19 pixels a side, or, as often, a
    /// bar of 20 to 43 by 6 to 15 pixels, as a hand or a scarf is.
    pub erase: f32,
    /// What cameras do.
    pub camera: Camera,
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
            camera: Camera::NONE,
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
        camera: Camera::NONE,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let settings = [
            ("flip", self.flip, 1.0),
            ("rotation", self.rotation, 180.0),
            ("scale", self.scale, 0.9),
            ("aspect", self.aspect, 0.9),
            ("shift", self.shift, SIDE as f32),
            ("brightness", self.brightness, 2.0),
            ("contrast", self.contrast, 1.0),
            ("erase", self.erase, 1.0),
        ];
        ranges::check("augment.", &settings)?;
        self.camera.check()
    }

    /// Writes a changed copy of `pixels` ([`SIDE`] x [`SIDE`] grey values) as the network
    /// takes it.
    pub fn apply(&self, pixels: &[u8], tone: Tone, out: &mut [f32], rng: &mut Rng) {
        let view = self.view(rng);
        self.apply_to(&view, pixels, tone, out, rng);
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
    pub fn apply_to(&self, view: &View, pixels: &[u8], tone: Tone, out: &mut [f32], rng: &mut Rng) {
        let flip = rng.unit() < self.flip;
        let brightness = 127.5 * rng.symmetric() * self.brightness;
        let contrast = 1.0 + self.contrast * rng.symmetric();
        view.look_up(pixels, flip, out);
        degrade::contrast(out, contrast);
        degrade::brightness(out, brightness);
        if rng.unit() < self.erase {
            erase(out, rng);
        }
        self.camera.apply(out, rng);
        finish(out, tone);
    }
}

/// Turns grey values of 0 to 255 into what the network takes: rounded as a camera's are, with
/// the model's tone, -1 to 1.
pub fn finish(pixels: &mut [f32], tone: Tone) {
    let grey: Vec<u8> = pixels.iter().map(|v| v.round() as u8).collect();
    write_input(&grey, tone, pixels);
}

/// Writes grey values as the network takes them, -1 to 1; [`fer::prepare`] does the same.
pub fn write_input(grey: &[u8], tone: Tone, out: &mut [f32]) {
    let table = tone.table(grey).map(|v| v / 127.5 - 1.0);
    for (out, grey) in out.iter_mut().zip(grey) {
        *out = table[usize::from(*grey)];
    }
}

fn erase(out: &mut [f32], rng: &mut Rng) {
    let (width, height) = if rng.unit() < 0.5 {
        (6 + rng.below_unit(14), 6 + rng.below_unit(14))
    } else {
        (20 + rng.below_unit(24), 6 + rng.below_unit(10))
    };
    let (x, y) = (rng.below_unit(SIDE - width), rng.below_unit(SIDE - height));
    degrade::cover(out, x, y, width, height, 255.0 * rng.unit());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<u8> {
        (0..SIDE * SIDE).map(|i| (i % SIDE * 5) as u8).collect()
    }

    #[test]
    fn without_changes_a_picture_is_only_normalised() {
        let (mut out, mut want) = (vec![0.0; SIDE * SIDE], vec![0.0; SIDE * SIDE]);
        for tone in [Tone::AsIs, Tone::Standardize, Tone::Equalize] {
            Augment::NONE.apply(&ramp(), tone, &mut out, &mut Rng::new(3));
            write_input(&ramp(), tone, &mut want);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn a_flip_mirrors_every_row() {
        let flip = Augment {
            flip: 1.0,
            ..Augment::NONE
        };
        let mut out = vec![0.0; SIDE * SIDE];
        flip.apply(&ramp(), Tone::AsIs, &mut out, &mut Rng::new(3));
        assert!((out[0] - (235.0 / 127.5 - 1.0)).abs() < 1e-5 && out[SIDE - 1] < -0.99);
    }

    #[test]
    fn changes_differ_and_stay_in_range() {
        let (mut a, mut b) = (vec![0.0; SIDE * SIDE], vec![0.0; SIDE * SIDE]);
        let mut rng = Rng::new(5);
        let noisy = Augment {
            camera: Camera {
                share: 1.0,
                noise: 1.0,
                most_noise: 100.0,
                ..Camera::NONE
            },
            ..Augment::default()
        };
        noisy.apply(&ramp(), Tone::AsIs, &mut a, &mut rng);
        noisy.apply(&ramp(), Tone::AsIs, &mut b, &mut rng);
        assert_ne!(a, b);
        assert!(a.iter().all(|v| (-1.0..=1.0).contains(v)));
    }
}
