//! The faces of one frame after another.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::scan::{Job, Near, Outcome};
use super::scene::Scene;
use super::search::{Now, Search};
use super::work::WorkImage;
use super::worker::Worker;

use super::choice::open;
use super::detect::{Detector, Scan};
use super::track::{Due, Looked, Patience, Tracker};
use super::{Face, FinderConfig};
use crate::{Frame, Point, Rect, Result};

/// Scans in an interval, at most, of parts that changed.
const CHANGES_AN_INTERVAL: u32 = 4;
/// Share of the picture from which a scan of a part is one of the whole.
const MOST: f32 = 0.6;

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
    /// Frames in which the detector should have looked, but was still looking at an
    /// earlier one.
    pub skipped: u64,
    /// Time spent on reading and scaling luma.
    pub scale_time: Duration,
    /// Time spent in the detector, in whichever thread.
    pub scan_time: Duration,
    /// Time spent on following faces and telling them apart.
    pub track_time: Duration,
}

/// The detector, in the thread where it runs.
enum Runner {
    Inline(Box<dyn Detector>),
    Worker(Worker),
}

/// In which thread the detector of a [`FaceFinder`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threading {
    /// In the calling thread: each frame has its own result, the same at every run.
    #[default]
    Inline,
    /// On a thread of its own: no frame waits.
    Worker,
}

/// Finds and follows faces.
pub struct FaceFinder {
    config: FinderConfig,
    runner: Runner,
    hurry: Arc<AtomicBool>,
    /// Side in pixels that a face should have for the detector.
    good_face_size: f32,
    work: WorkImage,
    scene: Scene,
    tracker: Tracker,
    search: Search,
    frame_size: (usize, usize),
    /// Frames since the last scan of the whole picture.
    since_full: u32,
    /// Frames since the last scan of the whole picture or a part that changed.
    since_part: u32,
    /// Whether a new scene has not been scanned yet.
    new_scene: bool,
    /// Whether a face went out of sight, and has not been looked for everywhere since.
    lost: bool,
    stats: FinderStats,
}

impl FaceFinder {
    /// A finder with its detector loaded, that looks in the calling thread.
    ///
    /// # Errors
    /// [`Error::Detector`](crate::Error::Detector) when the detector's file is missing or wrong,
    /// [`Error::Setting`](crate::Error::Setting) when a setting is out of range.
    pub fn new(config: FinderConfig) -> Result<Self> {
        Self::with_threading(config, Threading::Inline)
    }

    /// As [`FaceFinder::new`], looking in the thread asked for.
    ///
    /// # Errors
    /// As [`FaceFinder::new`], and when the system gives no thread.
    pub fn with_threading(config: FinderConfig, threading: Threading) -> Result<Self> {
        config.check()?;
        let detector = open(&config)?;
        Self::with_detector(config, detector, threading)
    }

    /// As [`FaceFinder::with_threading`], with a detector of the caller's; the files that
    /// `config` names are not opened unless it is changed to others.
    ///
    /// # Errors
    /// As [`FaceFinder::with_threading`].
    pub fn with_detector(
        config: FinderConfig,
        detector: Box<dyn Detector>,
        threading: Threading,
    ) -> Result<Self> {
        config.check()?;
        Ok(Self {
            good_face_size: detector.good_face_size(),
            search: Search::new(detector.further_views()),
            runner: match threading {
                Threading::Inline => Runner::Inline(detector),
                Threading::Worker => Runner::Worker(Worker::start(detector)?),
            },
            config,
            hurry: Arc::default(),
            work: WorkImage::new(),
            scene: Scene::new(),
            tracker: Tracker::new(),
            frame_size: (0, 0),
            since_full: 0,
            since_part: 0,
            new_scene: true,
            lost: false,
            stats: FinderStats::default(),
        })
    }

    /// The same finder with its detector on a thread of its own.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) when the system gives no thread.
    pub fn on_worker(self) -> Result<Self> {
        let runner = match self.runner {
            Runner::Inline(detector) => Runner::Worker(Worker::start(detector)?),
            away => away,
        };
        Ok(Self { runner, ..self })
    }

    /// In which thread the detector looks.
    pub fn threading(&self) -> Threading {
        match self.runner {
            Runner::Inline(_) => Threading::Inline,
            Runner::Worker(_) => Threading::Worker,
        }
    }

    /// A switch that can be set in any thread: while it is on, no frame waits for a detector
    /// on its own thread, and a wait under way ends.
    pub fn hurry(&self) -> Arc<AtomicBool> {
        self.hurry.clone()
    }

    /// The settings in use.
    pub fn config(&self) -> &FinderConfig {
        &self.config
    }

    /// Changes the settings. Faces are followed on, and the detector is loaded anew only
    /// when another one is asked for.
    ///
    /// # Errors
    /// As [`FaceFinder::with_threading`]; the old settings then stay.
    pub fn set_config(&mut self, config: FinderConfig) -> Result<()> {
        config.check()?;
        if !config.same_detector(&self.config) {
            let detector = open(&config)?;
            self.good_face_size = detector.good_face_size();
            self.search = Search::new(detector.further_views());
            self.runner = match self.runner {
                Runner::Inline(_) => Runner::Inline(detector),
                Runner::Worker(_) => Runner::Worker(Worker::start(detector)?),
            };
        }
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
        self.process_within(frame, Duration::ZERO)
    }

    /// As [`FaceFinder::process`], where a frame waits at most for `patience` for a detector
    /// on its own thread.
    ///
    /// # Errors
    /// As [`FaceFinder::process`].
    pub fn process_within(&mut self, frame: &Frame, patience: Duration) -> Result<Vec<Face>> {
        let start = Instant::now();
        self.load(frame)?;
        if self.scene.advance(self.work.image()) {
            self.new_scene = true;
            self.search.hurry();
            self.tracker.lose();
            if let Runner::Worker(worker) = &mut self.runner {
                worker.forget();
            }
        }
        let loaded = Instant::now();
        self.tracker.follow(self.work.image())?;
        let followed = Instant::now();
        let outcome = self.look(frame, patience)?;
        let looked = Instant::now();
        let faces = self.conclude(outcome)?;

        self.stats.frames += 1;
        self.stats.faces += faces.len() as u64;
        self.stats.scale_time += loaded - start;
        self.stats.track_time += (followed - loaded) + looked.elapsed();
        Ok(faces)
    }

    /// Forgets the faces followed, as after a seek; their ids are not used again.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.scene.reset();
        self.lost = false;
        if let Runner::Worker(worker) = &mut self.runner {
            worker.forget();
        }
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
                self.good_face_size / smallest
            }
            width => width as f32 / (frame.width() as f32 * frame.pixel_aspect()),
        };
        let before = self.work.scale();
        self.work.load(frame, scale)?;
        if self.work.scale() != before {
            self.tracker.rescale(self.work.scale().x / before.x);
            self.scene.reset();
        }
        Ok(())
    }

    /// Has the detector look where this frame calls for it. What it saw, in this frame or,
    /// carried forward, in an earlier one.
    fn look(&mut self, frame: &Frame, patience: Duration) -> Result<Option<Outcome>> {
        let start = Instant::now();
        let job = self.plan(frame);
        let outcome = match &mut self.runner {
            Runner::Inline(_) if job.is_empty() => None,
            Runner::Inline(detector) => {
                let outcome = job.run(&mut **detector, self.work.image(), || false);
                self.scanned(&outcome.job);
                Some(outcome)
            }
            Runner::Worker(worker) => {
                let patience = match job.is_empty() {
                    true => Duration::ZERO,
                    false => patience,
                };
                let earlier = worker.outcome(patience, &self.hurry)?;
                let mut own = None;
                if worker.is_busy() {
                    self.stats.skipped += u64::from(job.is_urgent());
                } else if !job.is_empty() {
                    worker.order(self.work.image().clone(), job.clone())?;
                    if !patience.is_zero() {
                        let left = patience.saturating_sub(start.elapsed());
                        own = worker.outcome(left, &self.hurry)?;
                    }
                    self.scanned(&job);
                }
                match earlier {
                    _ if own.is_some() => own.map(|(_, outcome)| outcome),
                    Some((then, mut outcome)) => {
                        if let Ok(found) = &mut outcome.found {
                            Tracker::carry(&then, self.work.image(), found)?;
                        }
                        Some(outcome)
                    }
                    None => None,
                }
            }
        };
        if let Some(outcome) = &outcome {
            self.stats.scan_time += outcome.took;
            self.stats.local_scans += outcome.parts;
            self.stats.full_scans += u64::from(outcome.job.whole);
        }
        Ok(outcome)
    }

    /// Notes that what `job` asks for is, or will be, scanned.
    fn scanned(&mut self, job: &Job) {
        let interval = self.config.interval;
        self.search.looked(&job.further, job.whole, interval);
        let Some(wide) = &job.wide else { return };
        self.scene.mark_scanned(&wide.region);
        self.since_part = 0;
        if job.whole {
            self.since_full = 0;
            self.new_scene = false;
            self.lost = false;
        }
    }

    /// Tells the tracker what was seen, and gives the faces to report.
    fn conclude(&mut self, outcome: Option<Outcome>) -> Result<Vec<Face>> {
        let (found, looked, fresh) = match outcome {
            None => (Vec::new(), Looked::Nowhere, false),
            Some(Outcome { job, found, .. }) => {
                let looked = if job.whole {
                    Looked::Everywhere
                } else {
                    Looked::For(job.near.iter().map(|near| near.id).collect())
                };
                (found?, looked, job.fresh)
            }
        };
        let patience = self.patience();
        let before = self.tracker.reported(&patience).count();
        let image = self.work.image();
        self.tracker
            .update(image, found, &looked, &patience, fresh)?;
        let faces = self.faces(&patience);
        self.lost |= faces.len() < before;
        if faces.len() > before {
            self.search.found();
        }
        Ok(faces)
    }

    fn patience(&self) -> Patience {
        Patience {
            coast: self.config.coast,
            memory: self.config.coast,
        }
    }

    /// Where the detector is to look in this frame.
    fn plan(&mut self, frame: &Frame) -> Job {
        let scale = self.work.scale();
        let (width, height) = (self.work.image().width(), self.work.image().height());
        let bounds = match &self.config.roi {
            Some(roi) => roi.stretch(scale.x, scale.y).clamp(width, height),
            None => Rect::new(0.0, 0.0, width as f32, height as f32),
        };
        let largest = match self.config.max_size {
            Some(size) => size.pixels(frame.height()),
            None => f32::INFINITY,
        };
        let everything = Scan {
            region: bounds,
            min: self.config.min_size.pixels(frame.height()) * scale.y,
            max: largest * scale.y,
            view: 0,
        };
        self.since_full = self.since_full.saturating_add(1);
        self.since_part = self.since_part.saturating_add(1);
        let known = self.tracker.places();
        let mut happened = self.new_scene || self.lost;
        let whole = happened || self.since_full >= self.config.interval;
        let (wide, whole) = if whole {
            (Some(everything), true)
        } else if self.since_part >= self.config.interval.div_ceil(CHANGES_AN_INTERVAL) {
            match self.scene.changed(&known) {
                Some(changed) => {
                    happened = true;
                    let side = everything.min;
                    let region = Rect::new(
                        changed.x - side,
                        changed.y - side,
                        changed.width + 2.0 * side,
                        changed.height + 2.0 * side,
                    );
                    let region = region.intersect(&bounds);
                    let most = region.area() > MOST * bounds.area();
                    let region = if most { bounds } else { region };
                    (
                        Some(Scan {
                            region,
                            ..everything
                        }),
                        most,
                    )
                }
                None => (None, false),
            }
        } else {
            (None, false)
        };
        let further = self.search.plan(&Now {
            nothing: known.is_empty(),
            lost: self.lost,
            happened,
            whole,
            at_once: self.new_scene && matches!(self.runner, Runner::Inline(_)),
        });
        let near = |due: Due| {
            let others = match due.missed {
                _ if due.on_probation => self.search.all_others(due.view),
                0 => Vec::new(),
                missed => self.search.others(due.view, missed),
            };
            Near {
                id: due.id,
                rect: due.rect,
                view: due.view,
                others,
            }
        };
        Job {
            everything,
            wide,
            whole,
            further,
            near: self.tracker.due().into_iter().map(near).collect(),
            known,
            bounds,
            fresh: self.new_scene,
            tuning: self.config.tuning(),
            min_confidence: self.config.min_confidence,
        }
    }

    fn faces(&self, patience: &Patience) -> Vec<Face> {
        let scale = self.work.scale();
        let (x, y) = (1.0 / scale.x, 1.0 / scale.y);
        self.tracker
            .reported(patience)
            .map(|track| Face {
                id: track.id,
                rect: track.rect().stretch(x, y),
                tilt: track
                    .tilt
                    .map(|tilt| (tilt.sin() * y).atan2(tilt.cos() * x)),
                confidence: track.confidence,
                landmarks: track.landmarks().map(|points| {
                    points.map(|p| Point {
                        x: p.x * x,
                        y: p.y * y,
                    })
                }),
                age: track.age,
                coasting: track.is_coasting(),
            })
            .collect()
    }
}
