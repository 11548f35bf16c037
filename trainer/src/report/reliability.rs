//! The reliability diagram (Guo et al. 2017, figure 1).

use super::plot::{Plot, Titles};
use super::svg::{Anchor, COLOURS, GRID, INK, Svg};
use crate::eval::Metrics;

/// Height and width in pixels.
const SIDE: f64 = 380.0;

/// Accuracy of each bin over its mean confidence, against the diagonal of a calibrated
/// model; a dot's area grows with its bin's pictures. The error is printed in the plot.
pub fn reliability(metrics: &Metrics) -> String {
    let mut svg = Svg::new(SIDE, SIDE);
    let titles = Titles {
        plot: "Reliability",
        x: "mean confidence",
        y: "share that was right",
    };
    let place = [0.0, 0.0, SIDE, SIDE];
    let plot = Plot::new(&mut svg, place, (0.0, 1.0), (0.0, 1.0), titles);
    svg.line(plot.at(0.0, 0.0), plot.at(1.0, 1.0), INK);
    let bins = || metrics.reliability.iter().filter(|bin| bin.n > 0);
    for bin in bins() {
        let (x, y) = (bin.confidence, bin.accuracy);
        svg.line(plot.at(x, x), plot.at(x, y), GRID);
    }
    let points: Vec<_> = bins().map(|bin| (bin.confidence, bin.accuracy)).collect();
    plot.line(&mut svg, &points, COLOURS[0]);
    for bin in bins() {
        let share = bin.n as f64 / metrics.n.max(1) as f64;
        let radius = 2.0 + 12.0 * share.sqrt();
        let at = plot.at(bin.confidence, bin.accuracy);
        svg.circle(at, (radius * 10.0).round() / 10.0, COLOURS[0], true);
    }
    let error = format!("ECE {:.4}", metrics.ece);
    svg.text(plot.at(0.04, 0.93), Anchor::Start, INK, &error);
    svg.finish()
}
