//! One engine for many streams: streams of a process that name the same model share it.
//!
//! On a processor each stream runs it by itself, at the same time as others: a batch of faces
//! takes as long there as one after the other. On a card, which does one thing at a time and
//! takes hardly longer for many faces than for one, faces that arrive together are run as one
//! batch. So they are at a server, where several batches may be on their way at a time.

mod joint;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::{Duration, Instant};

use super::remote::{self, Fallback, RemoteOptions, ServiceReport};
use super::{
    Engine, EngineKind, EngineOptions, ExecutionProvider, Runs, Selection, batches, pieces,
};
use crate::model::Precision;
use crate::sync::lock;
use crate::{Error, Model, Result};
use joint::{Joint, Terms};

/// What makes two engines the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    model: String,
    kind: EngineKind,
    threads: usize,
    execution_provider: ExecutionProvider,
    device: usize,
    precision: Precision,
    remote: Option<RemoteOptions>,
}

/// An engine that several streams run.
struct SharedEngine {
    kind: EngineKind,
    reason: String,
    way: Way,
}

enum Way {
    /// Each by itself.
    Apart(Box<dyn Engine>, Mutex<Runs>),
    /// Together.
    Joint(Joint),
}

/// One stream of those that have an engine.
struct Member {
    shared: Arc<SharedEngine>,
    terms: Arc<Terms>,
}

/// The part of one stream in an engine that several share; it can be asked and changed
/// from any thread, also while the engine runs.
#[derive(Clone)]
pub struct Membership {
    shared: Weak<SharedEngine>,
    terms: Arc<Terms>,
}

impl Membership {
    /// What the engine has run for all streams.
    pub fn runs(&self) -> Runs {
        match self.shared.upgrade().as_deref() {
            Some(SharedEngine {
                way: Way::Apart(_, runs),
                ..
            }) => *lock(runs),
            Some(SharedEngine {
                way: Way::Joint(joint),
                ..
            }) => joint.runs(),
            None => Runs::default(),
        }
    }

    /// Whether faces of several streams are run together, so that one may wait for another.
    pub fn is_joint(&self) -> bool {
        let shared = self.shared.upgrade();
        shared.is_some_and(|shared| matches!(shared.way, Way::Joint(_)))
    }

    /// Changes how long this stream waits for faces of others, where they are run together.
    pub fn set_patience(&self, patience: Duration) {
        self.terms.set_patience(patience);
        self.wake();
    }

    /// Whether this stream is in a hurry to end. While it is, nobody waits for more faces to
    /// join its own, and it does not wait for their values where they are run together: a run
    /// of its own fails at once.
    pub fn set_hurry(&self, hurry: bool) {
        self.terms.set_hurry(hurry);
        self.terms.set_leaving(hurry);
        self.wake();
    }

    /// Whether this stream is in a hurry to end, so that its runs fail.
    pub fn is_leaving(&self) -> bool {
        self.terms.is_leaving()
    }

    /// How the servers do that run the network; `None` where this machine does.
    pub fn service(&self) -> Option<ServiceReport> {
        match &self.shared.upgrade()?.way {
            Way::Apart(engine, _) => engine.service(),
            Way::Joint(joint) => joint.service(),
        }
    }

    fn wake(&self) {
        if let Some(shared) = self.shared.upgrade()
            && let Way::Joint(joint) = &shared.way
        {
            joint.wake();
        }
    }
}

/// The engines that are open, by what makes them the same. Each has a lock of its own, so that
/// the opening of one, which may take minutes, holds up only those who want the same.
static ENGINES: LazyLock<Mutex<HashMap<Key, Place>>> = LazyLock::new(Mutex::default);

/// Where an engine is while any stream has it.
type Place = Arc<Mutex<Weak<SharedEngine>>>;

/// The engine of this process for `model`, opened by the first stream that asks and closed
/// with the last.
///
/// # Errors
/// As [`super::open`].
pub(super) fn open(model: &Model, options: &EngineOptions) -> Result<Selection> {
    let key = Key {
        model: model.sha256(),
        kind: options.kind,
        threads: options.threads,
        execution_provider: options.execution_provider,
        device: options.device,
        precision: options.precision,
        remote: (options.kind == EngineKind::Remote).then(|| options.remote.clone()),
    };
    let place = if !options.shared {
        Place::default()
    } else {
        let mut engines = lock(&ENGINES);
        // One that is being opened is held by whoever opens it, and its lock too.
        engines.retain(|_, place| Arc::strong_count(place) > 1 || lock(place).strong_count() > 0);
        engines.entry(key).or_default().clone()
    };
    let mut place = lock(&place);
    let existing = place.upgrade();
    let joined = existing.is_some();
    let shared = match existing {
        Some(shared) => shared,
        None => {
            let own = super::open_own(model, options)?;
            let at_once = match (own.kind, options.execution_provider) {
                (EngineKind::TensorRt, _) | (EngineKind::OnnxRuntime, ExecutionProvider::Cuda) => 1,
                (EngineKind::Remote, _) => remote::UNDER_WAY,
                _ => 0,
            };
            let way = if at_once > 0 {
                let joint = Joint::new(own.engine, at_once).map_err(|why| Error::Engine {
                    engine: own.kind.name(),
                    reason: format!("no thread for it: {why}"),
                })?;
                Way::Joint(joint)
            } else {
                Way::Apart(own.engine, Mutex::default())
            };
            let shared = Arc::new(SharedEngine {
                kind: own.kind,
                reason: own.reason,
                way,
            });
            *place = Arc::downgrade(&shared);
            shared
        }
    };
    if let Way::Joint(joint) = &shared.way {
        joint.add_member(true);
    }
    let share = Member {
        terms: Arc::new(Terms::new(options.batch_timeout, options.max_batch)),
        shared: shared.clone(),
    };
    let spares = options.remote.fallback != Fallback::Error;
    if joined {
        match &shared.way {
            Way::Apart(engine, _) => pieces::check(&**engine, model)?,
            // Where no server serves there is nothing to check.
            Way::Joint(joint) if joint.service().is_some_and(|s| s.serving.is_none()) => (),
            Way::Joint(_) => {
                share.terms.set_hurry(true);
                let face = pieces::one_face(&share, model);
                share.terms.set_hurry(false);
                match face {
                    Ok(values) => pieces::is_as_said(&values, model)?,
                    // A start without servers is allowed, and one with late ones, too.
                    Err(why) if options.kind == EngineKind::Remote && spares => {
                        log::warn!("a stream that joins others: {why}");
                    }
                    Err(why) => return Err(pieces::refused(model, why)),
                }
            }
        }
    }
    Ok(Selection {
        kind: shared.kind,
        reason: if joined {
            format!("{}, shared with another stream", shared.reason)
        } else {
            shared.reason.clone()
        },
        engine: Box::new(share),
    })
}

impl Engine for Member {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let mut outcomes = self.run_in_batches(input, batch, batch.max(1), output);
        outcomes.pop().unwrap_or(Ok(()))
    }

    fn run_in_batches(
        &self,
        input: &[f32],
        faces: usize,
        most: usize,
        output: &mut [f32],
    ) -> Vec<Result<()>> {
        match &self.shared.way {
            Way::Apart(engine, runs) => batches(input, faces, most, output)
                .map(|(input, faces, output)| {
                    engine.run(input, faces, output)?;
                    lock(runs).add(faces);
                    Ok(())
                })
                .collect(),
            Way::Joint(joint) => {
                let kind = self.shared.kind;
                let named = |reason| Error::Engine {
                    engine: kind.name(),
                    reason,
                };
                let batches = batches(input, faces, most, output);
                let outcomes = joint.run(&self.terms, Instant::now(), batches);
                outcomes.into_iter().map(|o| o.map_err(named)).collect()
            }
        }
    }

    fn membership(&self) -> Option<Membership> {
        Some(Membership {
            shared: Arc::downgrade(&self.shared),
            terms: self.terms.clone(),
        })
    }
}

impl Drop for Member {
    /// Whoever waits for this stream's faces is told that none will come.
    fn drop(&mut self) {
        if let Way::Joint(joint) = &self.shared.way {
            joint.add_member(false);
        }
    }
}
