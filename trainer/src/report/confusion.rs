//! The confusion matrix as a picture.

use super::svg::{Anchor, INK, Svg};
use crate::eval::Metrics;

/// Side of a cell, and room for class names at the left and above, in pixels.
const CELL: f64 = 58.0;
const NAMES: f64 = 84.0;
const ABOVE: f64 = 46.0;

/// Counts by true class (rows) and predicted class (columns); the darker, the larger the
/// share of its row.
pub fn confusion(metrics: &Metrics) -> String {
    let classes = metrics.classes.len() as f64;
    let mut svg = Svg::new(NAMES + CELL * classes + 10.0, ABOVE + CELL * classes + 10.0);
    let middle = NAMES + CELL * classes / 2.0;
    svg.text((middle, 16.0), Anchor::Middle, INK, "called");
    for (row, (class, counts)) in metrics.classes.iter().zip(&metrics.confusion).enumerate() {
        let top = ABOVE + CELL * row as f64;
        let name = (NAMES - 8.0, top + CELL / 2.0 + 4.0);
        svg.text(name, Anchor::End, INK, &class.class);
        let above = (NAMES + CELL * (row as f64 + 0.5), ABOVE - 8.0);
        svg.text(above, Anchor::Middle, INK, &class.class);
        for (column, count) in counts.iter().enumerate() {
            let left = NAMES + CELL * column as f64;
            let share = *count as f64 / class.n.max(1) as f64;
            let place = [left + 1.0, top + 1.0, CELL - 2.0, CELL - 2.0];
            svg.rect(place, &shade(share));
            let colour = if share > 0.5 { "#ffffff" } else { INK };
            let at = |y: f64| (left + CELL / 2.0, top + CELL / 2.0 + y);
            svg.text(at(-2.0), Anchor::Middle, colour, &count.to_string());
            let percent = format!("{:.0} %", 100.0 * share);
            svg.text(at(14.0), Anchor::Middle, colour, &percent);
        }
    }
    svg.finish()
}

/// From white to blue.
fn shade(share: f64) -> String {
    let mix = |to: f64| (255.0 + (to - 255.0) * share).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0.0), mix(84.0), mix(148.0))
}
