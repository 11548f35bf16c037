//! Real pictures and clips with faces, and the hand-checked boxes in them.
//!
//! The media are no part of the repository. They are looked for in `FER_MEDIA_DIR` and
//! in `../shared/data/media`.

#![allow(dead_code, reason = "each test and bench uses a part")]

#[path = "../media/mod.rs"]
mod media;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fer::Rect;
use fer::frame::GrayImage;
use image::AnimationDecoder;

/// Boxes of the faces, by frame number; the persons stand in the same order in all
/// frames of a clip.
pub type Boxes = BTreeMap<usize, Vec<Rect>>;

/// The boxes of every clip, by file name, in the frames by which detection is tuned.
pub fn boxes() -> BTreeMap<String, Boxes> {
    read(include_str!("../data/faces.json"))
}

/// The boxes of the frames by which it is scored: others, of the same clips.
pub fn scoring_boxes() -> BTreeMap<String, Boxes> {
    read(include_str!("../data/faces_scoring.json"))
}

fn read(text: &str) -> BTreeMap<String, Boxes> {
    #[derive(serde::Deserialize)]
    struct File {
        clips: BTreeMap<String, BTreeMap<usize, Vec<[f32; 4]>>>,
    }
    let file: File = serde_json::from_str(text).unwrap();
    let rects = |boxes: Vec<[f32; 4]>| {
        let rects = boxes.into_iter().map(|[x, y, w, h]| Rect::new(x, y, w, h));
        rects.collect()
    };
    let frames = |frames: BTreeMap<usize, Vec<[f32; 4]>>| {
        frames.into_iter().map(|(n, b)| (n, rects(b))).collect()
    };
    let clips = file.clips.into_iter();
    clips.map(|(name, clip)| (name, frames(clip))).collect()
}

/// Where YuNet's ONNX file is on this machine: `FER_YUNET`, or beside the media.
pub fn yunet() -> Option<PathBuf> {
    match std::env::var_os("FER_YUNET") {
        Some(path) => Some(path.into()),
        None => media::find("../models/face_detection_yunet_2026may.onnx"),
    }
}

/// The grey frames of the clip or picture `name`; `None` where this machine lacks it or,
/// for formats other than PNG and GIF, `ffmpeg`.
pub fn frames(name: &str) -> Option<Vec<GrayImage>> {
    let path = media::find(name)?;
    let file = || std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    match path.extension().and_then(|e| e.to_str()) {
        Some("png") => {
            let picture = image::load(file(), image::ImageFormat::Png).unwrap();
            Some(vec![gray(picture.into_luma8())])
        }
        Some("gif") => {
            let decoder = image::codecs::gif::GifDecoder::new(file()).unwrap();
            let frames = decoder.into_frames().map(|frame| {
                let frame = image::DynamicImage::from(frame.unwrap().into_buffer());
                gray(frame.into_luma8())
            });
            Some(frames.collect())
        }
        _ => decode(&path),
    }
}

fn gray(image: image::GrayImage) -> GrayImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    GrayImage::from_vec(width, height, image.into_raw()).unwrap()
}

fn decode(path: &Path) -> Option<Vec<GrayImage>> {
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-fps_mode", "passthrough", "-f", "image2pipe"])
        .args(["-c:v", "pgm", "-pix_fmt", "gray", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut bytes = Vec::new();
    child.stdout.take()?.read_to_end(&mut bytes).ok()?;
    child.wait().ok()?;
    let mut frames = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        // P5 <width> <height> 255, each followed by one white space.
        let fields: Vec<&[u8]> = rest.splitn(5, |b| b.is_ascii_whitespace()).collect();
        let number = |i: usize| std::str::from_utf8(fields[i]).unwrap().parse().unwrap();
        let (width, height): (usize, usize) = (number(1), number(2));
        let (pixels, next) = fields[4].split_at(width * height);
        frames.push(GrayImage::from_vec(width, height, pixels.to_vec()).unwrap());
        rest = next;
    }
    Some(frames)
}
