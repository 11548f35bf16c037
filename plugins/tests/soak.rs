//! A long stream through all elements. In a file of its own, because it watches the memory
//! of its process.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{media, picture};
use gst::prelude::*;

/// Frames unless `FER_SOAK_FRAMES` says otherwise; `make soak` has those of half an hour.
const FRAMES: u64 = 3000;
/// Share of the frames after which nothing is to grow any more.
const WARM: u64 = 4;
/// Growth in bytes that an allocator may still show.
const SLACK: u64 = 8 << 20;

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn memory_stays_flat() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let frames = std::env::var("FER_SOAK_FRAMES").map_or(FRAMES, |text| text.parse().unwrap());
    common::init();
    let description = format!(
        "{} ! video/x-raw,format=I420,width=320,height=320 ! identity name=camera \
         ! ferfacedetect name=finder ! ferclassify reclassify-interval=3 post-messages=false \
         ! feroverlay show-bars=true ! fakesink",
        picture(&path, frames as u32)
    );
    let pipeline = gst::parse::launch(&description).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let warm = Arc::new(AtomicU64::new(0));
    let (at_warm, passed) = (warm.clone(), AtomicU64::new(0));
    let camera = pipeline.by_name("camera").unwrap();
    let pad = camera.static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let frame = passed.fetch_add(1, Ordering::Relaxed) + 1;
        // Again and again the face is gone for so long that it is forgotten.
        if frame % 300 > 200 {
            let buffer = info.buffer_mut().unwrap().make_mut();
            buffer.map_writable().unwrap().fill(128);
        }
        if frame == frames / WARM {
            at_warm.store(resident(), Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(None, &kinds).unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    let after = resident();
    let finder = pipeline.by_name("finder").unwrap();
    let stats: gst::Structure = finder.property("stats");
    pipeline.set_state(gst::State::Null).unwrap();

    assert_eq!(stats.get::<u64>("frames").unwrap(), frames);
    let faces = stats.get::<u64>("faces").unwrap();
    assert!((frames / 2..frames * 9 / 10).contains(&faces), "{stats:?}");
    let before = warm.load(Ordering::Relaxed);
    println!(
        "{frames} frames: {} KiB when warm, {} KiB at the end",
        before >> 10,
        after >> 10
    );
    assert!(
        after < before + SLACK,
        "grew from {before} to {after} bytes"
    );
}
