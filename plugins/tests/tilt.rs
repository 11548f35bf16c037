//! Faces that do not stand upright in square pixels.

mod common;

use common::{PORTRAIT_FACE, media, picture, run, run_with, yunet};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;
use gstfer::meta::Expression;

#[test]
fn a_smile_is_read_in_a_picture_turned_by_thirty_degrees() {
    let (Some(path), Some(yunet)) = (media("astronaut.png"), yunet()) else {
        return;
    };
    for degrees in [-30f64, 0.0, 30.0] {
        let run = run(&format!(
            "{} ! videoconvert ! rotate angle={} ! videoconvert ! video/x-raw,format=I420 \
             ! ferfacedetect detector=yunet yunet-model=\"{}\" ! ferclassify ! fakesink name=end",
            picture(&path, 1),
            degrees.to_radians(),
            yunet.display()
        ));
        assert_eq!(run.error, None);
        let faces = &run.frames[0].faces;
        assert_eq!(faces.len(), 1, "{degrees}: {faces:?}");
        assert!(faces[0].landmarks.is_some());
        let expression = faces[0].expression.as_ref().unwrap();
        assert_eq!(expression.label, "happy", "{degrees}: {expression:?}");
        assert!(expression.confidence > 0.7, "{degrees}: {expression:?}");
    }
}

#[test]
fn the_cascade_reads_a_smile_in_a_picture_turned_by_thirty_degrees() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for degrees in [-30f64, 30.0] {
        let run = run(&format!(
            "{} ! videoconvert ! rotate angle={} ! videoconvert ! video/x-raw,format=I420 \
             ! ferfacedetect detector=haar ! ferclassify ! fakesink name=end",
            picture(&path, 1),
            degrees.to_radians()
        ));
        assert_eq!(run.error, None);
        let faces = &run.frames[0].faces;
        assert_eq!(faces.len(), 1, "{degrees}: {faces:?}");
        // The element turns the other way.
        let tilt = -faces[0].face_box(512, 512, 1.0).tilt.to_degrees();
        assert!(
            (f64::from(tilt) - degrees).abs() <= 15.0,
            "{degrees}: {faces:?}"
        );
        let expression = faces[0].expression.as_ref().unwrap();
        assert_eq!(expression.label, "happy", "{degrees}: {expression:?}");
    }
}

/// What is read of the portrait lying on its side, with or without word of its eyes.
fn lying(path: &std::path::Path, eyes: bool) -> Expression {
    let description = format!(
        "{} ! video/x-raw,format=GRAY8,width=512,height=512 ! videoflip video-direction=90r \
         ! identity name=source ! ferclassify engine=builtin ! fakesink name=end",
        picture(path, 1)
    );
    let run = run_with(&description, |pipeline| {
        let source = pipeline.by_name("source").unwrap();
        let pad = source.static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer_mut().unwrap().make_mut();
            let face = PORTRAIT_FACE;
            let (x, y, side) = (512.0 - face.bottom(), face.x, face.width);
            let rect = (x as u32, y as u32, side as u32, side as u32);
            let mut meta = VideoRegionOfInterestMeta::add(buffer, "face", rect);
            // Eyes, nose and mouth, in shares of the picture as it stood.
            let upright = [
                (0.39, 0.208),
                (0.47, 0.208),
                (0.43, 0.25),
                (0.40, 0.285),
                (0.46, 0.285),
            ];
            let shares = upright.map(|(x, y): (f64, f64)| [1.0 - y, x]);
            if eyes {
                let array = gst::Array::new(shares.as_flattened().iter().copied());
                let detection = gst::Structure::builder("detection").field("landmarks", array);
                meta.add_param(detection.build());
            }
            gst::PadProbeReturn::Ok
        });
    });
    assert_eq!(run.error, None);
    run.frames[0].faces[0].expression.clone().unwrap()
}

#[test]
fn a_face_whose_eyes_are_known_is_read_upright() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let (blind, aligned) = (lying(&path, false), lying(&path, true));
    assert_eq!(aligned.label, "happy", "{aligned:?}");
    assert!(aligned.confidence > 0.7, "{aligned:?}");
    assert_ne!(blind, aligned);
}

#[test]
fn faces_in_pixels_that_are_not_square_are_not_squeezed() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for (width, height, aspect) in [(256, 512, "2/1"), (512, 256, "1/2"), (512, 384, "3/4")] {
        let run = run(&format!(
            "{} ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio={aspect} \
             ! ferfacedetect ! ferclassify ! fakesink name=end",
            picture(&path, 1)
        ));
        assert_eq!(run.error, None);
        let faces = &run.frames[0].faces;
        assert_eq!(faces.len(), 1, "{aspect}: {faces:?}");
        let (x, y) = (width as f32 / 512.0, height as f32 / 512.0);
        let want = PORTRAIT_FACE.stretch(x, y);
        assert!(faces[0].rect.iou(&want) >= 0.5, "{aspect}: {faces:?}");
        let expression = faces[0].expression.as_ref().unwrap();
        assert_eq!(expression.label, "happy", "{aspect}: {expression:?}");
        assert!(expression.confidence > 0.7, "{aspect}: {expression:?}");
    }
}
