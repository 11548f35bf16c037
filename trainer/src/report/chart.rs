//! What all charts look like.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Part of a drawing.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
/// Axes in a part of a drawing.
pub(super) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
/// Whether a drawing could be made.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
/// Lines of a grid.
pub(super) const GRID: RGBColor = RGBColor(0xe0, 0xe0, 0xe0);
/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), and a
/// grey for an eighth class.
pub(super) const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x99, 0x99, 0x99),
];

/// The font at 12 pixels; plotters takes a size as 1.24 em.
pub(super) fn font() -> TextStyle<'static> {
    ("sans-serif", 12.0 * 1.24)
        .into_text_style(&(1, 1))
        .color(&INK)
}

/// A drawing on white of this width and height in pixels, as SVG.
pub(super) fn drawing(size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> String {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    area.fill(&WHITE)
        .and_then(|()| draw(&area))
        .and_then(|()| area.present())
        .expect("a string takes any drawing");
    drop(area);
    svg
}

/// Axes over these ranges of x and y, with the titles of the chart, of x and of y.
pub(super) fn axes<'a, 'b>(
    area: &'a Area<'b>,
    [title, x, y]: [&str; 3],
    [x_range, y_range]: [(f64, f64); 2],
) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<std::io::Error>> {
    let mut chart = ChartBuilder::on(area)
        .caption(title, font())
        .margin(8)
        .margin_right(14)
        .x_label_area_size(38)
        .y_label_area_size(48)
        .build_cartesian_2d(x_range.0..x_range.1, y_range.0..y_range.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font())
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .x_desc(x)
        .y_desc(y)
        .draw()?;
    Ok(chart)
}

/// A value without zeros that say nothing.
fn short(value: &f64) -> String {
    ((value * 1e4).round() / 1e4).to_string()
}

/// Lowest and highest value, with a share of their distance on either side; never the same.
pub(super) fn range(values: impl Iterator<Item = f64> + Clone, edge: f64) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low < high {
        (low - edge * (high - low), high + edge * (high - low))
    } else if low == high {
        (low - 0.5, low + 0.5)
    } else {
        (0.0, 1.0)
    }
}
