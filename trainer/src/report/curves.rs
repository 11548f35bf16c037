//! Learning curves.

use plotters::prelude::*;

use super::chart::{Area, COLOURS, Drawn, GRID, axes, drawing, font, range};
use crate::Result;
use crate::artifact::{EpochReport, RunFolder};
use crate::error::Context;

/// Name of a line and its value in an epoch.
type Series = (&'static str, fn(&EpochReport) -> f64);

/// Draws the epochs of a run into its folder, as [`curves`].
///
/// # Errors
/// When the metrics are damaged or the file can't be written.
pub fn write_curves(folder: &RunFolder) -> Result<()> {
    std::fs::write(folder.curves(), curves(&folder.read_metrics()?))
        .with_context(|| format!("writing {}", folder.curves().display()))
}

/// Losses and accuracies by epoch, as an SVG file of two plots.
pub fn curves(epochs: &[EpochReport]) -> String {
    let losses: [Series; 2] = [("softmax", |e| e.softmax), ("center", |e| e.center)];
    let accuracies: [Series; 4] = [
        ("train", |e| 100.0 * e.train_accuracy),
        ("validation", |e| 100.0 * e.accuracy),
        ("validation, mirrored too", |e| 100.0 * e.accuracy_mirrored),
        ("validation, not averaged", |e| 100.0 * e.accuracy_raw),
    ];
    drawing((920, 320), |area| {
        let (left, right) = area.split_horizontally(460);
        panel(
            &left,
            epochs,
            ["Loss", "epoch", "mean loss"],
            &losses,
            SeriesLabelPosition::MiddleRight,
        )?;
        // Accuracies rise to the right, so their names have room at the bottom.
        let titles = ["Accuracy", "epoch", "accuracy in %"];
        panel(
            &right,
            epochs,
            titles,
            &accuracies,
            SeriesLabelPosition::LowerRight,
        )
    })
}

fn panel(
    area: &Area,
    epochs: &[EpochReport],
    titles: [&str; 3],
    series: &[Series],
    legend: SeriesLabelPosition,
) -> Drawn {
    let x = range(epochs.iter().map(|e| e.epoch as f64), 0.0);
    let values = series.iter().flat_map(|(_, of)| epochs.iter().map(of));
    let mut chart = axes(area, titles, [x, range(values, 0.0)])?;
    for ((name, of), colour) in series.iter().zip(COLOURS) {
        let points = epochs.iter().map(|e| (e.epoch as f64, of(e)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 14, y + 1)], colour.filled()));
    }
    chart
        .configure_series_labels()
        .position(legend)
        .legend_area_size(18)
        .background_style(WHITE.mix(0.8))
        .border_style(GRID)
        .label_font(font())
        .draw()
}
