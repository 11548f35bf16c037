//! From a frame to the faces in it, followed over time.

mod config;

pub use config::FinderConfig;

use std::time::{Duration, Instant};

use crate::detect::{Detector, DetectorKind, HaarDetector, Scan, find_cascade};
use crate::frame::GrayImage;
use crate::{Error, Frame, Point, Rect, Result};

/// A face in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Identity, stable while the face is followed and never given to another one.
    pub id: u64,
    /// The face's box.
    pub rect: Rect,
    /// How sure the detector was when it last saw the face, 0 to 1.
    pub confidence: Option<f32>,
    /// Right eye, left eye, nose, right and left corner of the mouth.
    pub landmarks: Option<[Point; 5]>,
    /// Frames since the face was first seen.
    pub age: u32,
    /// Whether the box is carried forward: the detector did not see the face in this
    /// frame.
    pub coasting: bool,
}

/// What a [`FaceFinder`] has done since it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinderStats {
    /// Frames processed.
    pub frames: u64,
    /// Frames scanned in full.
    pub full_scans: u64,
    /// Neighbourhoods of known faces scanned.
    pub local_scans: u64,
    /// Faces reported, summed over the frames.
    pub faces: u64,
    /// Time spent on reading and scaling luma.
    pub scale_time: Duration,
    /// Time spent in the detector.
    pub scan_time: Duration,
    /// Time spent on tracking.
    pub track_time: Duration,
}

/// Finds and follows faces.
pub struct FaceFinder {
    config: FinderConfig,
    detector: Box<dyn Detector>,
    luma: GrayImage,
    next_id: u64,
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
            luma: GrayImage::default(),
            next_id: 1,
            stats: FinderStats::default(),
        })
    }

    /// The settings in use.
    pub fn config(&self) -> &FinderConfig {
        &self.config
    }

    /// Changes the settings. The detector is loaded anew only when it changed, and
    /// faces are followed on.
    ///
    /// # Errors
    /// As [`FaceFinder::new`]; the old settings then stay.
    pub fn set_config(&mut self, config: FinderConfig) -> Result<()> {
        config.check()?;
        self.detector = open(&config)?;
        self.config = config;
        Ok(())
    }

    /// The faces in the next frame.
    ///
    /// # Errors
    /// When the detector fails.
    pub fn process(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        let start = Instant::now();
        frame.copy_luma(&mut self.luma);
        let scaled = Instant::now();
        let scan = Scan {
            region: Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32),
            min: self.config.min_size.pixels(frame.height()),
            max: frame.width().min(frame.height()) as f32,
        };
        let found = self.detector.detect(&self.luma, &scan)?;
        self.stats.frames += 1;
        self.stats.full_scans += 1;
        self.stats.faces += found.len() as u64;
        self.stats.scale_time += scaled - start;
        self.stats.scan_time += scaled.elapsed();
        Ok(found
            .into_iter()
            .map(|d| {
                let id = self.next_id;
                self.next_id += 1;
                Face {
                    id,
                    rect: d.rect,
                    confidence: d.confidence,
                    landmarks: d.landmarks,
                    age: 0,
                    coasting: false,
                }
            })
            .collect())
    }

    /// Forgets the faces followed, as after a seek; their ids are not used again.
    pub fn reset(&mut self) {}

    /// What was done since the finder was made.
    pub fn stats(&self) -> &FinderStats {
        &self.stats
    }
}

fn open(config: &FinderConfig) -> Result<Box<dyn Detector>> {
    match config.detector {
        DetectorKind::Haar => {
            let path = match &config.cascade {
                Some(path) => path.clone(),
                None => find_cascade()?,
            };
            let detector = HaarDetector::open(&path, config.scale_factor, config.min_neighbors)?;
            Ok(Box::new(detector))
        }
        DetectorKind::YuNet => Err(Error::Setting(
            "the YuNet detector needs its ONNX file".into(),
        )),
    }
}
