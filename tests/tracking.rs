//! Faces followed through films made of real crops: crossings, occlusion, cuts, and a
//! detector that is too slow.

mod clips;
mod skip;
mod stills;

use std::time::Duration;

use fer::faces::detect::{Detection, Detector, DetectorKind, Scan, Tuning};
use fer::faces::{FinderConfig, Threading};
use fer::frame::{Frame, GrayImage};
use fer::{Face, FaceFinder, Rect, Result};
use skip::skip;

const WIDTH: usize = 480;
const HEIGHT: usize = 270;

/// The clip `name`, or `None` with its name printed where this machine lacks it.
fn clip(name: &str) -> Option<Vec<GrayImage>> {
    let frames = clips::frames(name);
    if frames.is_none() {
        skip(format!("{name} is missing"));
    }
    frames
}

fn view(image: &GrayImage) -> Frame<'_> {
    Frame::gray(image.pixels(), image.width(), image.height()).unwrap()
}

fn finder() -> FaceFinder {
    FaceFinder::new(FinderConfig::default()).unwrap()
}

/// The heads of two people who face the camera, with some of what is around them: of the
/// woman on the left and the man on the right of a clip, or where this machine lacks it, of
/// a portrait and its mirror image.
fn two_heads() -> Option<[GrayImage; 2]> {
    let head = |image: &GrayImage, rect: Rect| crop(image, &rect.expand(0.35));
    let name = "head-pose-face-detection-female-and-male.gif";
    if let Some(frames) = clips::frames(name) {
        let boxes = &clips::boxes()[name][&0];
        return Some([0, 1].map(|i| head(&frames[0], boxes[i])));
    }
    let name = "astronaut.png";
    let portrait = clip(name)?.remove(0);
    let own = head(&portrait, clips::boxes()[name][&0][0]);
    let rows = own.pixels().chunks_exact(own.width());
    let mirrored = rows.flat_map(|row| row.iter().rev().copied()).collect();
    let mirrored = GrayImage::from_vec(own.width(), own.height(), mirrored).unwrap();
    Some([own, mirrored])
}

fn crop(image: &GrayImage, rect: &Rect) -> GrayImage {
    let rect = rect.clamp(image.width(), image.height());
    let (x, y) = (rect.x as usize, rect.y as usize);
    let (width, height) = (rect.width as usize, rect.height as usize);
    let rows = image
        .pixels()
        .chunks_exact(image.width())
        .skip(y)
        .take(height);
    let pixels = rows.flat_map(|row| row[x..x + width].to_vec()).collect();
    GrayImage::from_vec(width, height, pixels).unwrap()
}

fn wall() -> GrayImage {
    let shade = |i: usize| 110 + ((i % WIDTH) / 16) as u8;
    let pixels = (0..WIDTH * HEIGHT).map(shade).collect();
    GrayImage::from_vec(WIDTH, HEIGHT, pixels).unwrap()
}

/// Puts `head` on `image` with its middle at (`x`, `y`).
fn paste(image: &mut GrayImage, head: &GrayImage, x: f32, y: f32) {
    let left = (x - head.width() as f32 / 2.0).round() as isize;
    let top = (y - head.height() as f32 / 2.0).round() as isize;
    for (row, line) in head.pixels().chunks_exact(head.width()).enumerate() {
        for (column, pixel) in line.iter().enumerate() {
            let (x, y) = (left + column as isize, top + row as isize);
            if (0..WIDTH as isize).contains(&x) && (0..HEIGHT as isize).contains(&y) {
                image.pixels_mut()[y as usize * WIDTH + x as usize] = *pixel;
            }
        }
    }
}

/// The face whose middle is near `x`.
fn at(faces: &[Face], x: f32) -> Option<&Face> {
    let far = |f: &Face| (f.rect.center().x - x).abs();
    let nearest = faces.iter().min_by(|a, b| far(a).total_cmp(&far(b)))?;
    (far(nearest) < 25.0).then_some(nearest)
}

#[test]
fn persons_who_cross_keep_their_ids() {
    let Some([woman, man]) = two_heads() else {
        return;
    };
    let mut finder = finder();
    let mut first = None;
    let mut last = Vec::new();
    let (mut woman_x, mut man_x) = (0.0, 0.0);
    for i in 0..80 {
        woman_x = 90.0 + 4.0 * i.clamp(8, 72) as f32;
        man_x = 480.0 - woman_x;
        let mut image = wall();
        paste(&mut image, &woman, woman_x, 130.0);
        paste(&mut image, &man, man_x, 135.0);
        last = finder.process(&view(&image)).unwrap();
        if i == 8 {
            first = at(&last, woman_x)
                .zip(at(&last, man_x))
                .map(|(w, m)| (w.id, m.id));
        }
    }
    let (woman_id, man_id) = first.expect("both are seen before they meet");
    assert_eq!(last.len(), 2, "{last:?}");
    assert_eq!(at(&last, woman_x).unwrap().id, woman_id, "{last:?}");
    assert_eq!(at(&last, man_x).unwrap().id, man_id, "{last:?}");
}

#[test]
fn a_face_hidden_for_a_moment_keeps_its_id() {
    let Some([_, man]) = two_heads() else { return };
    let mut finder = finder();
    let mut ids = Vec::new();
    for i in 0..50 {
        let mut image = wall();
        paste(&mut image, &man, 240.0, 135.0);
        if (20..30).contains(&i) {
            let cover = GrayImage::from_vec(110, 130, vec![60; 110 * 130]).unwrap();
            paste(&mut image, &cover, 240.0, 135.0);
        }
        let faces = finder.process(&view(&image)).unwrap();
        if i == 29 {
            assert!(faces.is_empty(), "nothing is seen of it: {faces:?}");
        }
        ids.push(at(&faces, 240.0).map(|f| f.id));
    }
    assert!(ids[19].is_some());
    assert_eq!(ids[49], ids[19], "{ids:?}");
}

#[test]
fn a_cut_to_another_person_gives_another_id_at_once() {
    let Some([woman, man]) = two_heads() else {
        return;
    };
    let mut finder = finder();
    let mut before = Vec::new();
    for _ in 0..10 {
        let mut image = wall();
        paste(&mut image, &woman, 120.0, 130.0);
        before = finder.process(&view(&image)).unwrap();
    }
    assert_eq!(before.len(), 1);
    // Another place: stripes in place of the even wall.
    let mut image = wall();
    for (i, pixel) in image.pixels_mut().iter_mut().enumerate() {
        *pixel = if (i % WIDTH / 40).is_multiple_of(2) {
            30
        } else {
            220
        };
    }
    paste(&mut image, &man, 360.0, 130.0);
    let after = finder.process(&view(&image)).unwrap();
    assert_eq!(after.len(), 1, "{after:?}");
    assert!((after[0].rect.center().x - 360.0).abs() < 25.0, "{after:?}");
    assert_ne!(after[0].id, before[0].id);
}

#[test]
fn who_comes_in_between_two_scans_is_found_by_the_change() {
    let Some([woman, _]) = two_heads() else {
        return;
    };
    let mut finder = FaceFinder::new(FinderConfig {
        interval: 100,
        ..FinderConfig::default()
    })
    .unwrap();
    finder.process(&view(&wall())).unwrap();
    let mut seen = None;
    for i in 1..60 {
        let mut image = wall();
        if i >= 26 {
            paste(&mut image, &woman, 200.0, 130.0);
        }
        if !finder.process(&view(&image)).unwrap().is_empty() {
            seen = seen.or(Some(i));
        }
    }
    assert!(seen.is_some_and(|i| i < 30), "{seen:?}");
    assert_eq!(finder.stats().full_scans, 1);
}

#[test]
fn ids_are_not_used_again_after_a_reset() {
    let Some([woman, man]) = two_heads() else {
        return;
    };
    let mut image = wall();
    paste(&mut image, &woman, 120.0, 130.0);
    paste(&mut image, &man, 360.0, 130.0);
    let mut finder = finder();
    let mut used = std::collections::HashSet::new();
    for _ in 0..3 {
        let faces = finder.process(&view(&image)).unwrap();
        assert_eq!(faces.len(), 2);
        assert!(faces.iter().all(|f| used.insert(f.id)), "{faces:?}");
        finder.reset();
    }
}

#[test]
fn a_steady_face_does_not_jitter() {
    let Some([_, man]) = two_heads() else { return };
    let mut finder = finder();
    let mut boxes = Vec::new();
    for i in 0..60u32 {
        let mut image = wall();
        paste(&mut image, &man, 240.0, 135.0);
        for (at, pixel) in image.pixels_mut().iter_mut().enumerate() {
            let noise = (at as u32 ^ i.wrapping_mul(40_503)).wrapping_mul(2_654_435_761) >> 29;
            *pixel = pixel.saturating_add(noise as u8);
        }
        boxes.extend(
            finder
                .process(&view(&image))
                .unwrap()
                .iter()
                .map(|f| f.rect),
        );
    }
    assert_eq!(boxes.len(), 60);
    let worst = boxes[10..]
        .windows(2)
        .map(|w| (w[1].center().x - w[0].center().x).hypot(w[1].center().y - w[0].center().y))
        .fold(0.0, f32::max);
    assert!(worst < 0.03 * boxes[30].width, "{worst} of {:?}", boxes[30]);
}

#[test]
fn the_same_frames_give_the_same_faces() {
    let real = clips::frames("head-pose-face-detection-female-and-male.gif");
    let Some(frames) = real.or_else(|| clip("demo.mkv")) else {
        return;
    };
    let run = || {
        let mut finder = finder();
        let faces = frames.iter().map(|f| finder.process(&view(f)).unwrap());
        faces.collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

/// A detector that takes its time, and always sees the same face.
struct Slow;

impl Detector for Slow {
    fn good_face_size(&self) -> f32 {
        20.0
    }

    fn tune(&mut self, _: Tuning) {}

    fn detect(&mut self, _: &GrayImage, scan: &Scan) -> Result<Vec<Detection>> {
        std::thread::sleep(Duration::from_millis(300));
        Ok(vec![Detection {
            rect: Rect::new(60.0, 30.0, 40.0, 40.0).intersect(&scan.region),
            confidence: Some(0.9),
            strong: true,
            ..Detection::default()
        }])
    }
}

#[test]
fn no_frame_waits_for_a_slow_detector() {
    let mut finder =
        FaceFinder::with_detector(FinderConfig::default(), Box::new(Slow), Threading::Worker)
            .unwrap();
    let image = wall();
    let (mut frames, mut first) = (0, None);
    // What is counted is frames that pass while one scan lasts, not time.
    while first.is_none() && frames < 1000 {
        let faces = finder.process(&view(&image)).unwrap();
        frames += 1;
        first = faces.first().cloned();
        std::thread::sleep(Duration::from_millis(10));
    }
    let face = first.expect("the detector's face arrives");
    assert!(
        frames > 5,
        "{frames} frames passed while the detector looked"
    );
    assert!(face.rect.iou(&Rect::new(60.0, 30.0, 40.0, 40.0)) >= 0.0);
    assert!(finder.stats().skipped > 0);
}

#[test]
fn what_was_seen_before_a_reset_is_dropped() {
    let mut finder =
        FaceFinder::with_detector(FinderConfig::default(), Box::new(Slow), Threading::Worker)
            .unwrap();
    let image = wall();
    assert!(finder.process(&view(&image)).unwrap().is_empty());
    finder.reset();
    std::thread::sleep(Duration::from_millis(400));
    assert!(finder.process(&view(&image)).unwrap().is_empty());
}

/// A detector that sees nothing, and does not even say so until it is let go.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Detector for Stuck {
    fn good_face_size(&self) -> f32 {
        20.0
    }

    fn tune(&mut self, _: Tuning) {}

    fn detect(&mut self, _: &GrayImage, _: &Scan) -> Result<Vec<Detection>> {
        // An error means that the test has ended, which is as good.
        let _ = self.0.recv();
        Ok(Vec::new())
    }
}

#[test]
fn a_frame_that_may_wait_has_its_own_faces() {
    let mut finder =
        FaceFinder::with_detector(FinderConfig::default(), Box::new(Slow), Threading::Worker)
            .unwrap();
    let faces = finder
        .process_within(&view(&wall()), Duration::MAX)
        .unwrap();
    assert_eq!(faces.len(), 1);
    assert_eq!(finder.stats().skipped, 0);
}

#[test]
fn a_frame_in_a_hurry_waits_no_longer() {
    let (let_go, stuck) = std::sync::mpsc::channel();
    let (done, result) = std::sync::mpsc::channel();
    let config = FinderConfig::default();
    let mut finder =
        FaceFinder::with_detector(config, Box::new(Stuck(stuck)), Threading::Worker).unwrap();
    let hurry = finder.hurry();
    std::thread::spawn(move || {
        let faces = finder.process_within(&view(&wall()), Duration::MAX);
        done.send(faces.unwrap().len()).unwrap();
    });
    std::thread::sleep(Duration::from_millis(30));
    hurry.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(result.recv_timeout(Duration::from_secs(60)), Ok(0));
    let_go.send(()).unwrap();
}

#[test]
fn a_finder_ends_though_its_detector_does_not() {
    let (let_go, stuck) = std::sync::mpsc::channel();
    let config = FinderConfig::default();
    let mut finder =
        FaceFinder::with_detector(config, Box::new(Stuck(stuck)), Threading::Worker).unwrap();
    finder.process(&view(&wall())).unwrap();
    // Were it waited for, the test would not come to its end.
    drop(finder);
    let_go.send(()).unwrap();
}

#[test]
fn a_tilted_face_is_found_within_half_a_second_and_followed_as_it_tilts_on() {
    let Some([_, man]) = two_heads() else { return };
    let mut still = stills::Still {
        image: wall(),
        faces: Vec::new(),
    };
    paste(&mut still.image, &man, 240.0, 135.0);
    for threading in [Threading::Inline, Threading::Worker] {
        let config = FinderConfig {
            detector: DetectorKind::Haar,
            ..FinderConfig::default()
        };
        let mut finder = FaceFinder::with_threading(config, threading).unwrap();
        let mut found = None;
        let mut last = Vec::new();
        for frame in 0..60 {
            // At 30 frames a second: a second at 35 degrees, then slowly upright.
            let degrees = 35.0 - (frame as f32 - 30.0).clamp(0.0, 25.0) * 1.4;
            let frame_image = still.tilted(degrees).image;
            // Each frame waits, so that frames count and not time.
            let shown = view(&frame_image);
            last = finder.process_within(&shown, Duration::MAX).unwrap();
            if !last.is_empty() {
                found = found.or(Some((frame, last[0].id)));
            }
        }
        let (frame, id) = found.expect("the tilted face is found");
        assert!(frame < 15, "{threading:?}: frame {frame}");
        assert_eq!(last.len(), 1, "{threading:?}: {last:?}");
        assert_eq!(last[0].id, id, "{threading:?}");
        assert!(last[0].tilt.unwrap_or(0.0).abs() < 0.4, "{last:?}");
    }
}
