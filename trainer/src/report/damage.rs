//! What damage costs: a table, and a picture of each kind.

use base64::prelude::{BASE64_STANDARD, Engine};
use image::ExtendedColorType;
use image::ImageEncoder;
use image::codecs::png::PngEncoder;

use super::svg::{Anchor, INK, Svg};
use super::{Cell, Table};
use crate::SIDE;
use crate::eval::Robustness;
use crate::eval::corruptions::{self, ALL};

/// Scale of the faces in the drawing.
const SCALE: f64 = 1.5;
/// Room for the names, in pixels.
const NAMES: f64 = 170.0;
/// Height of the header, in pixels.
const HEADER: f64 = 22.0;

/// Results under damage and a face to show it on.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Results.
    pub robustness: &'a Robustness,
    /// Grey values, [`SIDE`] x [`SIDE`].
    pub face: &'a [u8],
}

/// A row for each kind and strength, clean faces first and the mean last.
pub fn damage(robustness: &Robustness) -> Table {
    let header = ["damage", "strength", "accuracy", "loss", "balanced"];
    let mut table = Table::new(header);
    let mut push = |name: &str, strength: String, accuracy, balanced| {
        table.push(vec![
            name.into(),
            Cell::Text(strength),
            Cell::Share(accuracy),
            Cell::Share(robustness.clean - accuracy),
            Cell::share(balanced),
        ]);
    };
    push("none", String::new(), robustness.clean, None);
    for row in &robustness.rows {
        let strength = format!("{} {}", row.strength, row.unit);
        let balanced = Some(row.balanced_accuracy);
        push(row.corruption, strength, row.accuracy, balanced);
    }
    let balanced = Some(robustness.balanced_mean);
    push("mean", String::new(), robustness.mean, balanced);
    table
}

/// A face under every kind of damage, as SVG with the picture in it.
pub fn pictures(face: &[u8], seed: u64) -> String {
    let (width, pixels) = corruptions::sheet(face, seed);
    let height = pixels.len() / width;
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(&pixels, width as u32, height as u32, ExtendedColorType::L8)
        .expect("memory takes any picture");
    let (w, h) = (SCALE * width as f64, SCALE * height as f64);
    let mut svg = Svg::new(NAMES + w, HEADER + h);
    let data = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&png));
    svg.picture([NAMES, HEADER, w, h], &data);
    let side = SCALE * SIDE as f64;
    for (column, name) in ["clean", "light", "medium", "heavy"].iter().enumerate() {
        let x = NAMES + side * (column as f64 + 0.5);
        svg.text((x, HEADER - 7.0), Anchor::Middle, INK, name);
    }
    for (row, corruption) in ALL.iter().enumerate() {
        let y = HEADER + side * (row as f64 + 0.5) + 4.0;
        svg.text((NAMES - 8.0, y), Anchor::End, INK, corruption.name);
    }
    svg.finish()
}
