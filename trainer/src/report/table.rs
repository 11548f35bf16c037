//! A table of numbers, for people and for programs.

use std::path::Path;

use comfy_table::{CellAlignment, presets};

use crate::Result;
use crate::error::Context;

/// A cell. The same number is rounded for people and whole for programs.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A count.
    Count(usize),
    /// A share of one: per cent with two decimals for people.
    Share(f64),
    /// A number with this many decimals for people.
    Number(f64, usize),
    /// A probability of four decimals for people, who read a smaller one as such.
    Probability(f64),
    /// Nothing to say.
    Empty,
}

impl Cell {
    /// A share, or nothing.
    pub fn share(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Share)
    }

    fn for_people(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(n) => n.to_string(),
            Self::Share(share) => format!("{:.2} %", 100.0 * share),
            Self::Number(value, decimals) => format!("{value:.decimals$}"),
            Self::Probability(p) if *p < 1e-4 => "< 0.0001".into(),
            Self::Probability(p) => format!("{p:.4}"),
            Self::Empty => "-".into(),
        }
    }

    fn for_programs(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(n) => n.to_string(),
            Self::Share(value) | Self::Number(value, _) | Self::Probability(value) => {
                value.to_string()
            }
            Self::Empty => String::new(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Rows under a header.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(super) header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self {
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it has not as many cells as the header.
    pub fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.header.len(), "a row of another length");
        self.rows.push(row);
    }

    /// The rows as people read them.
    pub(super) fn for_people(&self) -> Vec<Vec<String>> {
        let texts = |row: &Vec<Cell>| row.iter().map(Cell::for_people).collect();
        self.rows.iter().map(texts).collect()
    }

    /// The table in columns, for a terminal; the first column to the left.
    pub fn to_text(&self) -> String {
        let mut text = comfy_table::Table::new();
        text.load_style(presets::NOTHING)
            .set_header(&self.header)
            .add_rows(self.for_people());
        for (i, column) in text.column_iter_mut().enumerate() {
            column.set_padding((if i == 0 { 0 } else { 2 }, 0));
            if i > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        text.trim_fmt() + "\n"
    }

    /// Writes the table as a CSV file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let write = || -> Result<()> {
            let mut file = csv::Writer::from_path(path)?;
            file.write_record(&self.header)?;
            for row in &self.rows {
                file.write_record(row.iter().map(Cell::for_programs))?;
            }
            Ok(file.flush()?)
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_for_people_and_for_programs() {
        let mut table = Table::new(["name", "share", "p"]);
        table.push(vec!["a & b".into(), Cell::Share(0.123_456), Cell::Empty]);
        table.push(vec![
            Cell::Count(7),
            Cell::Share(1.0),
            Cell::Probability(0.05),
        ]);
        table.push(vec![
            "x".into(),
            Cell::Number(0.5, 1),
            Cell::Probability(2e-7),
        ]);
        assert_eq!(
            table.to_text(),
            "name      share         p\n\
             a & b   12.35 %         -\n\
             7      100.00 %    0.0500\n\
             x           0.5  < 0.0001\n"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        table.write_csv(file.path()).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(
            text,
            "name,share,p\na & b,0.123456,\n7,1,0.05\nx,0.5,0.0000002\n"
        );
    }
}
