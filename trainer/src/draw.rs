//! Boxes and labels on a picture.

use fer::Rect;
use font8x8::legacy::BASIC_LEGACY;
use image::{Rgb, RgbImage};

/// Height and width of a character in its font.
const GLYPH: u32 = 8;

const BOX: Rgb<u8> = Rgb([0, 160, 90]);
const TEXT: Rgb<u8> = Rgb([255, 255, 255]);

/// Width of a label beyond that of its face, as a share of the face.
const BEYOND: f32 = 0.5;

/// A box with a line of text on its upper edge, inside the picture wherever there is room: the
/// first of `texts` that is not much wider than the face, else the last, which a face of which
/// nothing else is said has in full. Strokes and text grow with the picture; among several texts each
/// shrinks before the next is taken.
///
/// # Panics
/// When there is no text.
pub fn label(picture: &mut RgbImage, face: &Rect, texts: &[&str]) {
    let shorter = picture.width().min(picture.height());
    let stroke = (shorter / 240).max(1);
    outline(picture, face, stroke);
    let width = |text: &str, scale: u32| (text.chars().count() as u32 + 1) * GLYPH * scale;
    let largest = (shorter / 250).max(1);
    let room = face.width * (1.0 + BEYOND);
    let fits = |text: &&&str| (1..=largest).rev().find(|s| width(text, *s) as f32 <= room);
    let (text, scale) = texts
        .iter()
        .find_map(|text| Some((*text, fits(&text)?)))
        .unwrap_or_else(|| {
            let last = texts.last().expect("there is a text");
            (*last, if texts.len() == 1 { largest } else { 1 })
        });
    let (width, height) = (width(text, scale), (GLYPH + 4) * scale);
    let inside = |at: f32, size: u32, whole: u32| {
        let last = whole.saturating_sub(size);
        (at.max(0.0) as u32).min(last)
    };
    let left = inside(face.x, width, picture.width());
    let top = inside(face.y - height as f32, height, picture.height());
    fill(picture, [left, top, width, height], BOX);
    write(
        picture,
        left + GLYPH * scale / 2,
        top + 2 * scale,
        scale,
        text,
    );
}

fn outline(picture: &mut RgbImage, face: &Rect, stroke: u32) {
    let face = face.clamp(picture.width() as usize, picture.height() as usize);
    let (left, top) = (face.x as u32, face.y as u32);
    let (width, height) = (face.width as u32, face.height as u32);
    let right = (left + width).saturating_sub(stroke);
    let bottom = (top + height).saturating_sub(stroke);
    for side in [
        [left, top, width, stroke],
        [left, bottom, width, stroke],
        [left, top, stroke, height],
        [right, top, stroke, height],
    ] {
        fill(picture, side, BOX);
    }
}

/// Fills a box (left, top, width, height), as far as it is in the picture.
fn fill(picture: &mut RgbImage, [left, top, width, height]: [u32; 4], colour: Rgb<u8>) {
    for y in top..(top + height).min(picture.height()) {
        for x in left..(left + width).min(picture.width()) {
            picture.put_pixel(x, y, colour);
        }
    }
}

fn write(picture: &mut RgbImage, left: u32, top: u32, scale: u32, text: &str) {
    for (i, c) in text.chars().enumerate() {
        // The font has ASCII; anything else becomes a question mark.
        let glyph = BASIC_LEGACY.get(c as usize).unwrap_or(&BASIC_LEGACY[63]);
        for (y, row) in glyph.iter().enumerate() {
            for x in (0..GLYPH).filter(|x| row & (1 << x) != 0) {
                let at = left + (i as u32 * GLYPH + x) * scale;
                fill(picture, [at, top + y as u32 * scale, scale, scale], TEXT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stays_inside_whatever_the_box() {
        for face in [
            Rect::new(10.0, 20.0, 30.0, 30.0),
            Rect::new(-20.0, -20.0, 500.0, 500.0),
            Rect::new(90.0, 70.0, 30.0, 30.0),
        ] {
            let mut picture = RgbImage::new(100, 80);
            label(&mut picture, &face, &["happy 98 %"]);
            let count = |colour| picture.pixels().filter(|p| **p == colour).count();
            assert!(count(BOX) > 100 && count(TEXT) > 50, "{face:?}");
        }
        // No room at all.
        label(
            &mut RgbImage::new(3, 2),
            &Rect::new(0.0, 0.0, 3.0, 2.0),
            &["é"],
        );
    }
}
