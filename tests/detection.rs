//! Face detectors on real pictures, and what they say of wrong files.

mod clips;
mod skip;
mod stills;

use std::path::PathBuf;

use fer::faces::detect::{DetectorKind, find_cascade};
use fer::faces::{FaceSize, FinderConfig};
use fer::frame::{Component, Frame, GrayImage, Orientation, Pixels};
use fer::{Classifier, Error, FaceFinder, Model};
use skip::skip;

const PORTRAIT: &str = "astronaut.png";

fn view(image: &GrayImage) -> Frame<'_> {
    Frame::gray(image.pixels(), image.width(), image.height()).unwrap()
}

/// The portrait, or `None` with its name printed where this machine lacks it.
fn portrait() -> Option<GrayImage> {
    let frames = clips::frames(PORTRAIT);
    if frames.is_none() {
        skip(format!("{PORTRAIT} is missing"));
    }
    frames?.pop()
}

fn assert_finds_the_portrait(config: FinderConfig, image: &GrayImage) {
    let truth = clips::boxes()[PORTRAIT][&0][0];
    let faces = FaceFinder::new(config)
        .unwrap()
        .process(&view(image))
        .unwrap();
    assert_eq!(faces.len(), 1, "{faces:?}");
    let face = &faces[0];
    assert!(face.rect.iou(&truth) >= 0.5, "{face:?}");
    assert!(face.confidence.unwrap() > 0.5, "{face:?}");
    assert!(!face.coasting && face.age == 0, "{face:?}");
}

#[test]
fn a_portrait_is_found_at_the_first_frame() {
    let Some(image) = portrait() else { return };
    assert_finds_the_portrait(FinderConfig::default(), &image);
}

#[test]
fn yunet_finds_the_portrait_and_its_eyes() {
    let Some(image) = portrait() else { return };
    let Some(yunet) = clips::yunet() else {
        skip("the YuNet file is missing");
        return;
    };
    let config = FinderConfig {
        detector: DetectorKind::YuNet,
        yunet: Some(yunet),
        ..FinderConfig::default()
    };
    assert_finds_the_portrait(config.clone(), &image);
    let faces = FaceFinder::new(config)
        .unwrap()
        .process(&view(&image))
        .unwrap();
    let [right_eye, left_eye, nose, right_mouth, _] = faces[0].landmarks.unwrap();
    assert!(right_eye.x < nose.x && nose.x < left_eye.x, "{faces:?}");
    assert!(right_eye.y < nose.y && nose.y < right_mouth.y, "{faces:?}");
}

#[test]
fn padded_rows_and_packed_pixels_give_the_same_face() {
    let Some(image) = portrait() else { return };
    let (width, height) = (image.width(), image.height());
    let find = |frame: &Frame| {
        let mut finder = FaceFinder::new(FinderConfig::default()).unwrap();
        finder.process(frame).unwrap()
    };
    let plain = find(&view(&image));

    let stride = width + 37;
    let mut padded = vec![255; stride * (height - 1) + width];
    let mut packed = vec![128; width * height * 2];
    for (y, row) in image.pixels().chunks_exact(width).enumerate() {
        padded[y * stride..y * stride + width].copy_from_slice(row);
        for (x, pixel) in row.iter().enumerate() {
            packed[(y * width + x) * 2] = *pixel;
        }
    }
    let padded = Pixels::Gray(Component::new(&padded, stride, 1));
    assert_eq!(find(&Frame::new(width, height, padded).unwrap()), plain);
    let packed = Pixels::Gray(Component::new(&packed, width * 2, 2));
    assert_eq!(find(&Frame::new(width, height, packed).unwrap()), plain);
}

#[test]
fn the_skull_on_a_shirt_is_no_face() {
    let Some(frames) = clips::frames("again.mkv") else {
        skip("again.mkv or ffmpeg is missing");
        return;
    };
    let truth = &clips::boxes()["again.mkv"];
    let mut finder = FaceFinder::new(FinderConfig::default()).unwrap();
    for (i, frame) in frames.iter().enumerate() {
        let faces = finder.process(&view(frame)).unwrap();
        if let Some(boxes) = truth.get(&i) {
            assert_eq!(faces.len(), boxes.len(), "frame {i}: {faces:?}");
            assert!(faces[0].rect.iou(&boxes[0]) >= 0.5, "frame {i}: {faces:?}");
        }
    }
}

#[test]
fn faces_outside_the_region_or_the_sizes_asked_for_are_not_reported() {
    let Some(image) = portrait() else { return };
    let truth = clips::boxes()[PORTRAIT][&0][0];
    let count = |config: FinderConfig| {
        let mut finder = FaceFinder::new(config).unwrap();
        finder.process(&view(&image)).unwrap().len()
    };
    let with_roi = |roi| FinderConfig {
        roi: Some(roi),
        ..FinderConfig::default()
    };
    assert_eq!(count(with_roi(truth.expand(0.6))), 1);
    let mut beside = truth.expand(0.6);
    beside.x = truth.right() + 20.0;
    assert_eq!(count(with_roi(beside)), 0);
    let sizes = FinderConfig {
        max_size: Some(FaceSize::Pixels(truth.height * 0.6)),
        ..FinderConfig::default()
    };
    assert_eq!(count(sizes), 0);
}

#[test]
fn pictures_smaller_than_a_face_are_empty_and_harmless() {
    let mut finder = FaceFinder::new(FinderConfig::default()).unwrap();
    for (width, height) in [(1, 1), (7, 300), (300, 5), (16, 16), (30, 30)] {
        let image = GrayImage::from_vec(width, height, vec![90; width * height]).unwrap();
        for _ in 0..3 {
            assert_eq!(finder.process(&view(&image)).unwrap(), []);
        }
    }
}

/// A file with this content, of a name that no other test uses.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn assert_refused(config: FinderConfig, path: &std::path::Path) {
    let Err(error) = FaceFinder::new(config) else {
        panic!("{} was accepted", path.display());
    };
    let text = error.to_string();
    assert!(matches!(error, Error::Detector { .. }), "{text}");
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn wrong_cascades_are_refused_by_name() {
    let good = std::fs::read(find_cascade().unwrap()).unwrap();
    for (name, content) in [
        ("empty.xml", &b""[..]),
        ("text.xml", b"hello"),
        ("other.xml", b"<?xml version=\"1.0\"?><opencv_storage><a>1</a></opencv_storage>"),
        (
            "hollow.xml",
            b"<?xml version=\"1.0\"?><opencv_storage><cascade><stageType>BOOST</stageType></cascade></opencv_storage>",
        ),
        ("truncated.xml", &good[..good.len() / 2]),
    ] {
        let path = file(name, content);
        let config = FinderConfig {
            cascade: Some(path.clone()),
            ..FinderConfig::default()
        };
        assert_refused(config, &path);
    }
    let missing = PathBuf::from("/nowhere/cascade.xml");
    let config = FinderConfig {
        cascade: Some(missing.clone()),
        ..FinderConfig::default()
    };
    assert_refused(config, &missing);
}

#[test]
fn wrong_yunet_files_are_refused_by_name() {
    let path = file("yunet.onnx", b"no network");
    let config = FinderConfig {
        detector: DetectorKind::YuNet,
        yunet: Some(path.clone()),
        ..FinderConfig::default()
    };
    assert_refused(config, &path);
    let config = FinderConfig {
        detector: DetectorKind::YuNet,
        ..FinderConfig::default()
    };
    assert!(matches!(FaceFinder::new(config), Err(Error::Setting(_))));
}

#[test]
fn settings_out_of_range_are_refused_and_the_old_ones_stay() {
    let good = FinderConfig::default();
    let mut finder = FaceFinder::new(good.clone()).unwrap();
    for bad in [
        FinderConfig {
            scale_factor: 1.0,
            ..good.clone()
        },
        FinderConfig {
            interval: 0,
            ..good.clone()
        },
        FinderConfig {
            min_size: FaceSize::Share(1.5),
            ..good.clone()
        },
        FinderConfig {
            min_confidence: 1.1,
            ..good.clone()
        },
        FinderConfig {
            roi: Some(fer::Rect::new(0.0, 0.0, 0.0, 10.0)),
            ..good.clone()
        },
    ] {
        let error = finder.set_config(bad).unwrap_err();
        assert!(matches!(error, Error::Setting(_)), "{error}");
        assert_eq!(finder.config(), &good);
    }
}

/// A picture with its rows and columns swapped.
fn transposed(image: &GrayImage) -> GrayImage {
    let (width, height) = (image.width(), image.height());
    let pixels = (0..width * height).map(|i| image.pixels()[i % height * width + i / height]);
    GrayImage::from_vec(height, width, pixels.collect()).unwrap()
}

/// A picture with left and right swapped.
fn mirrored(image: &GrayImage) -> GrayImage {
    let rows = image.pixels().chunks_exact(image.width());
    let pixels = rows.flat_map(|row| row.iter().rev().copied()).collect();
    GrayImage::from_vec(image.width(), image.height(), pixels).unwrap()
}

#[test]
fn however_a_picture_lies_in_memory_its_face_is_found_and_read_as_upright() {
    let Some(image) = portrait() else { return };
    let rows = 400;
    let pixels = image.pixels()[..rows * image.width()].to_vec();
    let upright = GrayImage::from_vec(image.width(), rows, pixels).unwrap();
    let clockwise = |image: &GrayImage| mirrored(&transposed(image));
    let half = |image: &GrayImage| clockwise(&clockwise(image));
    let stored = [
        (Orientation::Upright, upright.clone()),
        (Orientation::Mirrored, mirrored(&upright)),
        (Orientation::Half, half(&upright)),
        (Orientation::Flipped, half(&mirrored(&upright))),
        (Orientation::Transposed, transposed(&upright)),
        // What is to be turned clockwise lies turned the other way.
        (Orientation::Clockwise, half(&clockwise(&upright))),
        (Orientation::Transversed, half(&transposed(&upright))),
        (Orientation::CounterClockwise, clockwise(&upright)),
    ];
    let model = Model::bundled().unwrap();
    let mut classifier = Classifier::new(&model, &Default::default()).unwrap();
    let mut look = |frame: &Frame| {
        let mut finder = FaceFinder::new(FinderConfig::default()).unwrap();
        let faces = finder.process(frame).unwrap();
        assert_eq!(faces.len(), 1, "{faces:?}");
        let read = classifier.classify(frame, &[faces[0].rect]).unwrap();
        (faces[0].rect, read[0].clone())
    };
    let (rect, read) = look(&view(&upright));
    for (orientation, image) in stored {
        let frame = view(&image).with_orientation(orientation);
        let (found, seen) = look(&frame);
        assert_eq!(found, rect, "{orientation:?}");
        assert_eq!(seen, read, "{orientation:?}");
    }
}

/// A finder for pictures that have nothing to do with one another, by the cascades.
fn still_finder() -> FaceFinder {
    FaceFinder::new(FinderConfig {
        detector: DetectorKind::Haar,
        ..FinderConfig::for_stills()
    })
    .unwrap()
}

/// Every `step`th portrait, or none with the reason printed where this machine lacks them.
fn portraits(step: usize) -> Vec<stills::Still> {
    let portraits = stills::portraits(stills::People::All);
    if portraits.is_none() {
        skip("the portraits are missing");
    }
    portraits.into_iter().flatten().step_by(step).collect()
}

/// How many of the faces in `pictures` are found, tilted by `degrees` to 15 degrees.
fn found(pictures: impl Iterator<Item = stills::Still>, degrees: f32) -> usize {
    let mut finder = still_finder();
    let mut found = 0;
    for still in pictures {
        finder.reset();
        let faces = finder.process(&view(&still.image)).unwrap();
        let is_found = |truth: &&fer::Rect| {
            faces.iter().any(|face| {
                let tilt = face.tilt.unwrap_or(0.0).to_degrees();
                face.rect.iou(truth) >= 0.5 && (tilt - degrees).abs() <= 15.0
            })
        };
        found += still.faces.iter().filter(is_found).count();
    }
    found
}

#[test]
fn every_portrait_is_found() {
    let portraits = portraits(4);
    let count = portraits.len();
    assert_eq!(found(portraits.into_iter(), 0.0), count);
}

#[test]
fn tilted_portraits_are_found_and_known_to_be_tilted() {
    let portraits = portraits(12);
    for degrees in [-30.0, 30.0] {
        let tilted = portraits.iter().map(|still| still.tilted(degrees));
        let found = found(tilted, degrees);
        let least = portraits.len() * 95 / 100;
        assert!(
            found >= least,
            "{found} of {} at {degrees}",
            portraits.len()
        );
    }
}

#[test]
fn a_face_that_fills_its_picture_is_found_inside_of_it() {
    let portraits = portraits(4);
    let mut random = stills::Random(3);
    let cut = portraits
        .iter()
        .map(|still| still.cut(60 + random.below(91)));
    let pictures: Vec<_> = cut.collect();
    for still in &pictures {
        let (width, height) = (still.image.width(), still.image.height());
        let mut finder = still_finder();
        for face in finder.process(&view(&still.image)).unwrap() {
            let inside = face.rect.clamp(width, height);
            assert!(face.rect.iou(&inside) > 0.999, "{face:?}");
        }
    }
    let count = pictures.len();
    let found = found(pictures.into_iter(), 0.0);
    assert!(found >= count * 95 / 100, "{found} of {count}");
}

#[test]
fn faces_of_forty_pixels_are_found_in_a_group() {
    let crowds = stills::crowds(&portraits(9));
    let count: usize = crowds.iter().map(|crowd| crowd.faces.len()).sum();
    let found = found(crowds.into_iter(), 0.0);
    assert!(found >= count * 95 / 100, "{found} of {count}");
}

#[test]
fn yunet_finds_a_face_that_fills_a_narrow_picture() {
    let Some(yunet) = clips::yunet() else {
        skip("the YuNet file is missing");
        return;
    };
    let mut finder = FaceFinder::new(FinderConfig {
        detector: DetectorKind::YuNet,
        yunet: Some(yunet),
        ..FinderConfig::for_stills()
    })
    .unwrap();
    for still in portraits(16) {
        finder.reset();
        let cut = still.cut(120);
        let faces = finder.process(&view(&cut.image)).unwrap();
        assert_eq!(faces.len(), 1, "{faces:?}");
        assert!(faces[0].rect.iou(&cut.faces[0]) >= 0.5, "{faces:?}");
    }
}

#[test]
fn a_face_of_less_confidence_than_asked_for_is_not_reported() {
    let Some(image) = portrait() else { return };
    let count = |min_confidence| {
        let config = FinderConfig {
            detector: DetectorKind::Haar,
            min_confidence,
            ..FinderConfig::default()
        };
        let mut finder = FaceFinder::new(config).unwrap();
        finder.process(&view(&image)).unwrap().len()
    };
    assert_eq!([count(0.9), count(1.0)], [1, 0]);
}
