//! One engine for many streams: streams of a process that name the same model share it,
//! and faces that arrive together are run as one batch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::tensorrt::Precision;
use super::{Engine, EngineKind, EngineOptions, Runs, Selection};
use crate::{Error, Model, Result};

/// What makes two engines the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    model: String,
    kind: EngineKind,
    threads: usize,
    device: usize,
    precision: Precision,
}

/// An engine and the faces that wait for it.
struct Shared {
    kind: EngineKind,
    reason: String,
    /// Streams that have a share.
    members: AtomicUsize,
    queue: Mutex<Queue>,
    changed: Condvar,
    engine: Box<dyn Engine>,
}

#[derive(Default)]
struct Queue {
    next: u64,
    waiting: Vec<Request>,
    /// Whether some thread collects a batch now.
    collecting: bool,
    runs: Runs,
    done: HashMap<u64, Result<Vec<f32>, String>>,
}

struct Request {
    ticket: u64,
    input: Vec<f32>,
    faces: usize,
    outputs: usize,
    terms: Arc<Terms>,
}

/// The share of one stream in an engine.
struct Share {
    shared: Arc<Shared>,
    terms: Arc<Terms>,
}

/// How long one stream waits for others.
#[derive(Default)]
struct Terms {
    /// Nanoseconds.
    patience: AtomicU64,
    hurried: AtomicBool,
}

/// The part of one stream in an engine that several share; it can be asked and changed
/// from any thread, also while the engine runs.
#[derive(Clone)]
pub struct Membership {
    shared: Weak<Shared>,
    terms: Arc<Terms>,
}

impl Membership {
    /// What the engine has run for all streams.
    pub fn runs(&self) -> Runs {
        let shared = self.shared.upgrade();
        shared.map_or_else(Runs::default, |shared| lock(&shared.queue).runs)
    }

    /// Changes how long this stream waits for faces of others.
    pub fn set_patience(&self, patience: Duration) {
        let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        self.terms.patience.store(patience, Ordering::Relaxed);
    }

    /// Whether this stream is in a hurry. While it is, nobody waits for more faces to join
    /// its own; a wait under way ends at once.
    pub fn set_hurry(&self, hurry: bool) {
        self.terms.hurried.store(hurry, Ordering::Relaxed);
        if let Some(shared) = self.shared.upgrade() {
            // Under the lock, so that it can't come between a look at it and the wait.
            let _queue = lock(&shared.queue);
            shared.changed.notify_all();
        }
    }
}

/// Faces in a joint batch after which nobody waits for more.
const FULL: usize = 16;

static ENGINES: LazyLock<Mutex<HashMap<Key, Weak<Shared>>>> = LazyLock::new(Mutex::default);

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
        device: options.device,
        precision: options.precision,
    };
    // Held while opening, so that two streams that start at once open one engine.
    let mut engines = lock(&ENGINES);
    engines.retain(|_, engine| engine.strong_count() > 0);
    let existing = engines.get(&key).and_then(Weak::upgrade);
    let joined = existing.is_some();
    let shared = match existing {
        Some(shared) => shared,
        None => {
            let own = super::open_own(model, options)?;
            let shared = Arc::new(Shared {
                kind: own.kind,
                reason: own.reason,
                members: AtomicUsize::new(0),
                queue: Mutex::default(),
                changed: Condvar::new(),
                engine: own.engine,
            });
            engines.insert(key, Arc::downgrade(&shared));
            shared
        }
    };
    shared.members.fetch_add(1, Ordering::Relaxed);
    let share = Share {
        terms: Arc::default(),
        shared: shared.clone(),
    };
    let membership = share.membership();
    membership.set_patience(options.batch_timeout);
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

impl Engine for Share {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let shared = &*self.shared;
        let mut queue = lock(&shared.queue);
        let ticket = queue.next;
        queue.next += 1;
        queue.waiting.push(Request {
            ticket,
            input: input.to_vec(),
            faces: batch,
            outputs: output.len(),
            terms: self.terms.clone(),
        });
        shared.changed.notify_all();
        let result = loop {
            if let Some(result) = queue.done.remove(&ticket) {
                break result;
            }
            queue = if queue.collecting {
                wait(&shared.changed, queue)
            } else {
                self.run_batch(queue)
            };
        };
        drop(queue);
        let values = result.map_err(|reason| Error::Engine {
            engine: shared.kind.name(),
            reason,
        })?;
        output.copy_from_slice(&values);
        Ok(())
    }

    fn membership(&self) -> Option<Membership> {
        Some(Share::membership(self))
    }
}

impl Drop for Share {
    /// Whoever waits for this stream's faces is told that none will come.
    fn drop(&mut self) {
        let _queue = lock(&self.shared.queue);
        self.shared.members.fetch_sub(1, Ordering::Relaxed);
        self.shared.changed.notify_all();
    }
}

impl Share {
    fn membership(&self) -> Membership {
        Membership {
            shared: Arc::downgrade(&self.shared),
            terms: self.terms.clone(),
        }
    }

    /// Collects what waits, and what comes within the patience, and runs it.
    fn run_batch<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let shared = &*self.shared;
        queue.collecting = true;
        let patience = Duration::from_nanos(self.terms.patience.load(Ordering::Relaxed));
        let deadline = Instant::now() + patience;
        let hurried = |request: &Request| request.terms.hurried.load(Ordering::Relaxed);
        // When all streams wait, no other faces can come.
        while queue.waiting.len() < shared.members.load(Ordering::Relaxed)
            && !queue.waiting.iter().any(hurried)
            && queue.waiting.iter().map(|r| r.faces).sum::<usize>() < FULL
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = shared
                .changed
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let requests = std::mem::take(&mut queue.waiting);
        drop(queue);

        let input: Vec<f32> = requests.iter().flat_map(|r| &r.input).copied().collect();
        let faces = requests.iter().map(|r| r.faces).sum();
        let mut output = vec![0.0; requests.iter().map(|r| r.outputs).sum()];
        let outcome = shared
            .engine
            .run(&input, faces, &mut output)
            .map_err(|e| match e {
                Error::Engine { reason, .. } => reason,
                other => other.to_string(),
            });

        let mut queue = lock(&shared.queue);
        queue.runs.add(faces);
        let mut rest = &output[..];
        for request in requests {
            let (own, after) = rest.split_at(request.outputs);
            rest = after;
            let result = outcome.clone().map(|()| own.to_vec());
            queue.done.insert(request.ticket, result);
        }
        queue.collecting = false;
        shared.changed.notify_all();
        queue
    }
}

/// A panic in another stream's thread leaves plain data behind, which stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two streams that share an engine, of which the first waits ever so long.
    fn pair(threads: usize) -> (Model, Selection, Selection) {
        let model = Model::bundled().unwrap();
        let options = EngineOptions {
            kind: EngineKind::Builtin,
            // Keeps this engine apart from those of other tests.
            threads,
            shared: true,
            batch_timeout: Duration::from_secs(3600),
            ..EngineOptions::default()
        };
        let [first, second] = [0; 2].map(|_| open(&model, &options).unwrap());
        (model, first, second)
    }

    /// Has `engine` run a face on a thread of its own; the result comes within a minute or
    /// the test fails.
    fn run(model: &Model, engine: Box<dyn Engine>, meanwhile: impl FnOnce()) {
        let (face, classes) = (model.info().input.len(), model.info().labels.len());
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut output = vec![0.0; classes];
            let outcome = engine.run(&vec![0.0; face], 1, &mut output);
            done.send(outcome.is_ok()).unwrap();
        });
        std::thread::sleep(Duration::from_millis(50));
        meanwhile();
        assert_eq!(result.recv_timeout(Duration::from_secs(60)), Ok(true));
    }

    #[test]
    fn who_is_in_a_hurry_waits_for_nobody() {
        let (model, first, second) = pair(61);
        let membership = first.engine.membership().unwrap();
        run(&model, first.engine, || membership.set_hurry(true));
        assert_eq!(membership.runs().faces, 1);
        drop(second);
    }

    #[test]
    fn nobody_waits_for_a_stream_that_has_ended() {
        let (model, first, second) = pair(62);
        run(&model, first.engine, || drop(second));
    }
}
