//! Reading a report as a program would.

use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};

/// What a report says.
#[derive(Debug)]
pub struct Page {
    /// Rows of all tables, their headers included.
    pub rows: Vec<Vec<String>>,
    /// Paragraphs that must not be missed.
    pub warnings: Vec<String>,
    /// Texts in each drawing.
    pub drawings: Vec<Vec<String>>,
}

fn text(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text);
    texts.filter_map(|n| n.text()).collect()
}

impl Page {
    /// Reads `report.html` in `folder`, and fails where it is not well-formed or names
    /// anything outside itself.
    pub fn read(folder: &Path) -> Self {
        let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
        let options = ParsingOptions {
            allow_dtd: true,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(&html, options).unwrap();
        let all = |name: &'static str| {
            document
                .descendants()
                .filter(move |n| n.tag_name().name() == name)
        };
        for outside in ["script", "link", "img", "iframe"] {
            assert_eq!(all(outside).count(), 0, "{outside}");
        }
        Self {
            rows: all("tr")
                .map(|row| row.children().filter(Node::is_element).map(text).collect())
                .collect(),
            warnings: all("p")
                .filter(|p| p.attribute("class") == Some("warning"))
                .map(text)
                .collect(),
            drawings: all("svg")
                .map(|svg| {
                    let texts = svg.descendants().filter(|n| n.tag_name().name() == "text");
                    texts.map(|node| text(node).trim().to_owned()).collect()
                })
                .collect(),
        }
    }

    /// The second cell of the row that begins with `name`.
    pub fn value(&self, name: &str) -> &str {
        let row = self.rows.iter().find(|row| row[0] == name);
        &row.unwrap_or_else(|| panic!("no row {name}: {:?}", self.rows))[1]
    }
}

/// Rows of a CSV file below its header.
pub fn csv(path: &Path) -> Vec<Vec<String>> {
    let mut file = csv::Reader::from_path(path).unwrap();
    let rows = file.records().map(|row| row.unwrap());
    rows.map(|row| row.iter().map(String::from).collect())
        .collect()
}
