//! Video that the benchmarks make themselves: the portrait's head, pasted as often as
//! wanted and moved about before what else is in the portrait, with the noise of a camera.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use gst::prelude::*;

/// Frames a second.
pub const RATE: u64 = 30;
/// Different frames; then they are shown again.
const RING: usize = 16;
/// Side of a head's picture as a share of the frame's height.
const HEAD: f64 = 0.26;
/// Pixels by which a head moves to each side, for 480 lines.
const SWAY: f64 = 6.0;
/// The head in the portrait, which has 512x512 pixels: left, top, width, height.
const CUT: [u32; 4] = [143, 32, 165, 165];
/// The part that is the background: a space suit and a model of a shuttle, but no face.
const BACKGROUND: [u32; 4] = [0, 212, 512, 300];

/// The portrait's file.
pub fn portrait() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let media = std::env::var_os("FER_MEDIA_DIR").map(PathBuf::from);
    media
        .unwrap_or_else(|| root.join(".fer/media"))
        .join("astronaut.png")
}

/// A part of the portrait as I420, `width` x `height` pixels.
fn part([left, top, across, down]: [u32; 4], width: usize, height: usize) -> Vec<u8> {
    let description = format!(
        "filesrc location=\"{}\" ! decodebin ! videocrop left={left} top={top} right={} bottom={} \
         ! videoscale add-borders=false ! videoconvert \
         ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1 \
         ! appsink name=end sync=false",
        portrait().display(),
        512 - left - across,
        512 - top - down
    );
    let element = gst::parse::launch(&description).expect("the elements are installed");
    let pipeline = element.downcast::<gst::Pipeline>().expect("a pipeline");
    let end = pipeline.by_name("end").expect("a sink");
    let end = end.downcast::<gst_app::AppSink>().expect("an appsink");
    let started = pipeline.set_state(gst::State::Playing);
    let sample = started.ok().and_then(|_| end.pull_sample().ok());
    let sample = sample.unwrap_or_else(|| panic!("{}: not decoded", portrait().display()));
    let map = sample.buffer().expect("a frame").map_readable();
    let pixels = map.expect("system memory").to_vec();
    // Nothing can be done about a pipeline that does not stop.
    let _ = pipeline.set_state(gst::State::Null);
    pixels
}

/// A plane of a picture: pixels and how many a row has.
type Plane<'a> = (&'a [u8], usize);

fn paste(to: &mut [u8], width: usize, (from, side): Plane, x: usize, y: usize) {
    for (row, line) in from.chunks_exact(side).enumerate() {
        let start = (y + row) * width + x;
        to[start..start + side].copy_from_slice(line);
    }
}

/// Frames of I420 with `faces` faces; they can be shown again and again.
pub fn frames(width: usize, height: usize, faces: usize) -> Vec<gst::Buffer> {
    // A multiple of eight has the strides that GStreamer expects, in all planes.
    let side = (height as f64 * HEAD) as usize / 8 * 8;
    let head = part(CUT, side, side);
    let background = part(BACKGROUND, width, height);
    let columns = faces.clamp(1, 5);
    let rows = faces.div_ceil(columns).max(1);
    (0..RING)
        .map(|i| {
            let mut pixels = background.clone();
            let (luma, chroma) = pixels.split_at_mut(width * height);
            let (cb, cr) = chroma.split_at_mut(width * height / 4);
            for face in 0..faces {
                let angle = TAU * (i as f64 / RING as f64 + face as f64 / faces as f64);
                let sway = SWAY * height as f64 / 480.0 * angle.sin();
                let x = (face % columns * 2 + 1) * width / (2 * columns) - side / 2;
                let y = (face / columns * 2 + 1) * height / (2 * rows) - side / 2;
                let room = (width - side) as f64;
                let x = (x as f64 + sway).clamp(0.0, room) as usize & !1;
                let y = y & !1;
                let (whole, half) = (side * side, side / 2);
                paste(luma, width, (&head[..whole], side), x, y);
                let (u, v) = head[whole..].split_at(half * half);
                paste(cb, width / 2, (u, half), x / 2, y / 2);
                paste(cr, width / 2, (&v[..half * half], half), x / 2, y / 2);
            }
            let mut noise = i as u32 + 1;
            for pixel in luma {
                // Marsaglia's xorshift.
                noise ^= noise << 13;
                noise ^= noise >> 17;
                noise ^= noise << 5;
                *pixel = pixel.saturating_add((noise >> 29) as u8);
            }
            gst::Buffer::from_slice(pixels)
        })
        .collect()
}

/// Caps of these frames.
pub fn caps(width: usize, height: usize, rate: u64) -> String {
    format!("video/x-raw,format=I420,width={width},height={height},framerate={rate}/1")
}

/// Frame number `i` of those in `ring`, stamped for `rate` frames a second.
pub fn stamped(ring: &[gst::Buffer], i: u64, rate: u64) -> gst::Buffer {
    let mut buffer = ring[i as usize % ring.len()].clone();
    let head = buffer.make_mut();
    head.set_pts(gst::ClockTime::from_nseconds(i * 1_000_000_000 / rate));
    head.set_duration(gst::ClockTime::from_nseconds(1_000_000_000 / rate));
    buffer
}

/// The number of a frame that [`stamped`] has stamped.
pub fn number(buffer: &gst::BufferRef, rate: u64) -> u64 {
    let pts = buffer.pts().map_or(0, |pts| pts.nseconds());
    (pts * rate + 500_000_000) / 1_000_000_000
}

/// CPU time of this process in milliseconds.
pub fn cpu_ms() -> f64 {
    // SAFETY: rusage is plain data for which all zeros is a valid value, and getrusage
    // fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let ms = |t: libc::timeval| t.tv_sec as f64 * 1e3 + t.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

/// The value below which `share` of `values` lie; 0 where there is none.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
