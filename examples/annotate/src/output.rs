//! The end of the pipeline: encoders and container by the output's name.

use std::path::Path;

use anyhow::{Result, bail};

/// How the annotated copy is written.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// One picture, the first frame, by this encoder.
    Picture(&'static str),
    /// A video with sound.
    Video {
        /// Container.
        muxer: &'static str,
        /// Encoder of the video, with its settings.
        video: &'static str,
        /// Encoder of the sound.
        audio: &'static str,
    },
}

/// Encoders that a container takes, best first; the first that is installed is used.
const H264: [&str; 3] = [
    "x264enc speed-preset=veryfast tune=zerolatency",
    "openh264enc ! h264parse",
    "avenc_mpeg4",
];
const VP: [&str; 2] = [
    "vp8enc deadline=1 cpu-used=8",
    "vp9enc deadline=1 cpu-used=8",
];
const AAC: [&str; 3] = ["fdkaacenc", "avenc_aac", "lamemp3enc"];
const OPUS: [&str; 2] = ["opusenc", "vorbisenc"];

impl Output {
    /// The way to write `path`.
    ///
    /// # Errors
    /// When the name's end is not known or no encoder for it is installed.
    pub fn new(path: &Path) -> Result<Self> {
        let end = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        Ok(match end.to_ascii_lowercase().as_str() {
            "png" => Self::Picture("pngenc"),
            "jpg" | "jpeg" => Self::Picture("jpegenc quality=92"),
            "mkv" => Self::Video {
                muxer: "matroskamux",
                video: first(H264.iter().chain(&VP).chain(&["jpegenc"]))?,
                audio: first(OPUS.iter().chain(&AAC))?,
            },
            "mp4" => Self::Video {
                muxer: "mp4mux",
                video: first(&H264)?,
                audio: first(&AAC)?,
            },
            "webm" => Self::Video {
                muxer: "webmmux",
                video: first(&VP)?,
                audio: first(&OPUS)?,
            },
            _ => bail!(
                "{}: the name must end in .mkv, .mp4, .webm, .png or .jpg",
                path.display()
            ),
        })
    }
}

fn first<'a>(encoders: impl IntoIterator<Item = &'a &'static str>) -> Result<&'static str> {
    let mut tried = Vec::new();
    for encoder in encoders {
        let name = encoder.split(' ').next().unwrap_or_default();
        if gst::ElementFactory::find(name).is_some() {
            return Ok(encoder);
        }
        tried.push(name);
    }
    bail!("none of these encoders is installed: {}", tried.join(", "))
}
