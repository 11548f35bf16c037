//! Faces that keep their identity from frame to frame.
//!
//! A face that was found is followed by a small picture of it, which is searched again
//! near the place where the face should be by its velocity. From time to time the
//! detector looks at that neighbourhood and corrects the box. Detections are given to
//! faces in steps, after ByteTrack (Zhang et al. 2022): first the strong ones, then the
//! weak ones, which can keep a face but not begin one, and last, strong ones that are
//! left may be faces that had been lost, if they look alike.

mod appearance;
mod assign;
mod motion;

use std::cmp::Reverse;

use appearance::{Appearance, Sighting};
use assign::{Pair, best_first, is_ambiguous};
use motion::Motion;

use super::detect::Detection;
use crate::frame::GrayImage;
use crate::{Point, Rect, Result};

/// Frames from one look of the detector at a face that it sees to the next.
const LOOK_EVERY: u64 = 3;
/// Frames for which the detector looks at a face it misses in every frame, before it
/// does so every [`LOOK_EVERY`] frames.
const LOOK_HARD: u32 = 6;
/// Correlation above which a face's picture is found again.
const FOUND: f32 = 0.6;
/// Correlation below which the picture is renewed, because the face has changed.
const STALE: f32 = 0.85;
/// Frames for which a face of which nothing at all is seen is still reported.
const BLIND_REPORTED: u32 = 3;
/// Looks in which a new face must be seen well before it is reported. In a new scene it
/// is reported at once, and dropped if the next look misses it.
const LOOKS_TO_BELIEVE: u32 = 2;
/// Intersection over union above which two boxes are of one face.
const SAME: f32 = 0.4;
/// Intersection over union from which a detection may be of a face that is followed.
const NEAR: f32 = 0.2;
/// Share of a face's box by which the head reaches beyond it on every side.
const HEAD: f32 = 0.35;
/// Sides of its box from where a face was lost within which it may come back.
const REACH: f32 = 2.0;
/// By how much its box may have grown or shrunk when it comes back.
const RESIZED: f32 = 1.5;

/// Where the detector has looked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Looked {
    /// It has not.
    Nowhere,
    /// Near the faces of these ids.
    For(Vec<u64>),
    /// In the whole picture.
    Everywhere,
}

impl Looked {
    fn for_face(&self, id: u64) -> bool {
        match self {
            Looked::Nowhere => false,
            Looked::For(ids) => ids.contains(&id),
            Looked::Everywhere => true,
        }
    }
}

/// A face near which the detector is to look.
pub(crate) struct Due {
    pub id: u64,
    pub rect: Rect,
    /// The view in which it was last seen.
    pub view: usize,
    /// Frames for which it has been missed.
    pub missed: u32,
    /// Whether it is dropped if it is missed now.
    pub on_probation: bool,
}

/// How long faces are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Frames for which a face is reported that the detector does not see, but that is
    /// followed by its picture.
    pub coast: u32,
    /// Frames for which a face that is no longer reported can come back.
    pub memory: u32,
}

/// A face that is followed; all in pixels of the picture.
pub(crate) struct Track {
    /// Never used again.
    pub id: u64,
    /// Confidence of its last detection.
    pub confidence: Option<f32>,
    /// Frames since it was first seen.
    pub age: u32,
    /// By how much it was turned in the plane of the picture, in radians, where that is known.
    pub tilt: Option<f32>,
    /// The view in which it was last seen.
    view: usize,
    motion: Motion,
    appearance: Appearance,
    landmarks: Option<([Point; 5], Rect)>,
    /// Times that the detector saw it well.
    looks: u32,
    /// Frames since it did so.
    unproven: u32,
    /// Whether it may be reported.
    believed: bool,
    /// Frames since the detector saw it.
    unseen: u32,
    /// Frames since anything was seen of it.
    blind: u32,
}

impl Track {
    /// Its box.
    pub fn rect(&self) -> Rect {
        self.motion.rect()
    }

    /// Whether the detector missed it when it last looked.
    pub fn is_coasting(&self) -> bool {
        u64::from(self.unseen) >= LOOK_EVERY
    }

    /// Its landmarks, moved along with the box since they were detected.
    pub fn landmarks(&self) -> Option<[Point; 5]> {
        let (points, then) = self.landmarks?;
        let now = self.rect();
        let (kx, ky) = (now.width / then.width, now.height / then.height);
        Some(points.map(|p| Point {
            x: now.x + (p.x - then.x) * kx,
            y: now.y + (p.y - then.y) * ky,
        }))
    }

    fn is_reported(&self, patience: &Patience) -> bool {
        self.believed
            && self.blind <= BLIND_REPORTED
            && self.unseen <= patience.coast
            && self.unproven <= 2 * patience.coast
    }

    /// Whether the detector has to see it again, lest it was a mistake.
    fn on_probation(&self) -> bool {
        self.looks < LOOKS_TO_BELIEVE
    }

    /// Takes a detection for this face; `covered` says that another face may cover a part of
    /// it, so that its picture is better kept.
    fn see(&mut self, image: &GrayImage, detection: Detection, covered: bool) -> Result<()> {
        let lost = self.blind > BLIND_REPORTED;
        if lost {
            self.motion = Motion::new(detection.rect);
        } else {
            self.motion.correct(detection.rect);
        }
        self.landmarks = detection.landmarks.map(|l| (l, detection.rect));
        self.confidence = detection.confidence;
        self.tilt = detection.tilt;
        self.view = detection.view;
        if detection.strong {
            self.looks += 1;
            self.unproven = 0;
            self.believed |= self.looks >= LOOKS_TO_BELIEVE;
        }
        self.unseen = 0;
        self.blind = 0;
        if lost || !covered {
            self.appearance = Appearance::capture(image, &self.rect());
        }
        Ok(())
    }
}

/// The faces followed, and those lost of late.
pub(crate) struct Tracker {
    tracks: Vec<Track>,
    next_id: u64,
    frame: u64,
}

impl Tracker {
    pub fn new() -> Self {
        Self {
            tracks: Vec::new(),
            next_id: 1,
            frame: 0,
        }
    }

    /// Forgets all faces. Their ids are not used again.
    pub fn reset(&mut self) {
        self.tracks.clear();
    }

    /// Loses all faces from sight, as at the cut to another scene; those that the detector
    /// sees at once where they were, looking the same, come back.
    pub fn lose(&mut self) {
        for track in &mut self.tracks {
            track.blind = BLIND_REPORTED + 1;
            track.motion = Motion::new(track.rect());
        }
    }

    /// Multiplies all places by `factor`, for a picture of another size of the same view.
    pub fn rescale(&mut self, factor: f32) {
        for track in &mut self.tracks {
            track.motion.rescale(factor);
        }
    }

    /// The boxes of all faces in sight.
    pub fn places(&self) -> Vec<Rect> {
        let in_sight = self.tracks.iter().filter(|t| t.blind <= BLIND_REPORTED);
        in_sight.map(Track::rect).collect()
    }

    /// The faces to report, oldest first.
    pub fn reported<'a>(&'a self, patience: &'a Patience) -> impl Iterator<Item = &'a Track> {
        self.tracks.iter().filter(|t| t.is_reported(patience))
    }

    /// Begins a frame: moves each face to where its picture is found again, else on by its
    /// velocity.
    pub fn follow(&mut self, image: &GrayImage) -> Result<()> {
        self.frame += 1;
        for track in &mut self.tracks {
            track.age += 1;
            track.unproven += 1;
            track.unseen += 1;
            track.blind += 1;
            track.motion.predict();
        }
        let mut sightings = Vec::with_capacity(self.tracks.len());
        for track in &self.tracks {
            // Where a lost face could be now is too large a place to search.
            sightings.push(if track.blind > BLIND_REPORTED + 1 {
                None
            } else {
                let found = track.appearance.find(image, &track.rect());
                Some(found).filter(|s| s.score >= FOUND)
            });
        }
        let meets: Vec<bool> = (0..self.tracks.len()).map(|i| self.meets(i)).collect();
        for (i, track) in self.tracks.iter_mut().enumerate() {
            // Of two faces found at one place, the one that looks more like it is there,
            // and the other one is behind it.
            let hidden = |s: &Sighting| {
                sightings.iter().enumerate().any(|(j, other)| {
                    other.is_some_and(|o| {
                        j != i && o.rect.iou(&s.rect) > SAME && (o.score, j) > (s.score, i)
                    })
                })
            };
            if let Some(sighting) = sightings[i].filter(|s| !hidden(s)) {
                track.motion.place(sighting.rect);
                track.blind = 0;
                // A face that another one begins to cover has not changed: a new picture
                // would show some of the other, and go away with it.
                if sighting.score < STALE && !meets[i] {
                    track.appearance = Appearance::capture(image, &sighting.rect);
                }
            }
        }
        Ok(())
    }

    /// Whether the face at index `i` is so near to another one in sight that the head of
    /// one may cover some of the other.
    fn meets(&self, i: usize) -> bool {
        let own = self.tracks[i].rect();
        let others = self.tracks.iter().enumerate().filter(|(j, _)| *j != i);
        let mut in_sight = others.filter(|(_, t)| t.believed && t.blind <= BLIND_REPORTED + 1);
        in_sight.any(|(_, t)| t.rect().expand(HEAD).iou(&own) > 0.0)
    }

    /// The faces near which the detector shall look in this frame.
    pub fn due(&self) -> Vec<Due> {
        let is_due = |t: &&Track| {
            let turn = (self.frame + t.id).is_multiple_of(LOOK_EVERY);
            let missed = t.unseen > LOOK_EVERY as u32 && t.unseen <= LOOK_HARD;
            turn || missed || t.on_probation()
        };
        let due = self.tracks.iter().filter(is_due);
        due.map(|t| Due {
            id: t.id,
            rect: t.rect(),
            view: t.view,
            missed: t.unseen.saturating_sub(LOOK_EVERY as u32),
            on_probation: t.on_probation(),
        })
        .collect()
    }

    /// Moves detections made in the picture `then` to where the same faces are in `now`,
    /// where they can be found again.
    pub fn carry(then: &GrayImage, now: &GrayImage, found: &mut [Detection]) -> Result<()> {
        for detection in found {
            let face = Appearance::capture(then, &detection.rect);
            let seen = face.find(now, &detection.rect);
            if seen.score >= FOUND {
                let (dx, dy) = (
                    seen.rect.x - detection.rect.x,
                    seen.rect.y - detection.rect.y,
                );
                detection.shift(dx, dy);
            }
        }
        Ok(())
    }

    /// Ends a frame with what the detector saw in it. `fresh` says that a new face is to
    /// be believed at once, as in the first frame of a scene.
    pub fn update(
        &mut self,
        image: &GrayImage,
        detections: Vec<Detection>,
        looked: &Looked,
        patience: &Patience,
        fresh: bool,
    ) -> Result<()> {
        let (mut strong, mut weak): (Vec<_>, Vec<_>) =
            detections.into_iter().partition(|d| d.strong);
        for detections in [&mut strong, &mut weak] {
            let pairs = best_first(self.near(image, detections)?);
            self.give(image, pairs, detections)?;
        }
        let pairs = best_first(self.alike(image, &strong)?);
        self.give(image, pairs, &mut strong)?;
        for detection in strong {
            let known = |t: &Track| t.blind == 0 && t.rect().iou(&detection.rect) > SAME;
            if !self.tracks.iter().any(known) {
                self.begin(image, detection, fresh)?;
            }
        }
        for track in &mut self.tracks {
            if track.blind == 0 {
                track.motion.learn();
            } else {
                track.motion.fade();
            }
        }
        self.forget(image, looked, patience);
        Ok(())
    }

    /// Pairs of detections and the faces followed that overlap them and have no detection
    /// yet. Where there is a choice, looks count as much as place.
    fn near(&self, image: &GrayImage, detections: &[Detection]) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for (track, t) in self.tracks.iter().enumerate() {
            if t.unseen == 0 || t.blind > BLIND_REPORTED {
                continue;
            }
            for (detection, d) in detections.iter().enumerate() {
                let score = t.rect().iou(&d.rect);
                if score >= NEAR {
                    pairs.push(Pair {
                        track,
                        detection,
                        score,
                    });
                }
            }
        }
        for i in 0..pairs.len() {
            let pair = pairs[i];
            if is_ambiguous(&pairs, &pair) {
                let place = detections[pair.detection].rect;
                let seen = self.tracks[pair.track].appearance.find(image, &place);
                pairs[i].score += seen.score;
            }
        }
        Ok(pairs)
    }

    /// Pairs of detections and lost faces that look alike and are not too far away.
    fn alike(&self, image: &GrayImage, detections: &[Detection]) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for (track, t) in self.tracks.iter().enumerate() {
            if t.blind <= BLIND_REPORTED {
                continue;
            }
            for (detection, d) in detections.iter().enumerate() {
                let (then, now) = (t.rect(), d.rect);
                let (from, to) = (then.center(), now.center());
                let far = (to.x - from.x).hypot(to.y - from.y);
                let ratio = now.width / then.width;
                if far > REACH * now.width || !(1.0 / RESIZED..=RESIZED).contains(&ratio) {
                    continue;
                }
                let score = t.appearance.find(image, &now).score;
                if score >= FOUND {
                    pairs.push(Pair {
                        track,
                        detection,
                        score,
                    });
                }
            }
        }
        Ok(pairs)
    }

    /// Gives detections to their faces, and takes them from the list.
    fn give(
        &mut self,
        image: &GrayImage,
        mut pairs: Vec<(usize, usize)>,
        detections: &mut Vec<Detection>,
    ) -> Result<()> {
        pairs.sort_unstable_by_key(|&(_, detection)| Reverse(detection));
        for (track, detection) in pairs {
            let covered = self.meets(track);
            self.tracks[track].see(image, detections.remove(detection), covered)?;
        }
        Ok(())
    }

    fn begin(&mut self, image: &GrayImage, detection: Detection, fresh: bool) -> Result<()> {
        self.tracks.push(Track {
            id: self.next_id,
            confidence: detection.confidence,
            age: 0,
            tilt: detection.tilt,
            view: detection.view,
            motion: Motion::new(detection.rect),
            appearance: Appearance::capture(image, &detection.rect),
            landmarks: detection.landmarks.map(|l| (l, detection.rect)),
            looks: 1,
            unproven: 0,
            believed: fresh,
            unseen: 0,
            blind: 0,
        });
        self.next_id += 1;
        Ok(())
    }

    /// Drops faces that were lost for too long or that left the picture, and those on
    /// probation that the detector missed.
    fn forget(&mut self, image: &GrayImage, looked: &Looked, patience: &Patience) {
        let (width, height) = (image.width() as f32, image.height() as f32);
        self.tracks.retain(|t| {
            let c = t.rect().center();
            let inside = (0.0..width).contains(&c.x) && (0.0..height).contains(&c.y);
            let refuted = t.on_probation() && t.unseen > 0 && looked.for_face(t.id);
            let expired = t.unseen > patience.coast + patience.memory
                || t.blind > BLIND_REPORTED + patience.memory;
            inside && !refuted && !expired
        });
    }
}
