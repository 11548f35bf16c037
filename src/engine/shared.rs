//! One engine for many streams: streams of a process that name the same model share it,
//! and faces that arrive together are run as one batch.

use std::collections::HashMap;
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
    queue: Mutex<Queue>,
    changed: Condvar,
    engine: Mutex<Box<dyn Engine>>,
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
}

/// The share of one stream in an engine.
struct Share {
    shared: Arc<Shared>,
    patience: Duration,
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
                queue: Mutex::default(),
                changed: Condvar::new(),
                engine: Mutex::new(own.engine),
            });
            engines.insert(key, Arc::downgrade(&shared));
            shared
        }
    };
    Ok(Selection {
        kind: shared.kind,
        reason: if joined {
            format!("{}, shared with another stream", shared.reason)
        } else {
            shared.reason.clone()
        },
        engine: Box::new(Share {
            shared,
            patience: options.batch_timeout,
        }),
    })
}

impl Engine for Share {
    fn run(&mut self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        let shared = &*self.shared;
        let mut queue = lock(&shared.queue);
        let ticket = queue.next;
        queue.next += 1;
        queue.waiting.push(Request {
            ticket,
            input: input.to_vec(),
            faces: batch,
            outputs: output.len(),
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

    fn runs(&self) -> Option<Runs> {
        Some(lock(&self.shared.queue).runs)
    }
}

impl Share {
    /// Collects what waits, and what comes within the patience, and runs it.
    fn run_batch<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let shared = &*self.shared;
        queue.collecting = true;
        let deadline = Instant::now() + self.patience;
        // When all streams wait, no other faces can come.
        while queue.waiting.len() < Arc::strong_count(&self.shared)
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
        let outcome = lock(&shared.engine)
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
