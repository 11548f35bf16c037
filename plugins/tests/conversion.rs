//! Results on their way through GStreamer's own elements.

mod common;

use common::{PORTRAIT_FACE, media, picture, run};

#[test]
fn results_survive_conversion_and_scaling() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    for (through, scale) in [
        ("identity", 1.0),
        ("videoconvert ! video/x-raw,format=RGB", 1.0),
        ("videoscale ! video/x-raw,width=256,height=256", 0.5),
        (
            "videoconvert ! video/x-raw,format=BGRx ! videoscale ! video/x-raw,width=256,height=256 \
             ! tee ! queue ! videoconvert ! video/x-raw,format=NV12",
            0.5,
        ),
        ("videorate ! video/x-raw,framerate=50/1", 1.0),
        (
            "videobalance saturation=0.5 ! videoconvert ! video/x-raw,format=GRAY8",
            1.0,
        ),
    ] {
        let run = run(&format!(
            "{} ! video/x-raw,format=I420,width=512,height=512,framerate=25/1 ! ferfacedetect \
             ! ferclassify ! {through} ! fakesink name=end",
            picture(&path, 2)
        ));
        assert_eq!(run.error, None, "{through}");
        assert!(run.frames.len() >= 2);
        for frame in &run.frames {
            assert_eq!(frame.faces.len(), 1, "{through}: {frame:?}");
            let face = &frame.faces[0];
            let overlap = face.rect.iou(&PORTRAIT_FACE.scale(scale));
            assert!(overlap >= 0.5, "{through}: {face:?}");
            assert!(face.detection.is_some(), "{through}: {face:?}");
            let expression = face.expression.as_ref().expect(through);
            assert_eq!(expression.label, "happy");
            assert_eq!(expression.probabilities.len(), 7);
        }
    }
}

#[test]
fn faces_are_classified_behind_a_conversion() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! video/x-raw,format=I420,width=512,height=512 ! ferfacedetect ! videoconvert \
         ! video/x-raw,format=RGB ! videoscale ! video/x-raw,width=256,height=256 ! ferclassify \
         ! videoconvert ! video/x-raw,format=I420 ! feroverlay ! fakesink name=end",
        picture(&path, 2)
    ));
    assert_eq!(run.error, None);
    for frame in &run.frames {
        assert_eq!(frame.faces.len(), 1, "{frame:?}");
        assert!(frame.faces[0].detection.is_some());
        assert!(frame.faces[0].earlier.is_empty());
        let expression = frame.faces[0].expression.as_ref().unwrap();
        assert_eq!(expression.label, "happy");
    }
    let shown: u64 = run.stats["feroverlay"].get("faces").unwrap();
    assert_eq!(shown, 2);
}

/// What is documented: no box is left that would be a lie.
#[test]
fn what_does_not_survive_a_crop_is_gone_as_a_whole() {
    let Some(path) = media("astronaut.png") else {
        return;
    };
    let run = run(&format!(
        "{} ! video/x-raw,format=I420,width=512,height=512 ! ferfacedetect ! ferclassify \
         ! videoconvert ! video/x-raw,format=RGB ! videocrop left=100 ! videoconvert \
         ! video/x-raw,format=I420 ! fakesink name=end",
        picture(&path, 1)
    ));
    assert_eq!(run.error, None);
    assert!(run.frames[0].faces.is_empty(), "{:?}", run.frames[0]);
}

/// The face that is cropped away and the one that is found behind have the same number.
#[test]
fn what_was_said_of_a_face_that_is_gone_is_not_said_of_another() {
    let Some(clip) = media("demo.mkv") else {
        return;
    };
    // The first face only on the left, then the other only on the right.
    let run = run(&format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=I420 \
         ! ferfacedetect roi=0,0,320,480 ! ferclassify name=first ! videocrop left=320 \
         ! ferfacedetect ! ferclassify name=second threshold=1 ! fakesink name=end",
        clip.display()
    ));
    assert_eq!(run.error, None);
    let faces: Vec<_> = run.frames.iter().flat_map(|frame| &frame.faces).collect();
    assert!(faces.len() > 20, "{} faces", faces.len());
    for face in faces {
        let said = face.earlier.iter().chain(&face.expression);
        let by: Vec<&str> = said.map(|said| said.element.as_str()).collect();
        assert_eq!(by, ["second"], "{face:?}");
    }
}
