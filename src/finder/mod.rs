//! From a frame to the faces in it, followed over time.
//!
//! A frame's luma is scaled down once. The whole picture is scanned for faces rarely:
//! in the first frame of a scene, every [`FinderConfig::interval`] frames, and when a
//! face was lost; where something changed, that part is scanned sooner. Between scans
//! the faces are followed, and the detector looks at their neighbourhoods in turn.
//!
//! The same frames give the same faces.

mod config;
mod scene;
mod work;

pub use config::FinderConfig;

use std::time::{Duration, Instant};

use scene::Scene;
use work::WorkImage;

use crate::detect::{Detection, Detector, DetectorKind, HaarDetector, Scan, find_cascade};
use crate::track::{Patience, Tracker};
use crate::{Error, Frame, Point, Rect, Result};

/// How far around a known face the detector looks for it, in sides of its box.
const NEIGHBOURHOOD: f32 = 0.4;
/// Sizes looked for around a known face, relative to its size.
const NEAR_SIZES: (f32, f32) = (0.75, 1.35);
/// Intersection over union above which two detections are of one face.
const SAME: f32 = 0.4;
/// Share of the picture from which a scan of a part is one of the whole.
const MOST: f32 = 0.6;

/// A face in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Identity, stable while the face is followed and never given to another one.
    pub id: u64,
    /// The face's box.
    pub rect: Rect,
    /// How sure the detector was when it last saw the face, 0 to 1.
    pub confidence: Option<f32>,
    /// Right eye, left eye, nose, right and left corner of the mouth (as the person has
    /// them).
    pub landmarks: Option<[Point; 5]>,
    /// Frames since the face was first seen.
    pub age: u32,
    /// Whether the detector missed the face when it last looked, so that the box is
    /// carried on by the face's looks and motion.
    pub coasting: bool,
}

/// What a [`FaceFinder`] has done since it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinderStats {
    /// Frames processed.
    pub frames: u64,
    /// Scans of the whole picture.
    pub full_scans: u64,
    /// Scans of a part of the picture: around a known face, or where something changed.
    pub local_scans: u64,
    /// Faces reported, summed over the frames.
    pub faces: u64,
    /// Time spent on reading and scaling luma.
    pub scale_time: Duration,
    /// Time spent in the detector.
    pub scan_time: Duration,
    /// Time spent on following faces and telling them apart.
    pub track_time: Duration,
}

/// Finds and follows faces.
pub struct FaceFinder {
    config: FinderConfig,
    detector: Box<dyn Detector>,
    work: WorkImage,
    scene: Scene,
    tracker: Tracker,
    frame_size: (usize, usize),
    /// Frames since the last scan of the whole picture, and of any part that changed.
    since_full: u32,
    since_part: u32,
    /// Whether a face went out of sight in the last frame.
    lost: bool,
    stats: FinderStats,
}

impl FaceFinder {
    /// A finder with its detector loaded.
    ///
    /// # Errors
    /// [`Error::Detector`] when the detector's file is missing or wrong,
    /// [`Error::Setting`] when a setting is out of range.
    pub fn new(config: FinderConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            detector: open(&config)?,
            config,
            work: WorkImage::new(),
            scene: Scene::new(),
            tracker: Tracker::new(),
            frame_size: (0, 0),
            since_full: 0,
            since_part: 0,
            lost: false,
            stats: FinderStats::default(),
        })
    }

    /// The settings in use.
    pub fn config(&self) -> &FinderConfig {
        &self.config
    }

    /// Changes the settings. Faces are followed on, and the detector is loaded anew only
    /// when another one is asked for.
    ///
    /// # Errors
    /// As [`FaceFinder::new`]; the old settings then stay.
    pub fn set_config(&mut self, config: FinderConfig) -> Result<()> {
        config.check()?;
        if !config.same_detector(&self.config) {
            self.detector = open(&config)?;
        }
        self.detector.tune(config.tuning());
        self.config = config;
        // The next frame is scanned with the new settings.
        self.since_full = u32::MAX;
        Ok(())
    }

    /// The faces in the next frame, those known for longest first.
    ///
    /// # Errors
    /// When the detector fails.
    pub fn process(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        let start = Instant::now();
        self.load(frame)?;
        let cut = self.scene.advance(self.work.image());
        let loaded = Instant::now();

        if cut {
            self.tracker.lose();
        }
        self.tracker.follow(self.work.image())?;
        let followed = Instant::now();

        let found = self.scan(frame, cut)?;
        let scanned = Instant::now();

        let patience = self.patience();
        let before = self.tracker.reported(&patience).count();
        self.tracker
            .update(self.work.image(), found, &patience, cut)?;
        let faces = self.faces(&patience);
        self.lost = faces.len() < before;

        self.stats.frames += 1;
        self.stats.faces += faces.len() as u64;
        self.stats.scale_time += loaded - start;
        self.stats.scan_time += scanned - followed;
        self.stats.track_time += (followed - loaded) + scanned.elapsed();
        Ok(faces)
    }

    /// Forgets the faces followed, as after a seek; their ids are not used again.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.scene.reset();
        self.lost = false;
    }

    /// What was done since the finder was made.
    pub fn stats(&self) -> &FinderStats {
        &self.stats
    }

    fn load(&mut self, frame: &Frame) -> Result<()> {
        let size = (frame.width(), frame.height());
        if size != self.frame_size {
            self.reset();
            self.frame_size = size;
        }
        let scale = match self.config.work_width {
            0 => {
                let smallest = self.config.min_size.pixels(frame.height()).max(1.0);
                self.detector.good_face_size() / smallest
            }
            width => width as f32 / frame.width() as f32,
        };
        let before = self.work.scale();
        self.work.load(frame, scale.min(1.0))?;
        if self.work.scale() != before {
            self.tracker.rescale(self.work.scale() / before);
            self.scene.reset();
        }
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            coast: self.config.coast,
            memory: self.config.coast,
        }
    }

    /// Looks for faces where this frame calls for it.
    fn scan(&mut self, frame: &Frame, cut: bool) -> Result<Vec<Detection>> {
        let scale = self.work.scale();
        let (width, height) = (self.work.image().width(), self.work.image().height());
        let whole = match &self.config.roi {
            Some(roi) => roi.scale(scale).clamp(width, height),
            None => Rect::new(0.0, 0.0, width as f32, height as f32),
        };
        let largest = frame.width().min(frame.height()) as f32;
        let everything = Scan {
            region: whole,
            min: self.config.min_size.pixels(frame.height()) * scale,
            max: scale
                * self
                    .config
                    .max_size
                    .map_or(largest, |size| size.pixels(frame.height())),
        };
        let due = self.tracker.due();
        self.since_full = self.since_full.saturating_add(1);
        self.since_part = self.since_part.saturating_add(1);

        let mut found = Vec::new();
        if cut || self.lost || self.since_full >= self.config.interval {
            found = self.scan_region(&everything, true)?;
        } else if self.since_part >= self.config.interval.div_ceil(4) {
            let known: Vec<Rect> = self.tracker.places();
            if let Some(changed) = self.scene.changed(&known) {
                let side = everything.min;
                let region = Rect::new(
                    changed.x - side,
                    changed.y - side,
                    changed.width + 2.0 * side,
                    changed.height + 2.0 * side,
                );
                let region = region.intersect(&whole);
                let most = region.area() > MOST * whole.area();
                let region = if most { whole } else { region };
                let part = Scan {
                    region,
                    ..everything
                };
                found = self.scan_region(&part, most)?;
            }
        }
        for face in due {
            if found.iter().any(|d| d.rect.iou(&face) > SAME) {
                continue;
            }
            let side = face.width.max(face.height);
            let near = Scan {
                region: face.expand(NEIGHBOURHOOD).intersect(&whole),
                min: side * NEAR_SIZES.0,
                max: side * NEAR_SIZES.1,
            };
            self.stats.local_scans += 1;
            found.extend(self.detector.detect(self.work.image(), &near)?);
        }
        Ok(distinct(found))
    }

    /// Scans the whole picture, or a part of it, for faces of any size, and notes it.
    fn scan_region(&mut self, scan: &Scan, whole: bool) -> Result<Vec<Detection>> {
        let found = self.detector.detect(self.work.image(), scan)?;
        self.scene.mark_scanned(&scan.region);
        self.since_part = 0;
        if whole {
            self.since_full = 0;
            self.tracker.looked_everywhere();
            self.stats.full_scans += 1;
        } else {
            self.stats.local_scans += 1;
        }
        Ok(found)
    }

    fn faces(&self, patience: &Patience) -> Vec<Face> {
        let scale = 1.0 / self.work.scale();
        self.tracker
            .reported(patience)
            .map(|track| Face {
                id: track.id,
                rect: track.rect().scale(scale),
                confidence: track.confidence,
                landmarks: track.landmarks().map(|points| {
                    points.map(|p| Point {
                        x: p.x * scale,
                        y: p.y * scale,
                    })
                }),
                age: track.age,
                coasting: track.is_coasting(),
            })
            .collect()
    }
}

/// The surest of the detections of each face.
fn distinct(mut found: Vec<Detection>) -> Vec<Detection> {
    let surety = |d: &Detection| d.confidence.unwrap_or(0.0);
    found.sort_by(|a, b| surety(b).total_cmp(&surety(a)));
    let mut kept: Vec<Detection> = Vec::with_capacity(found.len());
    for detection in found {
        if kept.iter().all(|k| k.rect.iou(&detection.rect) <= SAME) {
            kept.push(detection);
        }
    }
    kept
}

fn open(config: &FinderConfig) -> Result<Box<dyn Detector>> {
    match config.detector {
        DetectorKind::Haar => {
            let path = match &config.cascade {
                Some(path) => path.clone(),
                None => find_cascade()?,
            };
            Ok(Box::new(HaarDetector::open(&path, config.tuning())?))
        }
        DetectorKind::YuNet => Err(Error::Setting(
            "the YuNet detector needs its ONNX file".into(),
        )),
    }
}
