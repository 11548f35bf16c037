//! Recall, precision and cost of face detection and tracking on clips with hand-checked
//! boxes, and on pictures made of portraits, one line for each setting.
//!
//! There are two sets of each: detection is tuned by one and scored by the other. The clips'
//! sets are other frames of the same clips, those of the pictures are of other people.
//!
//! `cargo bench --bench detect [-- WORD]` runs the settings whose name contains WORD. The
//! last column has, clip by clip, faces found of all and false ones added, and CPU ms a frame.

#[path = "../tests/clips/mod.rs"]
mod clips;
#[path = "../tests/stills/mod.rs"]
mod stills;

use std::collections::BTreeMap;
use std::path::PathBuf;

use fer::faces::detect::{Detection, Detector, DetectorKind, HaarDetector, Scan, Tuning};
use fer::faces::{FaceFinder, FaceSize, FinderConfig, Threading};
use fer::frame::GrayImage;
use fer::{Frame, Rect};
use stills::{People, Still};

/// Intersection over union from which a box is that of a face.
const MATCH: f32 = 0.5;

struct Clip {
    name: String,
    frames: Vec<GrayImage>,
    boxes: clips::Boxes,
}

/// What a setting did on the clips.
#[derive(Default)]
struct Score {
    hits: u32,
    missed: u32,
    wrong: u32,
    switches: u32,
    frames: u32,
    cpu_ms: f64,
    slowest_ms: f64,
    /// Steps of the boxes' centers from frame to frame beyond those of a straight line,
    /// in sides of the box.
    jitter: f64,
    steps: u32,
    /// Where found boxes lie beside the hand-checked ones, as the network is shown them, which
    /// is a square of the longer side: differences of the centers across and down, in sides,
    /// and the logarithm of the side to the checked height.
    placed: [Vec<f64>; 3],
    by_clip: Vec<([u32; 3], f64)>,
    wrong_boxes: Vec<Rect>,
}

/// A box and, where faces are followed, whose it is.
type Found = (Rect, Option<u64>);

impl Score {
    fn run(clips: &[Clip], mut detect: impl FnMut(&GrayImage, bool) -> Vec<Found>) -> Self {
        let mut score = Score::default();
        for clip in clips {
            let mut person_ids: BTreeMap<usize, u64> = BTreeMap::new();
            let mut paths: BTreeMap<u64, Vec<(usize, Rect)>> = BTreeMap::new();
            let before = [score.hits, score.missed, score.wrong];
            let cpu_before = score.cpu_ms;
            for (i, frame) in clip.frames.iter().enumerate() {
                let start = cpu_ms();
                let found = detect(frame, i == 0);
                let ms = cpu_ms() - start;
                score.cpu_ms += ms;
                score.slowest_ms = score.slowest_ms.max(ms);
                score.frames += 1;
                for (rect, id) in &found {
                    paths.entry(id.unwrap_or(0)).or_default().push((i, *rect));
                }
                if let Some(persons) = clip.boxes.get(&i) {
                    let missed = score.compare(persons, &found, &mut person_ids);
                    if missed > 0 && std::env::var_os("FER_BENCH_WRONG").is_some() {
                        println!(
                            "    {} of {} missed in {} {i}",
                            missed,
                            persons.len(),
                            clip.name
                        );
                    }
                }
            }
            paths.remove(&0);
            for path in paths.values() {
                for w in path.windows(3).filter(|w| w[0].0 + 2 == w[2].0) {
                    let [a, b, c] = [0, 1, 2].map(|i| w[i].1.center());
                    let bend = (a.x - 2.0 * b.x + c.x).hypot(a.y - 2.0 * b.y + c.y);
                    score.jitter += f64::from(bend / w[1].1.width);
                    score.steps += 1;
                }
            }
            let after = [score.hits, score.missed, score.wrong];
            let ms = (score.cpu_ms - cpu_before) / clip.frames.len() as f64;
            let counts = [0, 1, 2].map(|i| after[i] - before[i]);
            score.by_clip.push((counts, ms));
        }
        score
    }

    /// How many of the persons are not found.
    fn compare(
        &mut self,
        persons: &[Rect],
        found: &[Found],
        ids: &mut BTreeMap<usize, u64>,
    ) -> u32 {
        let before = self.missed;
        let mut used = vec![false; found.len()];
        for (person, truth) in persons.iter().enumerate() {
            let best = (0..found.len())
                .filter(|&i| !used[i] && found[i].0.iou(truth) >= MATCH)
                .max_by(|&a, &b| found[a].0.iou(truth).total_cmp(&found[b].0.iou(truth)));
            let Some(best) = best else {
                self.missed += 1;
                continue;
            };
            used[best] = true;
            let (have, want) = (found[best].0.center(), truth.center());
            let side = found[best].0.width.max(found[best].0.height);
            let by = [
                (have.x - want.x) / side,
                (have.y - want.y) / side,
                (side / truth.height).ln(),
            ];
            for (list, value) in self.placed.iter_mut().zip(by) {
                list.push(f64::from(value));
            }
            self.hits += 1;
            if let Some(id) = found[best].1
                && ids.insert(person, id).is_some_and(|before| before != id)
            {
                self.switches += 1;
            }
        }
        for ((rect, _), _) in found.iter().zip(&used).filter(|(_, used)| !**used) {
            self.wrong += 1;
            self.wrong_boxes.push(*rect);
        }
        self.missed - before
    }

    fn print(&self, name: &str) {
        let percent = |part: u32, rest: u32| 100.0 * f64::from(part) / f64::from(part + rest);
        print!(
            "{name:34} recall {:5.1} %  precision {:5.1} %  cpu {:6.2} ms  slowest {:6.2} ms  \
             switches {}  jitter {:.4} |",
            percent(self.hits, self.missed),
            percent(self.hits, self.wrong),
            self.cpu_ms / f64::from(self.frames),
            self.slowest_ms,
            self.switches,
            self.jitter / f64::from(self.steps.max(1)),
        );
        if self.by_clip.len() < 20 {
            for ([hits, missed, wrong], ms) in &self.by_clip {
                print!(" {hits}/{}+{wrong} ({ms:.2})", hits + missed);
            }
        }
        println!();
        let [across, down, size] = self.placed.each_ref().map(|values| {
            let n = values.len().max(1) as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            format!("{mean:+.3} +- {:.3}", (squares / n).sqrt())
        });
        println!("    placed across {across}, down {down} sides; ln of size {size}");
        if std::env::var_os("FER_BENCH_WRONG").is_some() {
            for rect in &self.wrong_boxes {
                println!("    wrong: {rect:.0?}");
            }
        }
    }
}

fn main() {
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| {
        word.as_ref()
            .is_none_or(|word| name.contains(word.as_str()))
    };
    // The files of one run are the same in the other.
    for (set, boxes) in [
        ("tuning", clips::boxes()),
        ("scoring", clips::scoring_boxes()),
    ] {
        println!("\n{set} set: {} faces of clips", count(&boxes));
        on_clips(&read(boxes), &wanted);
    }
    for (set, people) in [("tuning", People::Tuning), ("scoring", People::Scoring)] {
        println!("\n{set} set: pictures");
        match stills::portraits(people) {
            Some(portraits) => on_stills(&portraits, &wanted),
            None => println!("skipped: the portraits are missing"),
        }
    }
}

fn count(boxes: &BTreeMap<String, clips::Boxes>) -> usize {
    boxes.values().flat_map(|c| c.values()).map(Vec::len).sum()
}

fn read(boxes: BTreeMap<String, clips::Boxes>) -> Vec<Clip> {
    let mut all = Vec::new();
    for (name, boxes) in boxes {
        match clips::frames(&name) {
            Some(frames) => all.push(Clip {
                name,
                frames,
                boxes,
            }),
            None => println!("skipped {name}: the file or its decoder is missing"),
        }
    }
    for clip in &all {
        println!("{} ({} frames)", clip.name, clip.frames.len());
    }
    all
}

/// Portraits upright, tilted, cut to the face, and in crowds.
fn on_stills(portraits: &[Still], wanted: &dyn Fn(&str) -> bool) {
    let mut random = stills::Random(1);
    let tilted = |degrees| portraits.iter().map(|p| p.tilted(degrees)).collect();
    let sets: [(&str, Vec<Still>); 6] = [
        ("upright", tilted(0.0)),
        ("tilted by 15", tilted(15.0)),
        ("tilted by 30", tilted(30.0)),
        ("tilted by -30", tilted(-30.0)),
        (
            "cut, 60 to 150 high",
            portraits
                .iter()
                .map(|p| p.cut(60 + random.below(91)))
                .collect(),
        ),
        ("crowds, 40 to 75 high", stills::crowds(portraits)),
    ];
    for (name, set) in sets {
        let clip = |(i, still): (usize, Still)| Clip {
            name: format!("{name} {i}"),
            boxes: [(0, still.faces)].into(),
            frames: vec![still.image],
        };
        let pictures: Vec<Clip> = set.into_iter().enumerate().map(clip).collect();
        for detector in [DetectorKind::Haar, DetectorKind::YuNet] {
            let name = format!("stills {detector:?} {name}");
            let yunet = clips::yunet();
            if !wanted(&name) || (detector == DetectorKind::YuNet && yunet.is_none()) {
                continue;
            }
            let config = FinderConfig {
                detector,
                yunet: yunet.filter(|_| detector == DetectorKind::YuNet),
                ..FinderConfig::for_stills()
            };
            followed(&pictures, config).print(&name);
        }
    }
}

fn on_clips(all: &[Clip], wanted: &dyn Fn(&str) -> bool) {
    for cascade in ["default", "alt", "alt2", "alt_tree"] {
        for (scale_factor, min_neighbors) in [(1.25, 3), (1.1, 5)] {
            let name = format!("scan {cascade} {scale_factor} {min_neighbors}");
            if wanted(&name) {
                full_scans(all, cascade, scale_factor, min_neighbors).print(&name);
            }
        }
    }
    for cascade in ["default", "alt", "alt2"] {
        for (share, scale_factor, min_neighbors) in [
            (0.125, 1.2, 3),
            (0.1, 1.2, 3),
            (0.0625, 1.2, 3),
            (0.125, 1.1, 3),
            (0.125, 1.2, 5),
        ] {
            let name = format!("follow {cascade} {share} {scale_factor} {min_neighbors}");
            if wanted(&name) {
                let config = FinderConfig {
                    cascade: Some(cascade_file(cascade)),
                    scale_factor,
                    min_neighbors,
                    min_size: FaceSize::Share(share),
                    ..FinderConfig::default()
                };
                followed(all, config).print(&name);
            }
        }
    }
    if wanted("default settings") {
        let config = FinderConfig {
            detector: DetectorKind::Haar,
            ..FinderConfig::default()
        };
        followed(all, config.clone()).print("default settings, Haar");
        let finder = usual_view_alone(config);
        run(all, finder).print("default settings, frontalface_alt2 alone");
    }
    if wanted("steady") {
        let clips: Vec<Clip> = all.iter().filter_map(to_and_fro).collect();
        let config = FinderConfig {
            detector: DetectorKind::Haar,
            ..FinderConfig::default()
        };
        followed(&clips, config.clone()).print("steady, 640x480, one face, Haar");
        let finder = usual_view_alone(config);
        run(&clips, finder).print("steady, frontalface_alt2 alone");
    }
    for share in [0.125, 0.0625] {
        let name = format!("follow yunet {share}");
        let yunet = clips::yunet();
        if wanted(&name) && yunet.is_some() {
            let config = FinderConfig {
                detector: DetectorKind::YuNet,
                yunet,
                min_size: FaceSize::Share(share),
                ..FinderConfig::default()
            };
            followed(all, config).print(&name);
        }
    }
}

/// Every frame scanned at full size for faces of 30 pixels and more, as GStreamer's
/// `facedetect` does.
fn full_scans(clips: &[Clip], cascade: &str, scale_factor: f64, min_neighbors: u32) -> Score {
    let tuning = Tuning {
        scale_factor,
        min_neighbors,
    };
    let mut detector = HaarDetector::open(&cascade_file(cascade), tuning).unwrap();
    Score::run(clips, |image, _| {
        let (width, height) = (image.width() as f32, image.height() as f32);
        let scan = Scan {
            region: Rect::new(0.0, 0.0, width, height),
            min: 30.0,
            max: width.min(height),
            view: 0,
        };
        let found = detector.detect(image, &scan).unwrap();
        let strong = found.into_iter().filter(|d| d.strong);
        strong.map(|d| (d.rect, None)).collect()
    })
}

/// A cascade that looks only as it usually does: upright, from the front.
struct UsualView(HaarDetector);

impl Detector for UsualView {
    fn good_face_size(&self) -> f32 {
        self.0.good_face_size()
    }

    fn tune(&mut self, tuning: Tuning) {
        self.0.tune(tuning);
    }

    fn detect(&mut self, image: &GrayImage, scan: &Scan) -> fer::Result<Vec<Detection>> {
        self.0.detect(image, scan)
    }
}

fn usual_view_alone(config: FinderConfig) -> FaceFinder {
    let tuning = Tuning {
        scale_factor: config.scale_factor,
        min_neighbors: config.min_neighbors,
    };
    let detector = HaarDetector::open(&cascade_file("alt2"), tuning).unwrap();
    let detector = Box::new(UsualView(detector));
    FaceFinder::with_detector(config, detector, Threading::Inline).unwrap()
}

/// A clip of 640x480 shown five times forth and back, as a video of some 20 s without a cut.
fn to_and_fro(clip: &Clip) -> Option<Clip> {
    if clip.frames.first()?.width() != 640 {
        return None;
    }
    let there = clip.frames.iter();
    let frames: Vec<GrayImage> = there.clone().chain(there.rev()).cloned().collect();
    Some(Clip {
        name: clip.name.clone(),
        frames: (0..5).flat_map(|_| frames.clone()).collect(),
        boxes: clip.boxes.clone(),
    })
}

fn followed(clips: &[Clip], config: FinderConfig) -> Score {
    run(clips, FaceFinder::new(config).unwrap())
}

fn run(clips: &[Clip], mut finder: FaceFinder) -> Score {
    let score = Score::run(clips, |image, first| {
        if first {
            finder.reset();
        }
        let frame = Frame::gray(image.pixels(), image.width(), image.height()).unwrap();
        let faces = finder.process(&frame).unwrap();
        faces.into_iter().map(|f| (f.rect, Some(f.id))).collect()
    });
    println!("{:?}", finder.stats());
    score
}

fn cascade_file(name: &str) -> PathBuf {
    let found = fer::faces::detect::find_cascade().unwrap();
    found.with_file_name(format!("haarcascade_frontalface_{name}.xml"))
}

/// CPU time of this thread in milliseconds.
fn cpu_ms() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock exists on Linux, and `time` is valid for writes.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6
}
