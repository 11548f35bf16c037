//! Counts and means of an interval.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::meta::{Expression, FaceMeta};
use crate::record::{Frame, Origin, Person, Summary};

/// What the present interval has seen so far.
#[derive(Debug, Default)]
pub struct Interval {
    now: Option<Sums>,
}

#[derive(Debug)]
struct Sums {
    origin: Origin,
    start: Option<u64>,
    end: Option<u64>,
    timestamp: Option<u64>,
    began: Instant,
    frames: u64,
    faces: u64,
    most: u64,
    all: Means,
    people: BTreeMap<i32, (u64, Means)>,
}

/// Sums of probabilities, and of how many faces.
#[derive(Debug, Default)]
struct Means {
    sums: BTreeMap<String, f64>,
    count: u64,
}

impl Means {
    fn add(&mut self, face: &FaceMeta) {
        // All are nought where the network gave none.
        let is_read = |e: &&Expression| e.probabilities.iter().any(|(_, p)| *p > 0.0);
        let Some(expression) = face.expression.as_ref().filter(is_read) else {
            return;
        };
        self.count += 1;
        for (label, probability) in &expression.probabilities {
            match self.sums.get_mut(label) {
                Some(sum) => *sum += probability,
                None => {
                    self.sums.insert(label.clone(), *probability);
                }
            }
        }
    }

    fn means(&self) -> BTreeMap<String, f64> {
        let mean = |(label, sum): (&String, &f64)| (label.clone(), sum / self.count as f64);
        self.sums.iter().map(mean).collect()
    }
}

impl Interval {
    /// Adds a frame that ends at the stream time `end`, and gives the interval before it where
    /// that is `length` long: by stream time, or by the clock where the stream has none.
    pub fn add(
        &mut self,
        frame: &Frame,
        end: Option<u64>,
        faces: &[FaceMeta],
        length: Duration,
    ) -> Option<Summary> {
        let is_over = self.now.as_ref().is_some_and(|now| {
            let passed = match (now.start, frame.time) {
                (Some(start), Some(time)) => Duration::from_nanos(time.saturating_sub(start)),
                _ => now.began.elapsed(),
            };
            passed >= length
        });
        let summary = if is_over { self.end() } else { None };
        let now = self.now.get_or_insert_with(|| Sums {
            origin: frame.origin.clone(),
            start: frame.time,
            end,
            timestamp: None,
            began: Instant::now(),
            frames: 0,
            faces: 0,
            most: 0,
            all: Means::default(),
            people: BTreeMap::new(),
        });
        now.end = end;
        now.timestamp = frame.timestamp;
        now.frames += 1;
        now.faces += faces.len() as u64;
        now.most = now.most.max(faces.len() as u64);
        for face in faces {
            now.all.add(face);
            if face.id > 0 {
                let (frames, means) = now.people.entry(face.id).or_default();
                *frames += 1;
                means.add(face);
            }
        }
        summary
    }

    /// What there is of the present interval, which ends here.
    pub fn end(&mut self) -> Option<Summary> {
        let now = self.now.take()?;
        let people = now.people.iter().map(|(id, (frames, means))| {
            let probabilities = means.means();
            let best = probabilities.iter().max_by(|a, b| a.1.total_cmp(b.1));
            Person {
                id: *id,
                frames: *frames,
                label: best.map(|(label, _)| label.clone()),
                probabilities,
            }
        });
        Some(Summary {
            start: now.start,
            end: now.end,
            timestamp: now.timestamp,
            frames: now.frames,
            mean_faces: now.faces as f64 / now.frames as f64,
            most_faces: now.most,
            probabilities: now.all.means(),
            people: people.collect(),
            origin: now.origin,
        })
    }
}
