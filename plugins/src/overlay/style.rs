//! Colours and sizes of what is drawn.

/// Red, green and blue, 0 to 1.
pub type Rgb = [f64; 3];

/// Okabe and Ito's palette, which colour-blind people can tell apart ("Color Universal
/// Design", 2008), and white.
const PALETTE: [Rgb; 8] = [
    hex(0xD55E00),
    hex(0x009E73),
    hex(0xCC79A7),
    hex(0xF0E442),
    hex(0x0072B2),
    hex(0x56B4E9),
    hex(0xFFFFFF),
    hex(0xE69F00),
];

const fn hex(rgb: u32) -> Rgb {
    [
        (rgb >> 16 & 255) as f64 / 255.0,
        (rgb >> 8 & 255) as f64 / 255.0,
        (rgb & 255) as f64 / 255.0,
    ]
}

/// Grey, for faces without an expression.
pub const PLAIN: Rgb = hex(0xBBBBBB);

/// The colour of an expression: fixed for the common ones, by its place among the classes
/// for others.
pub fn color(label: &str, place: usize) -> Rgb {
    let known = match label {
        "angry" | "anger" => 0,
        "disgust" => 1,
        "fear" => 2,
        "happy" | "happiness" => 3,
        "sad" | "sadness" => 4,
        "surprise" | "surprised" => 5,
        "neutral" => 6,
        "contempt" => 7,
        _ => place,
    };
    PALETTE[known % PALETTE.len()]
}

/// Black or white, whichever is easier to read on `background`: by relative luminance
/// (WCAG 2.1), whose contrast with black and white is equal at 0.179.
pub fn text_on(background: Rgb) -> Rgb {
    let linear = background.map(|v| {
        if v <= 0.040_45 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    });
    let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    if luminance > 0.179 {
        [0.0; 3]
    } else {
        [1.0; 3]
    }
}

/// Height of text in pixels, for a frame of this height: readable at 240 lines and in
/// proportion at 2160.
pub fn text_height(frame_height: u32, scale: f64) -> u32 {
    (f64::from((frame_height / 30).max(12)) * scale)
        .round()
        .max(6.0) as u32
}

/// Width of a box's line in pixels.
pub fn line_width(frame_height: u32) -> u32 {
    (frame_height / 240).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_out_from_every_colour() {
        assert_eq!(text_on(hex(0xF0E442)), [0.0; 3]);
        assert_eq!(text_on(hex(0x0072B2)), [1.0; 3]);
    }

    #[test]
    fn expressions_keep_their_colours_whatever_their_order() {
        assert_eq!(color("happy", 0), color("happy", 5));
        assert_ne!(color("happy", 3), color("sad", 3));
    }
}
