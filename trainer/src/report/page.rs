//! A page of HTML that needs nothing beside it. It is well-formed XML too, so that a
//! program can read it.

use std::path::Path;

use anyhow::{Context, Result};

use super::Table;
use super::svg::escape;

const STYLE: &str = "body{font:15px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;\
color:#222}table{border-collapse:collapse;margin:1em 0}th,td{padding:.25em .8em;\
border-bottom:1px solid #ddd;text-align:right}th:first-child,td:first-child{text-align:left}\
figure{display:inline-block;margin:0 1em 1em 0;vertical-align:top}figcaption{color:#555}\
.warning{background:#fff3cd;padding:.5em 1em}svg{max-width:100%;height:auto}";

/// A page that grows from top to bottom.
#[derive(Debug)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// A page with its title as the headline.
    pub fn new(title: &str) -> Self {
        Self {
            title: escape(title),
            body: format!("<h1>{}</h1>\n", escape(title)),
        }
    }

    /// A headline.
    pub fn heading(&mut self, text: &str) {
        self.element("h2", "", text);
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.element("p", "", text);
    }

    /// A paragraph that must not be missed.
    pub fn warning(&mut self, text: &str) {
        self.element("p", " class=\"warning\"", text);
    }

    fn element(&mut self, name: &str, attributes: &str, text: &str) {
        self.body
            .push_str(&format!("<{name}{attributes}>{}</{name}>\n", escape(text)));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.body.push_str(&table.to_html());
    }

    /// A drawing, SVG, with a line below it.
    pub fn figure(&mut self, svg: &str, caption: &str) {
        self.body.push_str(&format!(
            "<figure>{svg}<figcaption>{}</figcaption></figure>\n",
            escape(caption)
        ));
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/>\
             <title>{}</title><style>{STYLE}</style></head>\n<body>\n{}</body>\n</html>\n",
            self.title, self.body
        );
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }
}
