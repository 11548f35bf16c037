//! One record a frame, written while the stream runs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use gstfer::meta::FaceMeta;
use gstfer::record::{Face, Frame, Schema};

use crate::draft::Draft;
use crate::job::waiting;

enum Format {
    JsonLines,
    Csv,
}

/// A file of records.
pub struct Records {
    file: BufWriter<Box<dyn Write + Send>>,
    format: Format,
}

const CSV_HEADER: &str = "frame,pts,id,x,y,width,height,detection,label,confidence,\
                          smoothed_label,smoothed_confidence,probabilities";

impl Records {
    /// Records in a draft that will be called `name`.
    ///
    /// # Errors
    /// When it can't be opened, as a pipe that nobody reads when the run is interrupted.
    pub fn to_draft(draft: &Draft, name: &Path, interrupted: &AtomicBool) -> Result<Self> {
        let path = draft.path().to_owned();
        let file = waiting(interrupted, name, move || Ok(File::create(path)?))?;
        Self::to_file(file, name)
    }

    /// Records in an open file that will be called `name`; the name's end chooses the format.
    fn to_file(file: File, name: &Path) -> Result<Self> {
        Self::new(Box::new(file), name)
    }

    /// Records as JSON lines on standard output.
    pub fn to_standard_output() -> Result<Self> {
        Self::new(Box::new(std::io::stdout()), Path::new(""))
    }

    fn new(file: Box<dyn Write + Send>, name: &Path) -> Result<Self> {
        let mut file = BufWriter::new(file);
        let format = match name.extension() {
            Some(end) if end.eq_ignore_ascii_case("csv") => {
                writeln!(file, "{CSV_HEADER}")?;
                Format::Csv
            }
            _ => Format::JsonLines,
        };
        Ok(Self { file, format })
    }

    /// Writes a frame's record; it is on the disk when this returns.
    pub fn write(&mut self, frame: &Frame, faces: &[FaceMeta]) -> Result<()> {
        match self.format {
            Format::JsonLines => {
                writeln!(self.file, "{}", Schema::Fer.line(frame, faces, &[]))?;
            }
            Format::Csv => self.write_rows(frame, faces)?,
        }
        self.file.flush()?;
        Ok(())
    }

    /// A row for each face; a frame without one has a row of its own with empty cells.
    fn write_rows(&mut self, frame: &Frame, faces: &[FaceMeta]) -> Result<()> {
        let pts = frame.time.map_or(String::new(), |pts| pts.to_string());
        let frame = frame.number;
        if faces.is_empty() {
            writeln!(self.file, "{frame},{pts},,,,,,,,,,,")?;
        }
        for face in faces.iter().map(Face::new) {
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
