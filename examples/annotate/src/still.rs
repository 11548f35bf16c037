//! Pictures, of which GStreamer's automatic choice of decoders can't read all: for BMP and TIFF it
//! takes those of FFmpeg, which find no frame, at the end of a GIF its demuxer waits for ever, it
//! reads no JPEG in CMYK and doesn't turn PNG and WebP upright. The crate `image` does, and an
//! `appsrc` passes them on.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result, bail};
use gst::prelude::*;
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageReader};

/// How long a GIF's picture is shown whose own time is too short to be meant, as browsers have it.
const USUAL_DELAY: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// The source for such a picture; `None` for all other files.
///
/// # Errors
/// When the file can't be read, or is damaged.
pub fn source(path: &Path) -> Result<Option<gst::Element>> {
    // A pipe gives what is read only once.
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let mut start = [0; 12];
    let read = File::open(path)?.read(&mut start)?;
    Ok(match &start[..read] {
        // What is zero is reserved.
        [b'I', b'I', 42, 0, ..]
        | [b'M', b'M', 0, 42, ..]
        | [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(still(path)?),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(animation(path)?),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 26, b'\n', ..] => Some(still(path)?),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some(still(path)?),
        // One picture after another is a video.
        [0xff, 0xd8, 0xff, ..] if !is_video(path) => {
            whole(path)?;
            Some(still(path)?)
        }
        _ => None,
    })
}

/// Whether a file that begins with a JPEG says that it has many.
fn is_video(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_ascii_lowercase());
    end.is_some_and(|end| end == "mjpeg" || end == "mjpg")
}

/// Decoders fill up what is missing of a JPEG with grey.
///
/// # Errors
/// When it ends too soon.
fn whole(path: &Path) -> Result<()> {
    let file = std::fs::read(path)?;
    // ITU T.81, B.1.1: each segment begins with its marker and tells its length. Before the scan
    // there may be smaller pictures with an end of their own.
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = file.get(at..at + 4) {
        if *marker == 0xda {
            let is_end = |pair: &[u8]| pair == [0xff, 0xd9];
            if file[at..].windows(2).any(is_end) {
                return Ok(());
            }
            break;
        }
        at += match marker {
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        };
    }
    bail!("the picture ends too soon")
}

fn still(path: &Path) -> Result<gst::Element> {
    let mut decoder = ImageReader::open(path)?
        .with_guessed_format()?
        .into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let picture = picture.into_rgba8();
    let source = app_source(picture.width(), picture.height());
    let buffer = gst::Buffer::from_slice(picture.into_raw());
    on_start(&source, move |source| {
        // A flow that has ended needs no more pictures.
        let _ = source.push_buffer(buffer.clone());
        let _ = source.end_of_stream();
        Ok(())
    });
    Ok(source.upcast())
}

fn animation(path: &Path) -> Result<gst::Element> {
    let open =
        |path: &Path| -> Result<_> { Ok(GifDecoder::new(BufReader::new(File::open(path)?))?) };
    let (width, height) = open(path)?.dimensions();
    let source = app_source(width, height);
    let path = PathBuf::from(path);
    on_start(&source, move |source| {
        let mut at = gst::ClockTime::ZERO;
        for frame in open(&path)?.into_frames() {
            let frame = frame?;
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            let shown = gst::ClockTime::from_mseconds(u64::from(numerator / denominator.max(1)));
            let shown = match shown {
                short if short <= gst::ClockTime::from_mseconds(10) => USUAL_DELAY,
                shown => shown,
            };
            let mut buffer = gst::Buffer::from_slice(frame.into_buffer().into_raw());
            let fields = buffer.make_mut();
            fields.set_pts(at);
            fields.set_duration(shown);
            at += shown;
            if source.push_buffer(buffer).is_err() {
                return Ok(());
            }
        }
        let _ = source.end_of_stream();
        Ok(())
    });
    Ok(source.upcast())
}

/// A source of RGBA pictures that holds few of them at a time.
fn app_source(width: u32, height: u32) -> gst_app::AppSrc {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "RGBA")
        .field("width", width as i32)
        .field("height", height as i32)
        .field("framerate", gst::Fraction::new(0, 1))
        .build();
    gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .block(true)
        .max_bytes(4 * u64::from(width) * u64::from(height) * 4)
        .build()
}

/// Has `work` push the pictures on a thread of its own, once the source wants them; its error is
/// one of the pipeline.
fn on_start(
    source: &gst_app::AppSrc,
    work: impl Fn(&gst_app::AppSrc) -> Result<()> + Send + Sync + 'static,
) {
    let once = Once::new();
    let work = std::sync::Arc::new(work);
    let wanted = move |source: &gst_app::AppSrc, _| {
        once.call_once(|| {
            let (source, work) = (source.clone(), work.clone());
            std::thread::spawn(move || {
                if let Err(why) = work(&source).context("a damaged picture") {
                    let why = fer_cli::one_line(&format!("{why:#}"));
                    gst::element_error!(source, gst::StreamError::Decode, ("{why}"));
                }
            });
        });
    };
    source.set_callbacks(
        gst_app::AppSrcCallbacks::builder()
            .need_data(wanted)
            .build(),
    );
}
