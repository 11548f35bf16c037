//! Tables of text as they are found: with commas, semicolons or tabs between the columns, as
//! they are or compressed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::files::start;
use crate::Result;
use crate::error::Context;

/// What may stand between two columns.
const DELIMITERS: [u8; 3] = *b",;\t";

/// Endings under which a table may be compressed.
pub(super) const COMPRESSED: [&str; 4] = ["", ".gz", ".xz", ".zip"];

/// Tables in an archive of several that are the data set, the best first.
const IN_ARCHIVES: [&str; 4] = [
    "icml_face_data.csv",
    "fer2013.csv",
    "ckextended.csv",
    "train.csv",
];

/// Length of the block with which a tar archive begins, and where it says what it is.
const TAR_HEADER: usize = 512;
const TAR_MAGIC: usize = 257;

/// Calls `read` with the table in a file: CSV as it is, or compressed by gzip, xz or zip, told by
/// how the file begins.
///
/// # Errors
/// When the file can't be read or is compressed in another way; those of `read`.
pub(super) fn with_table<T>(
    path: &Path,
    read: impl FnOnce(csv::Reader<Box<dyn Read + '_>>) -> Result<T>,
) -> Result<T> {
    let begins = start(path).context("cannot be read")?;
    let file = || {
        File::open(path)
            .context("cannot be read")
            .map(BufReader::new)
    };
    let starts = |magic: &[u8]| begins.starts_with(magic);
    if starts(b"PK\x03\x04") {
        let mut archive = zip::ZipArchive::new(file()?).context("not a whole zip file")?;
        let name = table_in(&archive)?;
        let entry = archive
            .by_name(&name)
            .with_context(|| format!("{name} in it"))?;
        return table(Box::new(entry)).and_then(read);
    }
    let plain: Box<dyn Read> = if starts(b"\x1f\x8b") {
        Box::new(flate2::read::MultiGzDecoder::new(file()?))
    } else if starts(b"\xfd7zXZ\0") {
        Box::new(lzma_rust2::XzReader::new(file()?, true))
    } else if starts(b"BZh")
        || starts(b"7z\xbc\xaf")
        || starts(b"\x28\xb5\x2f\xfd")
        || starts(b"Rar!")
    {
        bail!(
            Data,
            "compressed in a way that is not read: CSV, alone or in .gz, .xz or .zip, was expected"
        );
    } else {
        Box::new(file()?)
    };
    table(plain).and_then(read)
}

/// Name of the table in an archive.
fn table_in<R: Read + std::io::Seek>(archive: &zip::ZipArchive<R>) -> Result<String> {
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .filter(|name| name.to_ascii_lowercase().ends_with(".csv"))
        // What one system leaves beside every file.
        .filter(|name| {
            let mut parts = name.split('/');
            !parts.any(|part| part == "__MACOSX" || part.starts_with("._"))
        })
        .collect();
    let known = |known: &&str| {
        let own = |name: &&String| {
            let own = name.rsplit('/').next().unwrap_or_default();
            own.eq_ignore_ascii_case(known)
        };
        names.iter().find(own)
    };
    match (IN_ARCHIVES.iter().find_map(known), &names[..]) {
        (Some(name), _) | (None, [name]) => Ok(name.clone()),
        (None, []) => bail!(Data, "no CSV file is in it: unpack it and name the folder"),
        (None, names) => bail!(
            Data,
            "{} CSV files are in it: unpack it and name one",
            names.len()
        ),
    }
}

/// The table in a text, whose header tells what is between the columns.
fn table<'a>(text: Box<dyn Read + 'a>) -> Result<csv::Reader<Box<dyn Read + 'a>>> {
    let mut text = BufReader::new(text);
    let mut begins = Vec::new();
    // A header is a line; a file without a line's end is not read to the end for it.
    text.by_ref()
        .take(4 * TAR_HEADER as u64)
        .read_until(b'\n', &mut begins)
        .context("cannot be read")?;
    ensure!(
        begins.get(TAR_MAGIC..TAR_MAGIC + 5) != Some(b"ustar"),
        Data,
        "a tar archive, not a table: unpack it and name what was in it"
    );
    if begins.starts_with(b"\xef\xbb\xbf") {
        begins.drain(..3);
    }
    let count = |delimiter: &&u8| begins.iter().filter(|b| *b == *delimiter).count();
    // The first of several that are as frequent.
    let delimiter = DELIMITERS.iter().rev().max_by_key(count);
    let whole: Box<dyn Read + 'a> = Box::new(std::io::Cursor::new(begins.clone()).chain(text));
    Ok(csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(*delimiter.expect("there are some"))
        .from_reader(whole))
}

/// Index of the column of this name, blanks and capitals aside.
pub(super) fn column(header: &csv::StringRecord, name: &str) -> Option<usize> {
    header
        .iter()
        .position(|h| h.trim().eq_ignore_ascii_case(name))
}
