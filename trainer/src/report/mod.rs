//! Reports: one HTML file without anything outside it, its plots as inline SVG, and the
//! same numbers as CSV.

mod curves;
mod plot;
mod svg;

pub use curves::curves;
