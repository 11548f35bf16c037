//! A box that moves: smoothed against jitter, quick to follow real motion.

use crate::Rect;

/// Share of a small deviation that a measurement corrects.
const CALM: f32 = 0.25;
/// How fast that share grows with the deviation (in sides of the box): at a deviation of
/// (1 - CALM) / EAGER sides the measurement is taken as it is.
const EAGER: f32 = 4.0;
/// Share of the difference between the last step and the velocity that is taken over.
const VELOCITY_GAIN: f32 = 0.4;
/// What is left of the velocity after a frame in which the face was not seen.
const FADE: f32 = 0.85;

/// Position, size and velocity of a box; the velocity is in pixels a frame.
///
/// An alpha-beta filter with the gain of the One Euro filter's idea (Casiez et al. 2012):
/// the larger the deviation, the less smoothing.
#[derive(Debug, Clone)]
pub(crate) struct Motion {
    rect: Rect,
    before: Rect,
    velocity: (f32, f32),
}

impl Motion {
    pub fn new(rect: Rect) -> Self {
        Self {
            rect,
            before: rect,
            velocity: (0.0, 0.0),
        }
    }

    /// The box now.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Multiplies place, size and velocity by `factor`.
    pub fn rescale(&mut self, factor: f32) {
        self.rect = self.rect.scale(factor);
        self.before = self.before.scale(factor);
        self.velocity = (self.velocity.0 * factor, self.velocity.1 * factor);
    }

    /// Begins a frame: moves the box by its velocity.
    pub fn predict(&mut self) {
        self.before = self.rect;
        self.rect.x += self.velocity.0;
        self.rect.y += self.velocity.1;
    }

    /// Puts the box where the face's picture was found again. That measurement is fine
    /// enough to be taken as it is.
    pub fn place(&mut self, rect: Rect) {
        self.rect = rect;
    }

    /// Pulls the box towards a detection, which is coarse: cascades see a face only at
    /// certain places and sizes.
    pub fn correct(&mut self, measured: Rect) {
        let side = self.rect.width.max(self.rect.height).max(1.0);
        let (from, to) = (self.rect.center(), measured.center());
        let gain = |deviation: f32| (CALM + EAGER * deviation.abs() / side).min(1.0);
        let pull = |from: f32, to: f32| from + gain(to - from) * (to - from);
        let (x, y) = (pull(from.x, to.x), pull(from.y, to.y));
        let width = pull(self.rect.width, measured.width);
        let height = pull(self.rect.height, measured.height);
        self.rect = Rect::new(x - width / 2.0, y - height / 2.0, width, height);
    }

    /// Ends a frame in which the face was seen: learns the velocity.
    pub fn learn(&mut self) {
        let (from, to) = (self.before.center(), self.rect.center());
        self.velocity.0 += VELOCITY_GAIN * (to.x - from.x - self.velocity.0);
        self.velocity.1 += VELOCITY_GAIN * (to.y - from.y - self.velocity.1);
    }

    /// Ends a frame in which the face was not seen: it is less and less likely to go on
    /// as it did.
    pub fn fade(&mut self) {
        self.velocity.0 *= FADE;
        self.velocity.1 *= FADE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut measured: impl FnMut(usize) -> f32, frames: usize) -> Vec<f32> {
        let mut motion = Motion::new(Rect::new(measured(0), 50.0, 60.0, 60.0));
        (1..frames)
            .map(|i| {
                motion.predict();
                motion.correct(Rect::new(measured(i), 50.0, 60.0, 60.0));
                motion.learn();
                motion.rect().x
            })
            .collect()
    }

    #[test]
    fn jitter_shrinks() {
        let xs = run(|i| 100.0 + if i % 2 == 0 { 1.5 } else { -1.5 }, 60);
        let step = xs[20..]
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        assert!(step < 1.5, "a jitter of 3 pixels became {step}");
    }

    #[test]
    fn a_moving_face_is_followed_without_lag() {
        let xs = run(|i| 100.0 + 6.0 * i as f32, 40);
        let lag = 100.0 + 6.0 * 39.0 - xs.last().unwrap();
        assert!(lag.abs() < 2.0, "lag {lag}");
    }

    #[test]
    fn a_jump_is_taken_at_once() {
        let xs = run(|i| if i < 10 { 100.0 } else { 130.0 }, 12);
        assert!((xs[9] - 130.0).abs() < 1.0, "{xs:?}");
    }
}
