//! A face anywhere in a frame of any size: an input of finite values, or an error.

#![no_main]

use arbitrary::Arbitrary;
use fer::frame::Orientation;
use fer::model::{Color, InputSpec, Layout, Tone};
use fer::prepare::Preparer;
use fer::{FaceBox, Frame, Rect};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Case {
    width: u8,
    height: u8,
    aspect: f32,
    orientation: u8,
    rgb: bool,
    margin: u8,
    size: (u8, u8),
    face: [f32; 4],
    /// Of the frame's size, in 1/64: most boxes that are any number at all lie outside of it.
    near: Option<[i16; 4]>,
    tilt: f32,
}

fuzz_target!(|case: Case| {
    let (width, height) = (case.width as usize + 1, case.height as usize + 1);
    let pixels = vec![127; width * height * if case.rgb { 3 } else { 1 }];
    let frame = match case.rgb {
        true => Frame::rgb(&pixels, width, height),
        false => Frame::gray(&pixels, width, height),
    };
    let mut frame = frame.unwrap().with_pixel_aspect(case.aspect);
    if let Some(orientation) = Orientation::from_exif(case.orientation.into()) {
        frame = frame.with_orientation(orientation);
    }
    let spec = InputSpec {
        width: case.size.0 as usize % 64 + 1,
        height: case.size.1 as usize % 64 + 1,
        color: if case.rgb { Color::Rgb } else { Color::Gray },
        margin: f32::from(case.margin % 128) / 64.0,
        layout: Layout::Nchw,
        mean: vec![127.5],
        std: vec![127.5],
        tone: Tone::default(),
    };
    let mut preparer = Preparer::new(&spec).unwrap();
    let [x, y, w, h] = match case.near {
        Some(near) => near.map(|v| f32::from(v) / 64.0 * width as f32),
        None => case.face,
    };
    let face = FaceBox {
        rect: Rect::new(x, y, w, h),
        tilt: case.tilt,
    };
    let mut out = vec![f32::NAN; spec.len()];
    if preparer.prepare(&frame, face, &mut out).is_ok() {
        assert!(out.iter().all(|v| v.is_finite()));
    }
});
