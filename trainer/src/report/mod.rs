//! Reports: one HTML file without anything outside it, its plots as inline SVG, and the
//! same numbers as CSV.

mod ablation;
pub mod baselines;
mod chart;
mod confusion;
mod curves;
mod damage;
mod evaluation;
mod page;
mod reliability;
mod scatter;
mod table;

pub use ablation::Ablation;
pub use confusion::confusion;
pub use curves::{curves, write_curves};
pub use damage::{DamageReport, damage};
pub use evaluation::{Summary, Undetected, evaluation};
pub use page::Page;
pub use reliability::reliability;
pub use scatter::{Dot, scatter};
pub use table::{Cell, Table};
