//! Pictures that GStreamer's automatic choice of decoders can't read: for BMP and TIFF it takes
//! those of FFmpeg, which find no frame, and at a GIF of one picture its demuxer never ends.

use std::io;
use std::path::Path;

/// Whether the file is such a picture.
///
/// # Errors
/// When it can't be read.
pub fn needs_own_decoder(path: &Path) -> io::Result<bool> {
    // A pipe gives what is read only once.
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    let mut start = [0; 10];
    let read = io::Read::read(&mut std::fs::File::open(path)?, &mut start)?;
    Ok(match &start[..read] {
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => true,
        // What is zero is reserved.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0] => true,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => {
            pictures_in_gif(&std::fs::read(path)?) == 1
        }
        _ => false,
    })
}

/// Pictures in a GIF file, up to where it is cut off (GIF89a specification, section 12 and
/// appendix A: a file is a row of blocks, each of a known length or made of sub-blocks).
fn pictures_in_gif(file: &[u8]) -> usize {
    /// Bytes of the table of colours that a byte of flags tells.
    fn table(flags: u8) -> usize {
        match flags & 0x80 {
            0 => 0,
            _ => 3 << ((flags & 7) + 1),
        }
    }
    let mut count = 0;
    let mut at = 13 + file.get(10).copied().map_or(0, table);
    while let Some(kind) = file.get(at) {
        at += match kind {
            0x21 => 2,
            0x2c => {
                count += 1;
                11 + file.get(at + 9).copied().map_or(0, table)
            }
            _ => break,
        };
        // Sub-blocks, each behind its length; the last has none.
        while let Some(length) = file.get(at) {
            at += 1 + usize::from(*length);
            if *length == 0 {
                break;
            }
        }
    }
    count
}
