//! Pictures of typical moments, taken while the stream runs.

use anyhow::{Context, Result};
use base64::prelude::{BASE64_STANDARD, Engine};
use gst_video::prelude::*;
use gst_video::{VideoConverter, VideoConverterConfig, VideoFormat, VideoFrameRef, VideoInfo};
use gstfer::meta::FaceMeta;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use super::people::{Clip, Moment, reading};

/// Side of a face's picture in pixels: twice what is shown, for fine displays.
const FACE: u32 = 144;
/// Longer side of a still in pixels, at most.
const STILL: u32 = 960;
/// The same of one of many pictures.
const SMALL_STILL: u32 = 480;
/// By how much more surely an expression is to be seen for its picture to be taken again.
const SURER: f64 = 0.05;
/// People of whom there are pictures at a time: those seen longest.
pub const PORTRAITS: usize = 60;

/// Takes pictures of one stream.
#[derive(Default)]
pub struct Gallery {
    /// What was taken of the present frame, and is waiting for its still.
    faces: Vec<(i32, String, Moment)>,
    /// Whether stills are small, since there are many pictures.
    is_small: bool,
    /// Why a picture could not be taken.
    pub failure: Option<anyhow::Error>,
}

impl Gallery {
    /// Empty; `is_small` says whether stills are small.
    pub fn new(is_small: bool) -> Self {
        Self {
            is_small,
            ..Self::default()
        }
    }

    /// Looks at a frame before anything is drawn on it: pictures of faces with expressions that
    /// have not been seen as surely yet.
    pub fn before(&mut self, clip: &Clip, pad: &gst::Pad, buffer: &gst::BufferRef, time: u64) {
        let faces = gstfer::meta::faces(buffer, &[gstfer::meta::FACE.to_owned()]);
        self.faces.clear();
        let mut info = None;
        for face in &faces {
            let (label, confidence) = reading(face);
            let known = clip.people.get(&face.id).and_then(|p| p.moments.get(label));
            if known.is_some_and(|known| confidence < known.confidence + SURER) {
                continue;
            }
            let info = info.get_or_insert_with(|| info_of(pad));
            let picture = match info {
                Ok(info) => portrait(info, buffer, face),
                Err(why) => Err(anyhow::anyhow!("{why:#}")),
            };
            match picture {
                Ok(picture) => {
                    let moment = Moment {
                        time,
                        confidence,
                        face: picture,
                        frame: clip.frames,
                    };
                    self.faces.push((face.id, label.to_owned(), moment));
                }
                Err(why) => {
                    self.failure.get_or_insert(why);
                }
            }
        }
    }

    /// Looks at the same frame with what was drawn on it, after the clip has counted it. A
    /// picture without faces has a still, too.
    pub fn after(&mut self, clip: &mut Clip, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let frame = clip.frames - 1;
        if self.faces.is_empty() && frame > 0 {
            return;
        }
        let info = info_of(pad);
        if let (0, Ok(info)) = (frame, &info) {
            (clip.width, clip.height) = (info.width(), info.height());
        }
        let longest = if self.is_small { SMALL_STILL } else { STILL };
        match info.and_then(|info| still(&info, buffer, longest)) {
            Ok(still) => {
                clip.stills.insert(frame, still);
            }
            Err(why) => {
                self.failure.get_or_insert(why);
            }
        }
        let here: Vec<i32> = self.faces.iter().map(|(id, ..)| *id).collect();
        for (id, label, moment) in self.faces.drain(..) {
            if let Some(person) = clip.people.get_mut(&id) {
                person.moments.insert(label, moment);
            }
        }
        forget(clip, &here);
        if frame > 0 {
            clip.tidy();
        }
    }
}

/// Drops pictures of those seen shortest where there are too many: of those that are last in the
/// page's tables.
fn forget(clip: &mut Clip, here: &[i32]) {
    while clip
        .people
        .values()
        .filter(|p| !p.moments.is_empty())
        .count()
        > PORTRAITS
    {
        let shown = clip.people.iter_mut().filter(|(id, person)| {
            let is_shown = !person.moments.is_empty();
            is_shown && !here.contains(id)
        });
        match shown.min_by_key(|(id, person)| (person.frames, std::cmp::Reverse(**id))) {
            Some((_, person)) => person.moments.clear(),
            None => return,
        }
    }
}

fn info_of(pad: &gst::Pad) -> Result<VideoInfo> {
    let caps = pad.current_caps().context("a stream without a format")?;
    Ok(VideoInfo::from_caps(&caps)?)
}

/// Width of a pixel in proportion to its height.
fn aspect(info: &VideoInfo) -> f64 {
    let pixels = info.par();
    f64::from(pixels.numer().max(1)) / f64::from(pixels.denom().max(1))
}

/// The face with some of what is around it.
fn portrait(info: &VideoInfo, buffer: &gst::BufferRef, face: &FaceMeta) -> Result<String> {
    let rect = &face.rect;
    let (frame_width, frame_height) = (info.width() as f32, info.height() as f32);
    // Square as it is seen, whatever shape pixels have.
    let aspect = aspect(info) as f32;
    let height = (rect.height.max(rect.width * aspect) * 1.4)
        .min(frame_width * aspect)
        .min(frame_height)
        .max(2.0);
    let width = (height / aspect).min(frame_width);
    let start = |start: f32, length: f32, part: f32, frame: f32| {
        (start + length / 2.0 - part / 2.0).clamp(0.0, (frame - part).max(0.0))
    };
    let x = start(rect.x, rect.width, width, frame_width);
    let y = start(rect.y, rect.height, height, frame_height);
    convert(
        info,
        buffer,
        [x, y, width, height].map(|side| side as i32),
        [FACE, FACE],
    )
}

/// The whole frame, smaller where its longer side has more pixels than `longest`.
fn still(info: &VideoInfo, buffer: &gst::BufferRef, longest: u32) -> Result<String> {
    let (width, height) = (info.width(), info.height());
    let share = (f64::from(longest) / f64::from(width.max(height))).min(1.0);
    let side = |length: u32, stretch: f64| {
        let length = f64::from(length) * share * stretch;
        (length.round() as u32).clamp(1, 2 * longest)
    };
    let size = [side(width, aspect(info)), side(height, 1.0)];
    convert(info, buffer, [0, 0, width as i32, height as i32], size)
}

/// The part x, y, width, height of a frame as a JPEG of another size, in base64.
fn convert(
    info: &VideoInfo,
    buffer: &gst::BufferRef,
    part: [i32; 4],
    size: [u32; 2],
) -> Result<String> {
    let target = VideoInfo::builder(VideoFormat::Rgb, size[0], size[1])
        .fps(info.fps())
        .interlace_mode(info.interlace_mode())
        .build()?;
    let mut config = VideoConverterConfig::new();
    config.set_src_x(part[0]);
    config.set_src_y(part[1]);
    config.set_src_width(Some(part[2]));
    config.set_src_height(Some(part[3]));
    let converter = VideoConverter::new(info, &target, Some(config))?;
    let source = VideoFrameRef::from_buffer_ref_readable(buffer, info)?;
    let mut picture = gst::Buffer::with_size(target.size())?;
    {
        let picture = picture.get_mut().context("nobody else has it")?;
        let mut picture = VideoFrameRef::from_buffer_ref_writable(picture, &target)?;
        converter.frame_ref(&source, &mut picture);
    }
    let picture = VideoFrameRef::from_buffer_ref_readable(&picture, &target)?;
    let stride = picture.plane_stride()[0] as usize;
    let rows = picture.plane_data(0)?.chunks(stride);
    let row = 3 * size[0] as usize;
    let pixels: Vec<u8> = rows
        .take(size[1] as usize)
        .flat_map(|line| &line[..row])
        .copied()
        .collect();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 82).encode(
        &pixels,
        size[0],
        size[1],
        ExtendedColorType::Rgb8,
    )?;
    Ok(BASE64_STANDARD.encode(jpeg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_seen_equally_long_the_first_keep_their_pictures() {
        let mut clip = Clip::default();
        for id in 1..=3 * PORTRAITS as i32 {
            let person = clip.people.entry(id).or_default();
            person.frames = 18;
            let moment = Moment {
                time: 0,
                confidence: 1.0,
                face: String::new(),
                frame: 0,
            };
            person.moments.insert("happy".to_owned(), moment);
            forget(&mut clip, &[id]);
        }
        // But for who was in the latest frame.
        for id in 1..PORTRAITS as i32 {
            assert!(!clip.people[&id].moments.is_empty(), "{id}");
        }
    }
}
