//! A page of HTML that needs nothing beside it. It is well-formed XML too, so that a
//! program can read it.

use std::path::Path;

use askama::Template;

use super::Table;
use crate::Result;
use crate::error::Context;

/// A page that grows from top to bottom.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub struct Page {
    title: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Heading(String),
    Paragraph(String),
    Warning(String),
    Table(Vec<String>, Vec<Vec<String>>),
    Figure(String, String),
}

impl Page {
    /// A page with its title as the headline.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            parts: Vec::new(),
        }
    }

    /// A headline.
    pub fn heading(&mut self, text: &str) {
        self.parts.push(Part::Heading(text.to_owned()));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.parts.push(Part::Paragraph(text.to_owned()));
    }

    /// A paragraph that must not be missed.
    pub fn warning(&mut self, text: &str) {
        self.parts.push(Part::Warning(text.to_owned()));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        let (header, rows) = (table.header.clone(), table.for_people());
        self.parts.push(Part::Table(header, rows));
    }

    /// A drawing, SVG, with a line below it.
    pub fn figure(&mut self, svg: String, caption: &str) {
        self.parts.push(Part::Figure(svg, caption.to_owned()));
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.render()?).with_context(|| format!("writing {}", path.display()))
    }
}
