//! What damage costs: a table, and a picture of each kind.

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine};
use image::ExtendedColorType;
use image::ImageEncoder;
use image::codecs::png::PngEncoder;

use super::{Cell, Table};
use crate::SIDE;
use crate::eval::Robustness;
use crate::eval::corruptions::{self, ALL};

/// Faces under every kind of damage, and how they lie in pixels.
#[derive(Template)]
#[template(path = "damage.svg", escape = "html")]
struct Pictures {
    width: usize,
    height: usize,
    /// Room for the names of kinds.
    left: usize,
    /// Room for the names of strengths.
    top: usize,
    /// Side of a face.
    side: usize,
    names: Vec<&'static str>,
    png: String,
}

/// Results under damage and a face to show it on.
#[derive(Debug, Clone, Copy)]
pub struct DamageReport<'a> {
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
    let (left, top) = (170, 22);
    let drawing = Pictures {
        width: left + 3 * width / 2,
        height: top + 3 * height / 2,
        left,
        top,
        side: 3 * SIDE / 2,
        names: ALL.iter().map(|corruption| corruption.name).collect(),
        png: BASE64_STANDARD.encode(&png),
    };
    drawing.render().expect("a string takes any drawing")
}
