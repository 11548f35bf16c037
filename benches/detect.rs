//! Recall, precision and cost of face detection and tracking on clips with hand-checked
//! boxes, one line for each setting.
//!
//! `cargo bench --bench detect [-- WORD]` runs the settings whose name contains WORD. The
//! last column has, clip by clip, faces found of all and false ones added.

#[path = "../tests/clips/mod.rs"]
mod clips;

use std::collections::BTreeMap;
use std::path::PathBuf;

use fer::faces::detect::{Detector, DetectorKind, HaarDetector, Scan, Tuning};
use fer::faces::{FaceFinder, FaceSize, FinderConfig};
use fer::frame::GrayImage;
use fer::{Frame, Rect};

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
    by_clip: Vec<[u32; 3]>,
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
                    score.compare(persons, &found, &mut person_ids);
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
            score.by_clip.push([0, 1, 2].map(|i| after[i] - before[i]));
        }
        score
    }

    fn compare(&mut self, persons: &[Rect], found: &[Found], ids: &mut BTreeMap<usize, u64>) {
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
        for [hits, missed, wrong] in &self.by_clip {
            print!(" {hits}/{}+{wrong}", hits + missed);
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
    let mut all = Vec::new();
    for (name, boxes) in clips::boxes() {
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

    for cascade in ["default", "alt", "alt2", "alt_tree"] {
        for (scale_factor, min_neighbors) in [(1.25, 3), (1.1, 5)] {
            let name = format!("scan {cascade} {scale_factor} {min_neighbors}");
            if wanted(&name) {
                full_scans(&all, cascade, scale_factor, min_neighbors).print(&name);
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
                followed(&all, config).print(&name);
            }
        }
    }
    if wanted("default settings") {
        followed(&all, FinderConfig::default()).print("default settings");
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
            followed(&all, config).print(&name);
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

fn followed(clips: &[Clip], config: FinderConfig) -> Score {
    let mut finder = FaceFinder::new(config).unwrap();
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
