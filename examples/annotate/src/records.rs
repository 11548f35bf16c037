//! One record a frame, written while the stream runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use gstfer::meta::FaceMeta;
use serde::Serialize;

#[derive(Serialize)]
struct Frame<'a> {
    /// Number of the frame, from 0.
    frame: u64,
    /// Stream time in nanoseconds; null where the stream has none.
    pts: Option<u64>,
    faces: Vec<Face<'a>>,
}

#[derive(Serialize)]
struct Face<'a> {
    id: i32,
    /// x, y, width, height in pixels.
    r#box: [i32; 4],
    detection: Option<f64>,
    label: Option<&'a str>,
    confidence: Option<f64>,
    smoothed_label: Option<&'a str>,
    smoothed_confidence: Option<f64>,
    probabilities: BTreeMap<&'a str, f64>,
}

impl<'a> Face<'a> {
    fn new(face: &'a FaceMeta) -> Self {
        let expression = face.expression.as_ref();
        let rect = &face.rect;
        Self {
            id: face.id,
            r#box: [rect.x, rect.y, rect.width, rect.height].map(|v| v as i32),
            detection: face.detection,
            label: expression.map(|e| e.label.as_str()),
            confidence: expression.map(|e| e.confidence),
            smoothed_label: expression.map(|e| e.smoothed_label.as_str()),
            smoothed_confidence: expression.map(|e| e.smoothed_confidence),
            probabilities: expression
                .iter()
                .flat_map(|e| &e.probabilities)
                .map(|(label, p)| (label.as_str(), *p))
                .collect(),
        }
    }
}

enum Format {
    JsonLines,
    Csv,
}

/// A file of records.
pub struct Records {
    file: BufWriter<File>,
    format: Format,
}

const CSV_HEADER: &str = "frame,pts,id,x,y,width,height,detection,label,confidence,\
                          smoothed_label,smoothed_confidence,probabilities";

impl Records {
    /// Makes the file; its name's end chooses the format.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{}", path.display()))?;
        let mut file = BufWriter::new(file);
        let format = match path.extension() {
            Some(end) if end.eq_ignore_ascii_case("csv") => {
                writeln!(file, "{CSV_HEADER}")?;
                Format::Csv
            }
            _ => Format::JsonLines,
        };
        Ok(Self { file, format })
    }

    /// Writes a frame's record; it is on the disk when this returns.
    pub fn write(&mut self, frame: u64, pts: Option<u64>, faces: &[FaceMeta]) -> Result<()> {
        let faces: Vec<Face> = faces.iter().map(Face::new).collect();
        match self.format {
            Format::JsonLines => {
                serde_json::to_writer(&mut self.file, &Frame { frame, pts, faces })?;
                writeln!(self.file)?;
            }
            Format::Csv => self.write_rows(frame, pts, &faces)?,
        }
        self.file.flush()?;
        Ok(())
    }

    /// A row for each face; a frame without one has a row of its own with empty cells.
    fn write_rows(&mut self, frame: u64, pts: Option<u64>, faces: &[Face]) -> Result<()> {
        let pts = pts.map_or(String::new(), |pts| pts.to_string());
        if faces.is_empty() {
            writeln!(self.file, "{frame},{pts},,,,,,,,,,,")?;
        }
        for face in faces {
            let [x, y, width, height] = face.r#box;
            let number = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.4}"));
            let probabilities: Vec<String> = face
                .probabilities
                .iter()
                .map(|(label, p)| format!("{label}={p:.4}"))
                .collect();
            writeln!(
                self.file,
                "{frame},{pts},{},{x},{y},{width},{height},{},{},{},{},{},{}",
                face.id,
                number(face.detection),
                quote(face.label.unwrap_or_default()),
                number(face.confidence),
                quote(face.smoothed_label.unwrap_or_default()),
                number(face.smoothed_confidence),
                quote(&probabilities.join(";")),
            )?;
        }
        Ok(())
    }
}

/// A cell as RFC 4180 wants it: quoted where it holds a comma, a quote or a line's end.
fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
