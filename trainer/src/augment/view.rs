//! Where a training picture is looked at.

use crate::SIDE;
use crate::degrade::look_up;

/// Where in a picture each pixel of a changed copy lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Radians, about the middle.
    pub(super) angle: f32,
    pub(super) scale_x: f32,
    pub(super) scale_y: f32,
    /// Pixels.
    pub(super) shift_x: f32,
    pub(super) shift_y: f32,
}

impl View {
    /// A look turned by `angle` radians at a part `scale` times as large as the picture, its
    /// middle `shift` pixels away from the picture's.
    pub fn new(angle: f32, scale: f32, shift: (f32, f32)) -> Self {
        Self {
            angle,
            scale_x: scale,
            scale_y: scale,
            shift_x: shift.0,
            shift_y: shift.1,
        }
    }

    /// Writes what the view shows of `pixels`, 0 to 255.
    pub fn look_up(&self, pixels: &[u8], flip: bool, out: &mut [f32]) {
        let pixels: Vec<f32> = pixels.iter().map(|p| f32::from(*p)).collect();
        let (sin, cos) = self.angle.sin_cos();
        let scale_x = if flip { -self.scale_x } else { self.scale_x };
        let middle = (SIDE - 1) as f32 / 2.0;
        for (i, value) in out.iter_mut().enumerate() {
            let u = ((i % SIDE) as f32 - middle) * scale_x;
            let v = ((i / SIDE) as f32 - middle) * self.scale_y;
            *value = look_up(
                &pixels,
                cos * u - sin * v + middle + self.shift_x,
                sin * u + cos * v + middle + self.shift_y,
            );
        }
    }
}
