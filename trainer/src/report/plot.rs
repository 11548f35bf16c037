//! Axes, and lines and dots between them.

use super::svg::{Anchor, COLOURS, GRID, INK, Svg};

/// Room for the labels left of and below the axes, and for the title above, in pixels.
const LEFT: f64 = 58.0;
const BELOW: f64 = 42.0;
const ABOVE: f64 = 26.0;
const RIGHT: f64 = 14.0;

/// A plot's place in a drawing, and what its axes stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    /// Left, top, width and height of the part between the axes, in pixels.
    area: [f64; 4],
    x: (f64, f64),
    y: (f64, f64),
}

/// Titles of a plot and its axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Titles<'a> {
    pub plot: &'a str,
    pub x: &'a str,
    pub y: &'a str,
}

impl Plot {
    /// Draws axes into the box `place` (left, top, width, height) of `svg`, from and to
    /// these values.
    pub(super) fn new(
        svg: &mut Svg,
        [left, top, width, height]: [f64; 4],
        x: (f64, f64),
        y: (f64, f64),
        titles: Titles,
    ) -> Self {
        let area = [
            left + LEFT,
            top + ABOVE,
            width - LEFT - RIGHT,
            height - ABOVE - BELOW,
        ];
        let plot = Self {
            area,
            x: not_empty(x),
            y: not_empty(y),
        };
        let [l, t, w, h] = area;
        for value in ticks(plot.x) {
            let at = plot.at(value, plot.y.0).0;
            svg.line((at, t), (at, t + h), GRID);
            svg.text((at, t + h + 16.0), Anchor::Middle, INK, &short(value));
        }
        for value in ticks(plot.y) {
            let at = plot.at(plot.x.0, value).1;
            svg.line((l, at), (l + w, at), GRID);
            svg.text((l - 6.0, at + 4.0), Anchor::End, INK, &short(value));
        }
        svg.line((l, t + h), (l + w, t + h), INK);
        svg.line((l, t), (l, t + h), INK);
        let middle = l + w / 2.0;
        svg.text((middle, t - 10.0), Anchor::Middle, INK, titles.plot);
        svg.text((middle, t + h + 34.0), Anchor::Middle, INK, titles.x);
        svg.text_upwards((left + 14.0, t + h / 2.0), titles.y);
        plot
    }

    /// Pixels of a point.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let [l, t, w, h] = self.area;
        let share = |v: f64, (low, high): (f64, f64)| (v - low) / (high - low);
        (l + w * share(x, self.x), t + h * (1.0 - share(y, self.y)))
    }

    /// A line through points.
    pub(super) fn line(&self, svg: &mut Svg, points: &[(f64, f64)], colour: &str) {
        let points: Vec<_> = points.iter().map(|(x, y)| self.at(*x, *y)).collect();
        svg.polyline(&points, colour);
    }

    /// Names of the colours from the first on, one below another; `x` and `y` count from
    /// the area's top right corner.
    pub(super) fn legend(&self, svg: &mut Svg, names: &[&str], (x, y): (f64, f64)) {
        let [l, t, w, _] = self.area;
        let anchor = if x < 0.0 { Anchor::End } else { Anchor::Start };
        for (i, (name, colour)) in names.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let at = (l + w + x, t + y + 16.0 * i as f64);
            svg.text(at, anchor, colour, name);
        }
    }
}

/// A range that holds more than one value.
fn not_empty((low, high): (f64, f64)) -> (f64, f64) {
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

/// Round values in a range: multiples of 1, 2 or 5 times a power of ten, about five.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A tick without zeros that say nothing.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let text = |range| ticks(range).into_iter().map(short).collect::<Vec<_>>();
        assert_eq!(text((0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(text((1.0, 36.0)), ["10", "20", "30"]);
        assert_eq!(text((-0.5, 0.5)), ["-0.4", "-0.2", "0", "0.2", "0.4"]);
    }
}
