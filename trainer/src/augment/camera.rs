//! What cameras do to a face, drawn anew for every picture that is trained on.

use std::f32::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use crate::{Result, SIDE, degrade, ranges};

/// How often, and how strongly at most. Strengths are drawn from nothing to the most, so that
/// light damage is as frequent as heavy one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Camera {
    /// Probability that a picture goes through any of the below but light.
    pub share: f32,
    /// Gamma is drawn between 1 / (1 + this) and 1 + this.
    pub gamma: f32,
    /// Probability of low contrast, down to [`Camera::least_contrast`].
    pub flat: f32,
    /// Factor of differences from middle grey at the least, 0 to 1.
    pub least_contrast: f32,
    /// Light from one side: share by which values grow there and shrink on the other, at most.
    pub side_light: f32,
    /// Probability of a smaller face.
    pub resolution: f32,
    /// Its least side in pixels; sides are drawn evenly in their logarithm.
    pub least_side: usize,
    /// Probability of a Gaussian blur.
    pub blur: f32,
    /// Its largest deviation in pixels.
    pub most_blur: f32,
    /// Probability of motion blur.
    pub motion: f32,
    /// Its largest length in pixels.
    pub most_motion: f32,
    /// Probability of sensor noise.
    pub noise: f32,
    /// Its largest deviation in grey values of 0 to 255.
    pub most_noise: f32,
    /// Probability of JPEG.
    pub jpeg: f32,
    /// Its least quality, 1 to 100.
    pub least_quality: u8,
}

impl Default for Camera {
    fn default() -> Self {
        Self::NONE
    }
}

impl Camera {
    /// No change at all.
    pub const NONE: Self = Self {
        share: 0.0,
        gamma: 0.0,
        flat: 0.0,
        least_contrast: 1.0,
        side_light: 0.0,
        resolution: 0.0,
        least_side: SIDE,
        blur: 0.0,
        most_blur: 0.0,
        motion: 0.0,
        most_motion: 0.0,
        noise: 0.0,
        most_noise: 0.0,
        jpeg: 0.0,
        least_quality: 100,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<()> {
        let settings = [
            ("share", self.share, 1.0),
            ("gamma", self.gamma, 4.0),
            ("flat", self.flat, 1.0),
            ("least_contrast", self.least_contrast, 1.0),
            ("side_light", self.side_light, 1.0),
            ("resolution", self.resolution, 1.0),
            ("blur", self.blur, 1.0),
            ("most_blur", self.most_blur, 8.0),
            ("motion", self.motion, 1.0),
            ("most_motion", self.most_motion, SIDE as f32),
            ("noise", self.noise, 1.0),
            ("most_noise", self.most_noise, 100.0),
            ("jpeg", self.jpeg, 1.0),
        ];
        ranges::check("augment.camera.", &settings)?;
        ensure!(
            (4..=SIDE).contains(&self.least_side),
            Setting,
            "augment.camera.least_side {} is not 4 to {SIDE}",
            self.least_side
        );
        ensure!(
            (1..=100).contains(&self.least_quality),
            Setting,
            "augment.camera.least_quality {} is not 1 to 100",
            self.least_quality
        );
        Ok(())
    }

    /// Changes a picture of grey values of 0 to 255, in the order in which a camera does:
    /// light, lens and shutter, sensor, codec.
    pub fn apply(&self, pixels: &mut [f32], rng: &mut Rng) {
        self.light(pixels, rng);
        if rng.unit() >= self.share {
            return;
        }
        if rng.unit() < self.blur {
            degrade::blur(pixels, self.most_blur * rng.unit());
        }
        if rng.unit() < self.motion {
            degrade::motion(pixels, self.most_motion * rng.unit(), TAU * rng.unit());
        }
        let side = if rng.unit() < self.resolution {
            let least = self.least_side as f32 / SIDE as f32;
            (SIDE as f32 * least.powf(rng.unit())).round() as usize
        } else {
            SIDE
        };
        // Noise and blocks are of the size of the sensor's pixels, or finer where the face
        // was larger than the network's input: both are seen.
        let coarse = rng.unit() < 0.5;
        if coarse {
            degrade::at_resolution(pixels, side, |pixels| self.record(pixels, rng));
        } else {
            degrade::at_resolution(pixels, side, |_| ());
            self.record(pixels, rng);
        }
    }

    fn light(&self, pixels: &mut [f32], rng: &mut Rng) {
        if self.gamma > 0.0 {
            degrade::gamma(pixels, (1.0 + self.gamma).powf(rng.symmetric()));
        }
        if rng.unit() < self.flat {
            let span = 1.0 - self.least_contrast;
            degrade::contrast(pixels, self.least_contrast + span * rng.unit());
        }
        if self.side_light > 0.0 {
            degrade::side_light(pixels, self.side_light * rng.unit(), TAU * rng.unit());
        }
    }

    fn record(&self, pixels: &mut [f32], rng: &mut Rng) {
        if rng.unit() < self.noise {
            degrade::noise(pixels, self.most_noise * rng.unit(), rng);
        }
        if rng.unit() < self.jpeg {
            let span = f32::from(100 - self.least_quality);
            let quality = f32::from(self.least_quality) + span * rng.unit();
            degrade::jpeg(pixels, quality as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything, always.
    fn all() -> Camera {
        Camera {
            share: 1.0,
            gamma: 1.0,
            flat: 1.0,
            least_contrast: 0.3,
            side_light: 0.5,
            resolution: 1.0,
            least_side: 12,
            blur: 1.0,
            most_blur: 2.0,
            motion: 1.0,
            most_motion: 6.0,
            noise: 1.0,
            most_noise: 20.0,
            jpeg: 1.0,
            least_quality: 10,
        }
    }

    #[test]
    fn pictures_differ_and_stay_pictures() {
        let face: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % SIDE * 5) as f32).collect();
        let mut rng = Rng::new(1);
        let mut before = face.clone();
        for _ in 0..200 {
            let mut pixels = face.clone();
            all().apply(&mut pixels, &mut rng);
            assert!(pixels.iter().all(|v| v.is_finite()));
            assert!(pixels.iter().all(|v| (-150.0..405.0).contains(v)));
            assert_ne!(pixels, before);
            before = pixels;
        }
        let mut pixels = face.clone();
        Camera::NONE.apply(&mut pixels, &mut rng);
        assert_eq!(pixels, face);
    }

    #[test]
    fn wild_values_are_named() {
        for (camera, word) in [
            (Camera { jpeg: 1.5, ..all() }, "jpeg"),
            (
                Camera {
                    least_side: 2,
                    ..all()
                },
                "least_side",
            ),
            (
                Camera {
                    least_quality: 0,
                    ..all()
                },
                "least_quality",
            ),
        ] {
            assert!(camera.check().unwrap_err().to_string().contains(word));
        }
        all().check().unwrap();
    }
}
