//! The engine file: a serialised TensorRT engine behind a header that says what it is.
//!
//! TensorRT checks only the first bytes of what it is given, and a damaged rest can take the
//! process down. So the file carries the SHA-256 of the engine, and nothing is handed to
//! TensorRT that does not match it.
//!
//! ```text
//! offset 0   8 bytes   "FERTRT" 0x1A 0x0A
//!        8   4 bytes   version of this form, little endian; 1
//!       12   4 bytes   length of the header, little endian
//!       16             header: JSON of `EngineHeader`
//!                      the serialised engine, to the end of the file
//! ```

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ModelInfo, Precision};

/// First bytes of an engine file.
const MAGIC: &[u8; 8] = b"FERTRT\x1a\n";
const VERSION: u32 = 1;
/// Bytes before the header.
const PREFIX: usize = 16;
/// A longer header is no header.
const MAX_HEADER: usize = 1 << 24;

/// Which of NVIDIA's two TensorRT products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// TensorRT for RTX: GeForce and RTX cards; builds without a card.
    Rtx,
    /// TensorRT: Jetson and data-centre cards; builds on the card it is for.
    Classic,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtx => "TensorRT for RTX",
            Self::Classic => "TensorRT",
        })
    }
}

/// What an engine file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineHeader {
    /// Labels and preparation, as in the ONNX file that it was built from.
    pub model: ModelInfo,
    /// Name of the input tensor.
    pub input: String,
    /// Name of the output tensor.
    pub output: String,
    /// Which TensorRT built it; the other kind can't run it.
    pub flavour: Flavour,
    /// Version of TensorRT that built it, such as `1.7.1.116`.
    pub tensorrt: String,
    /// Compute capabilities of the cards that it runs on, such as `sm_86`.
    pub targets: Vec<String>,
    /// Type of its arithmetic.
    pub precision: Precision,
    /// Most faces in one run.
    pub max_batch: usize,
    /// The number of faces in each run where the network takes just that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// SHA-256 of the ONNX file that it was built from, in hexadecimal.
    pub source_sha256: String,
    /// SHA-256 of the serialised engine, in hexadecimal.
    pub engine_sha256: String,
}

/// An engine file in memory, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineFile {
    header: EngineHeader,
    bytes: Vec<u8>,
    start: usize,
}

impl EngineFile {
    /// Puts `header` before the serialised `engine`; the header's own checksum is set.
    pub fn new(mut header: EngineHeader, engine: &[u8]) -> Self {
        header.engine_sha256 = sha256(engine);
        let json = serde_json::to_vec(&header).expect("plain data always serialises");
        let start = PREFIX + json.len();
        let mut bytes = Vec::with_capacity(start + engine.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&json);
        bytes.extend_from_slice(engine);
        Self {
            header,
            bytes,
            start,
        }
    }

    /// Whether `bytes` begin as an engine file does.
    pub fn recognise(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads and checks an engine file.
    ///
    /// # Errors
    /// One line on what is wrong: a foreign file, a newer form, a damaged header, an engine
    /// that is cut off or changed.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        if !Self::recognise(&bytes) {
            return Err("not an engine file of fer-trainer".to_owned());
        }
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 4).ok_or("the engine file is cut off")?;
            Ok::<_, &str>(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
        };
        let version = number(8)?;
        if version != VERSION {
            return Err(format!(
                "the engine file has form {version}, this program reads {VERSION}"
            ));
        }
        let length = number(12)? as usize;
        if length > MAX_HEADER {
            return Err("the engine file's header is damaged".to_owned());
        }
        let start = PREFIX + length;
        let json = bytes
            .get(PREFIX..start)
            .ok_or("the engine file is cut off")?;
        let header: EngineHeader = serde_json::from_slice(json)
            .map_err(|e| format!("the engine file's header is damaged ({e})"))?;
        header
            .model
            .check()
            .map_err(|e| format!("the engine file's header is damaged ({e})"))?;
        if sha256(&bytes[start..]) != header.engine_sha256 {
            return Err("the engine file is cut off or changed (its checksum differs)".to_owned());
        }
        Ok(Self {
            header,
            bytes,
            start,
        })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &EngineHeader {
        &self.header
    }

    /// The serialised engine, as TensorRT takes it.
    pub fn engine(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the file in one step: a reader sees the old file or the new one, never a part.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        let written = File::create(&part)
            .and_then(|mut file| file.write_all(&self.bytes).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&part, path));
        if written.is_err() {
            // What is left is of no use; the first error says why.
            let _ = std::fs::remove_file(&part);
        }
        written
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
