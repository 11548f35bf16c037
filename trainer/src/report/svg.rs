//! A drawing as text.

use std::fmt::{Display, Write};

/// `text` with the characters that mean something in markup replaced.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Where a text begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG drawing on white, in pixels with the origin in the top left corner.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut svg = Self {
            width,
            height,
            body: String::new(),
        };
        svg.rect([0.0, 0.0, width, height], "#ffffff");
        svg
    }

    fn add(&mut self, element: impl Display) {
        // Writing to a string can't fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// A filled box: left, top, width, height.
    pub(super) fn rect(&mut self, [x, y, w, h]: [f64; 4], fill: &str) {
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" fill="{fill}"/>"#
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        self.add(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{stroke}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn polyline(&mut self, points: &[(f64, f64)], stroke: &str) {
        let points: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        self.add(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="1.8"/>"#,
            points.join(" ")
        ));
    }

    /// A dot: filled, or its outline alone.
    pub(super) fn circle(&mut self, (x, y): (f64, f64), radius: f64, colour: &str, filled: bool) {
        let (fill, opacity) = if filled {
            (colour, "1")
        } else {
            ("none", "0.6")
        };
        self.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{fill}" stroke="{colour}" opacity="{opacity}"/>"#
        ));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, colour: &str, text: &str) {
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{}" fill="{colour}">{}</text>"#,
            anchor.name(),
            escape(text)
        ));
    }

    /// A picture in a box of left, top, width and height.
    pub(super) fn picture(&mut self, [x, y, w, h]: [f64; 4], data: &str) {
        self.add(format_args!(
            r#"<image x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" href="{data}"/>"#
        ));
    }

    /// A text that reads upwards, its middle at the point.
    pub(super) fn text_upwards(&mut self, (x, y): (f64, f64), text: &str) {
        self.add(format_args!(
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" fill="{INK}">{}</text>"#,
            escape(text)
        ));
    }

    /// The drawing, which is a file by itself as well as a part of a page.
    pub(super) fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
             viewBox=\"0 0 {w} {h}\" font-family=\"sans-serif\" font-size=\"12\">\n{}</svg>\n",
            self.body,
            w = self.width,
            h = self.height,
        )
    }
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// Text and axes.
pub(super) const INK: &str = "#333333";
/// Lines of a grid.
pub(super) const GRID: &str = "#e0e0e0";
/// Colours that people with any colour vision tell apart (Okabe and Ito 2008), and a
/// grey for an eighth class.
pub(super) const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999",
];
