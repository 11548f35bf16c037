//! Features in two dimensions.

use plotters::prelude::*;

use super::chart::{COLOURS, axes, drawing, font, range};

/// A picture's place in the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dot {
    /// Coordinates.
    pub at: [f64; 2],
    /// Class, which has a colour; the ninth class has the first's again.
    pub label: usize,
    /// Whether the picture was held out from training: a filled dot, else a ring.
    pub held_out: bool,
}

/// A plot of `dots`, with the colours of `classes`.
pub fn scatter(title: &str, classes: &[String], dots: &[Dot]) -> String {
    drawing((474, 400), |area| {
        let (plot, names) = area.split_horizontally(400);
        let titles = [title, "first principal component", "second"];
        let ranges = [0, 1].map(|axis| range(dots.iter().map(|dot| dot.at[axis]), 0.05));
        let mut chart = axes(&plot, titles, ranges)?;
        // Held-out pictures are drawn last, over the others.
        for held_out in [false, true] {
            let dots = dots.iter().filter(|dot| dot.held_out == held_out);
            chart.draw_series(dots.map(|dot| {
                let colour = COLOURS[dot.label % COLOURS.len()];
                match held_out {
                    true => Circle::new((dot.at[0], dot.at[1]), 3, colour.filled()),
                    false => Circle::new((dot.at[0], dot.at[1]), 2, colour.mix(0.6)),
                }
            }))?;
        }
        for (i, (name, colour)) in classes.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let at = (0, 30 + 16 * i as i32);
            names.draw(&Text::new(name.as_str(), at, font().color(colour)))?;
        }
        Ok(())
    })
}
