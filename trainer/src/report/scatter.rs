//! Features in two dimensions.

use super::plot::{Plot, Titles};
use super::svg::{COLOURS, Svg};

/// Height and width of the plot, and room for the names of classes at its right, in pixels.
const SIDE: f64 = 400.0;
const NAMES: f64 = 74.0;

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
    let mut svg = Svg::new(SIDE + NAMES, SIDE);
    let range = |axis: usize| {
        let values = || dots.iter().map(|dot| dot.at[axis]);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let edge = 0.05 * (high - low);
        if low <= high {
            (low - edge, high + edge)
        } else {
            (0.0, 1.0)
        }
    };
    let titles = Titles {
        plot: title,
        x: "first principal component",
        y: "second",
    };
    let place = [0.0, 0.0, SIDE, SIDE];
    let plot = Plot::new(&mut svg, place, range(0), range(1), titles);
    // Held-out pictures are drawn last, over the others.
    for held_out in [false, true] {
        for dot in dots.iter().filter(|dot| dot.held_out == held_out) {
            let colour = COLOURS[dot.label % COLOURS.len()];
            let radius = if held_out { 3.5 } else { 2.5 };
            svg.circle(plot.at(dot.at[0], dot.at[1]), radius, colour, held_out);
        }
    }
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    plot.legend(&mut svg, &names, (12.0, 12.0));
    svg.finish()
}
