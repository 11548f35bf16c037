//! Reports: one HTML file without anything outside it, its plots as inline SVG, and the
//! same numbers as CSV.

pub mod baselines;
mod confusion;
mod curves;
mod evaluation;
mod page;
mod plot;
mod reliability;
mod svg;
mod table;

pub use confusion::confusion;
pub use curves::curves;
pub use evaluation::{Missed, Summary, evaluation};
pub use page::Page;
pub use reliability::reliability;
pub use table::{Cell, Table};
