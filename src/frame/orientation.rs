//! How a picture lies in memory, beside how it is to be seen.

/// How a frame is to be turned to be seen upright: the eight cases that Exif counts (Exif 2.3,
/// tag 274). Cameras and phones store pictures as the sensor has them and say so beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// As it is: 1.
    #[default]
    Upright,
    /// Left and right are to be swapped: 2.
    Mirrored,
    /// To be turned by half: 3.
    Half,
    /// Top and bottom are to be swapped: 4.
    Flipped,
    /// Rows and columns are to be swapped: 5.
    Transposed,
    /// To be turned clockwise by a quarter: 6.
    Clockwise,
    /// Rows and columns are to be swapped, and then to be turned by half: 7.
    Transversed,
    /// To be turned counter-clockwise by a quarter: 8.
    CounterClockwise,
}

impl Orientation {
    /// Every one, in the order of Exif's numbers.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::Mirrored,
        Self::Half,
        Self::Flipped,
        Self::Transposed,
        Self::Clockwise,
        Self::Transversed,
        Self::CounterClockwise,
    ];

    /// The one with this number in Exif, 1 to 8.
    pub fn from_exif(number: u32) -> Option<Self> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(at).copied()
    }

    /// Whether width and height are swapped.
    pub fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Transposed | Self::Clockwise | Self::Transversed | Self::CounterClockwise
        )
    }

    /// Where the pixel in column `x` and row `y` of the upright picture lies in memory, in a
    /// picture that has `width` x `height` pixels there.
    pub(super) fn stored(
        self,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
    ) -> (usize, usize) {
        match self {
            Self::Upright => (x, y),
            Self::Mirrored => (width - 1 - x, y),
            Self::Half => (width - 1 - x, height - 1 - y),
            Self::Flipped => (x, height - 1 - y),
            Self::Transposed => (y, x),
            Self::Clockwise => (y, height - 1 - x),
            Self::Transversed => (width - 1 - y, height - 1 - x),
            Self::CounterClockwise => (width - 1 - y, x),
        }
    }
}
