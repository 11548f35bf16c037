//! The confusion matrix as a picture.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chart::{INK, drawing, font};
use crate::eval::Metrics;

/// Side of a cell, and room for class names at the left and above, in pixels.
const CELL: i32 = 58;
const NAMES: i32 = 84;
const ABOVE: i32 = 46;
/// A cell that holds its whole row.
const FULL: RGBColor = RGBColor(0, 84, 148);

/// Counts by true class (rows) and predicted class (columns); the darker, the larger the
/// share of its row.
pub fn confusion(metrics: &Metrics) -> String {
    let side = CELL * metrics.classes.len() as i32;
    let size = ((NAMES + side + 10) as u32, (ABOVE + side + 10) as u32);
    let style = |anchor| font().pos(Pos::new(anchor, VPos::Center));
    let middle = style(HPos::Center);
    drawing(size, |area| {
        let text = |text: &str, at, style| area.draw(&Text::new(text.to_owned(), at, style));
        text("called", (NAMES + side / 2, 12), middle.clone())?;
        for (row, (class, counts)) in metrics.classes.iter().zip(&metrics.confusion).enumerate() {
            let along = CELL * row as i32;
            let y = ABOVE + along + CELL / 2;
            text(&class.class, (NAMES - 8, y), style(HPos::Right))?;
            text(
                &class.class,
                (NAMES + along + CELL / 2, ABOVE - 12),
                middle.clone(),
            )?;
            for (column, count) in counts.iter().enumerate() {
                let x = NAMES + CELL * column as i32 + CELL / 2;
                let share = *count as f64 / class.n.max(1) as f64;
                let half = CELL / 2 - 1;
                let corners = [(x - half, y - half), (x + half, y + half)];
                area.draw(&Rectangle::new(corners, FULL.mix(share).filled()))?;
                let style = middle.color(if share > 0.5 { &WHITE } else { &INK });
                text(&count.to_string(), (x, y - 8), style.clone())?;
                text(&format!("{:.0} %", 100.0 * share), (x, y + 8), style)?;
            }
        }
        Ok(())
    })
}
