//! The reliability diagram (Guo et al. 2017, figure 1).

use plotters::prelude::*;

use super::chart::{COLOURS, GRID, INK, axes, drawing, font};
use crate::eval::Metrics;

/// Accuracy of each bin over its mean confidence, against the diagonal of a calibrated
/// model; a dot's area grows with its bin's pictures. The error is printed in the plot.
pub fn reliability(metrics: &Metrics) -> String {
    drawing((380, 380), |area| {
        let titles = ["Reliability", "mean confidence", "share that was right"];
        let mut chart = axes(area, titles, [(0.0, 1.0); 2])?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], INK))?;
        let bins = || metrics.reliability.iter().filter(|bin| bin.n > 0);
        for bin in bins() {
            let (x, y) = (bin.confidence, bin.accuracy);
            chart.draw_series(LineSeries::new([(x, x), (x, y)], GRID))?;
        }
        let points = bins().map(|bin| (bin.confidence, bin.accuracy));
        chart.draw_series(LineSeries::new(points.clone(), COLOURS[0].stroke_width(2)))?;
        chart.draw_series(bins().zip(points).map(|(bin, at)| {
            let share = bin.n as f64 / metrics.n.max(1) as f64;
            let radius = (2.0 + 12.0 * share.sqrt()).round();
            Circle::new(at, radius as i32, COLOURS[0].filled())
        }))?;
        let error = format!("ECE {:.4}", metrics.ece);
        chart.draw_series([Text::new(error, (0.04, 0.96), font())])?;
        Ok(())
    })
}
