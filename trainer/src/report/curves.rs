//! Learning curves.

use super::plot::{Plot, Titles};
use super::svg::{COLOURS, Svg};
use crate::train::EpochReport;

/// Size of each of the two plots in pixels.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 320.0;

/// Name of a line and its value in an epoch.
type Series = (&'static str, fn(&EpochReport) -> f64);

/// Losses and accuracies by epoch, as an SVG file of two plots.
pub fn curves(epochs: &[EpochReport]) -> String {
    let mut svg = Svg::new(2.0 * WIDTH, HEIGHT);
    let losses: [Series; 2] = [("softmax", |e| e.softmax), ("center", |e| e.center)];
    let accuracies: [Series; 4] = [
        ("train", |e| 100.0 * e.train_accuracy),
        ("validation", |e| 100.0 * e.accuracy),
        ("validation, mirrored too", |e| 100.0 * e.accuracy_mirrored),
        ("validation, not averaged", |e| 100.0 * e.accuracy_raw),
    ];
    panel(&mut svg, 0.0, epochs, ["Loss", "mean loss"], &losses, 8.0);
    let titles = ["Accuracy", "accuracy in %"];
    // Accuracies rise to the right, so their names have room at the bottom.
    panel(&mut svg, WIDTH, epochs, titles, &accuracies, 185.0);
    svg.finish()
}

fn panel(
    svg: &mut Svg,
    left: f64,
    epochs: &[EpochReport],
    [title, y]: [&str; 2],
    series: &[Series],
    legend: f64,
) {
    let values = || series.iter().flat_map(|(_, of)| epochs.iter().map(of));
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let range = if low <= high { (low, high) } else { (0.0, 1.0) };
    let last = epochs.last().map_or(1.0, |e| e.epoch as f64);
    let place = [left, 0.0, WIDTH, HEIGHT];
    let titles = Titles {
        plot: title,
        x: "epoch",
        y,
    };
    let plot = Plot::new(svg, place, (1.0, last), range, titles);
    for ((_, of), colour) in series.iter().zip(COLOURS) {
        let points: Vec<_> = epochs.iter().map(|e| (e.epoch as f64, of(e))).collect();
        plot.line(svg, &points, colour);
    }
    let names: Vec<&str> = series.iter().map(|(name, _)| *name).collect();
    plot.legend(svg, &names, (-6.0, legend));
}
