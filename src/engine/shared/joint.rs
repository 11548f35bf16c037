//! Faces of several streams, run as one batch: a queue that owns what waits, and threads that
//! run it, one for each batch that may run at a time.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::{Engine, Runs, ServiceReport};
use crate::sync::lock;

/// How one stream wants its faces to be run.
pub struct Terms {
    /// Nanoseconds that it waits for faces of others.
    patience: AtomicU64,
    /// Whether it waits for nobody now.
    hurried: AtomicBool,
    /// Most faces of a batch with its own.
    most: AtomicUsize,
    wait: Mutex<Wait>,
    /// Its batches that wait or are being run; changed under the queue's lock alone.
    jobs: AtomicUsize,
}

/// A stream's wait for the values of its faces.
#[derive(Default)]
struct Wait {
    /// Whether it waits no longer.
    leaving: bool,
    /// End the waits under way, by their numbers.
    answers: HashMap<u64, Vec<Answer>>,
    /// Of the latest wait.
    number: u64,
}

/// Takes the outcome; whoever waits no longer has dropped the other end.
type Answer = SyncSender<Result<Vec<f32>, String>>;

impl Terms {
    /// Terms of a stream that waits that long, for at most that many faces in all.
    pub fn new(patience: Duration, most: usize) -> Self {
        let terms = Self {
            patience: AtomicU64::new(0),
            hurried: AtomicBool::new(false),
            most: AtomicUsize::new(most.max(1)),
            wait: Mutex::default(),
            jobs: AtomicUsize::new(0),
        };
        terms.set_patience(patience);
        terms
    }

    /// Changes how long it waits.
    pub fn set_patience(&self, patience: Duration) {
        let patience = u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
        self.patience.store(patience, Ordering::Relaxed);
    }

    /// Has it wait for nobody, or again.
    pub fn set_hurry(&self, hurry: bool) {
        self.hurried.store(hurry, Ordering::Relaxed);
    }

    /// Has it leave the wait for its values, and not begin another, or wait again.
    pub fn set_leaving(&self, leaving: bool) {
        let mut wait = lock(&self.wait);
        wait.leaving = leaving;
        if leaving {
            for answer in wait.answers.drain().flat_map(|(_, answers)| answers) {
                // One that has been answered meanwhile stays so.
                let _ = answer.try_send(Err(LEFT.to_owned()));
            }
        }
    }

    /// Whether it has.
    pub fn is_leaving(&self) -> bool {
        lock(&self.wait).leaving
    }

    /// Begins a wait that `answers` end; its number.
    fn begin(&self, answers: Vec<Answer>) -> Result<u64, String> {
        let mut wait = lock(&self.wait);
        if wait.leaving {
            return Err(LEFT.to_owned());
        }
        wait.number += 1;
        let number = wait.number;
        wait.answers.insert(number, answers);
        Ok(number)
    }

    fn end(&self, number: u64) {
        lock(&self.wait).answers.remove(&number);
    }
}

const LEFT: &str = "the stream has ended";

/// Faces of one stream that wait.
struct Job {
    input: Vec<f32>,
    faces: usize,
    outputs: usize,
    terms: Arc<Terms>,
    /// Since when its stream waits.
    since: Instant,
    answer: Answer,
}

impl Job {
    /// Until when it waits for faces of others; `None` without an end.
    fn patient_until(&self) -> Option<Instant> {
        let patience = self.terms.patience.load(Ordering::Relaxed);
        self.since.checked_add(Duration::from_nanos(patience))
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Streams that may add to it.
    members: usize,
    /// Those of them that wait for what is in it or is being run.
    busy: usize,
    closed: bool,
}

impl Queue {
    fn push(&mut self, job: Job) {
        if job.terms.jobs.fetch_add(1, Ordering::Relaxed) == 0 {
            self.busy += 1;
        }
        self.waiting.push_back(job);
    }

    /// Drops what streams wait for no longer.
    fn drop_left(&mut self) {
        let jobs = std::mem::take(&mut self.waiting);
        let (left, stay) = jobs.into_iter().partition(|job| job.terms.is_leaving());
        self.waiting = stay;
        self.end(&Vec::from(left));
    }

    /// Counts jobs out that have been run or dropped.
    fn end(&mut self, jobs: &[Job]) {
        for job in jobs {
            if job.terms.jobs.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.busy -= 1;
            }
        }
    }
}

#[derive(Default)]
struct State {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Held by the thread that makes up the next batch.
    turn: Mutex<()>,
    runs: Mutex<Runs>,
}

/// An engine that runs faces of several streams together.
pub struct Joint {
    engine: Arc<dyn Engine>,
    state: Arc<State>,
    workers: Vec<JoinHandle<()>>,
}

impl Joint {
    /// Gives `engine` its threads: one for each of the batches that are run `at_once`.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(engine: Box<dyn Engine>, at_once: usize) -> std::io::Result<Self> {
        let mut joint = Self {
            engine: engine.into(),
            state: Arc::default(),
            workers: Vec::new(),
        };
        for _ in 0..at_once {
            let (engine, state) = (joint.engine.clone(), joint.state.clone());
            let worker = std::thread::Builder::new()
                .name("fer-batches".to_owned())
                .spawn(move || work(&*engine, &state))?;
            joint.workers.push(worker);
        }
        Ok(joint)
    }

    /// How the engine's servers do, where it has any.
    pub fn service(&self) -> Option<ServiceReport> {
        self.engine.service()
    }

    /// What it has run.
    pub fn runs(&self) -> Runs {
        *lock(&self.state.runs)
    }

    /// Counts a stream in, or out.
    pub fn add_member(&self, joins: bool) {
        let mut queue = lock(&self.state.queue);
        queue.members = if joins {
            queue.members + 1
        } else {
            queue.members.saturating_sub(1)
        };
        drop(queue);
        self.wake();
    }

    /// Looks at the terms anew.
    pub fn wake(&self) {
        // Under the lock, so that it can't come between a look at the terms and the wait.
        let _queue = lock(&self.state.queue);
        self.state.changed.notify_all();
    }

    /// Runs `batches`, each some faces in and where their values go, with those of others that
    /// wait; what comes of each. The stream has waited `since`: its patience, and a deadline of the
    /// engine after that, count from then on.
    ///
    /// # Errors
    /// When the engine fails or panics, for all whose faces were in the batch; when the stream
    /// leaves.
    pub fn run<'a>(
        &self,
        terms: &Arc<Terms>,
        since: Instant,
        batches: impl Iterator<Item = (&'a [f32], usize, &'a mut [f32])>,
    ) -> Vec<Result<(), String>> {
        let (mut jobs, mut waits) = (Vec::new(), Vec::new());
        for (input, faces, output) in batches {
            let (answer, outcome) = sync_channel(1);
            jobs.push(Job {
                input: input.to_vec(),
                faces,
                outputs: output.len(),
                terms: terms.clone(),
                since,
                answer,
            });
            waits.push((outcome, output));
        }
        let answers = jobs.iter().map(|job| job.answer.clone()).collect();
        let number = match terms.begin(answers) {
            Ok(number) => number,
            Err(left) => return waits.iter().map(|_| Err(left.clone())).collect(),
        };
        let mut queue = lock(&self.state.queue);
        jobs.into_iter().for_each(|job| queue.push(job));
        drop(queue);
        self.state.changed.notify_all();
        let end = |(outcome, output): (Receiver<Result<Vec<f32>, String>>, &mut [f32])| {
            let gone = |_| Err("the engine's thread has ended".to_owned());
            let values = outcome.recv().unwrap_or_else(gone)?;
            output.copy_from_slice(&values);
            Ok(())
        };
        let outcomes = waits.into_iter().map(end).collect();
        terms.end(number);
        outcomes
    }
}

impl Drop for Joint {
    fn drop(&mut self) {
        lock(&self.state.queue).closed = true;
        self.state.changed.notify_all();
        self.engine.close();
        for worker in self.workers.drain(..) {
            // It catches what panics.
            let _ = worker.join();
        }
    }
}

fn work(engine: &dyn Engine, state: &State) {
    while let Some(jobs) = next_batch(state) {
        let input: Vec<f32> = jobs.iter().flat_map(|job| &job.input).copied().collect();
        let faces = jobs.iter().map(|job| job.faces).sum();
        let mut output = vec![0.0; jobs.iter().map(|job| job.outputs).sum()];
        // The time for which a batch is gathered is not the engine's, but where it is busy for
        // longer nobody waits longer for that.
        let patient = jobs.iter().filter_map(Job::patient_until).min();
        let now = Instant::now();
        let since = patient.map_or(now, |patient| patient.min(now));
        let run = AssertUnwindSafe(|| engine.run_since(since, &input, faces, &mut output));
        let outcome = match catch_unwind(run) {
            Ok(outcome) => outcome.map_err(|why| match why {
                crate::Error::Engine { reason, .. } => reason,
                other => other.to_string(),
            }),
            Err(_) => Err("the engine panicked".to_owned()),
        };
        lock(&state.runs).add(faces);
        lock(&state.queue).end(&jobs);
        let mut rest = &output[..];
        for job in jobs {
            let (own, after) = rest.split_at(job.outputs);
            rest = after;
            // Who waits no longer needs no answer, and who has left has one already.
            let _ = job.answer.try_send(outcome.clone().map(|()| own.to_vec()));
        }
    }
}

/// What is to be run next; `None` when the queue is closed and empty.
fn next_batch(state: &State) -> Option<Vec<Job>> {
    let _turn = lock(&state.turn);
    let mut queue = lock(&state.queue);
    loop {
        queue.drop_left();
        let Some(first) = queue.waiting.front() else {
            if queue.closed {
                return None;
            }
            queue = wait(&state.changed, queue, None);
            continue;
        };
        let deadline = first.patient_until();
        let count = fitting(&queue);
        let hurried = |job: &Job| job.terms.hurried.load(Ordering::Relaxed);
        let is_full = count < queue.waiting.len() || is_filled(&queue, count);
        // When all streams wait, no other faces can come.
        let all_wait = queue.busy >= queue.members;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let is_late = left.is_some_and(|left| left.is_zero());
        if is_full || all_wait || is_late || queue.closed || queue.waiting.iter().any(hurried) {
            return Some(queue.waiting.drain(..count).collect());
        }
        queue = wait(&state.changed, queue, left);
    }
}

/// Most faces of a batch of these jobs.
fn most<'a>(jobs: impl Iterator<Item = &'a Job>) -> usize {
    let most = jobs.map(|job| job.terms.most.load(Ordering::Relaxed));
    most.min().unwrap_or(1)
}

/// How many of the jobs, from the first on, fit into one batch; at least one.
fn fitting(queue: &Queue) -> usize {
    let fits = |count: &usize| {
        let jobs = || queue.waiting.iter().take(*count);
        jobs().map(|job| job.faces).sum::<usize>() <= most(jobs())
    };
    (1..=queue.waiting.len())
        .take_while(fits)
        .last()
        .unwrap_or(1)
}

/// Whether nothing can join the first `count` jobs.
fn is_filled(queue: &Queue, count: usize) -> bool {
    let jobs = || queue.waiting.iter().take(count);
    jobs().map(|job| job.faces).sum::<usize>() >= most(jobs())
}

fn wait<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    most: Option<Duration>,
) -> MutexGuard<'a, T> {
    match most {
        Some(most) => {
            let outcome = changed.wait_timeout(guard, most);
            outcome.unwrap_or_else(PoisonError::into_inner).0
        }
        None => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Result};

    /// Doubles its input; fails for a first value of -1 and panics for -2.
    struct Doubling;

    impl Engine for Doubling {
        fn run(&self, input: &[f32], _: usize, output: &mut [f32]) -> Result<()> {
            if input.contains(&-2.0) {
                panic!("as asked");
            }
            if input.contains(&-1.0) {
                return Err(Error::Engine {
                    engine: "test",
                    reason: "as asked".to_owned(),
                });
            }
            for (out, x) in output.iter_mut().zip(input) {
                *out = 2.0 * x;
            }
            Ok(())
        }
    }

    fn joint(members: usize) -> Arc<Joint> {
        of(Doubling, members, 1)
    }

    fn of(engine: impl Engine + 'static, members: usize, at_once: usize) -> Arc<Joint> {
        let joint = Joint::new(Box::new(engine), at_once).unwrap();
        (0..members).for_each(|_| joint.add_member(true));
        Arc::new(joint)
    }

    const LONG: Duration = Duration::from_secs(3600);

    fn patient() -> Arc<Terms> {
        Arc::new(Terms::new(LONG, 16))
    }

    /// Runs each of the values as a batch.
    fn each(
        joint: &Joint,
        terms: &Arc<Terms>,
        since: Instant,
        values: &[f32],
    ) -> Result<Vec<f32>, String> {
        let mut output = vec![-1.0; values.len()];
        let batches = crate::engine::batches(values, values.len(), 1, &mut output);
        let outcomes = joint.run(terms, since, batches);
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(output)
    }

    /// Runs `value` alone.
    fn one(joint: &Joint, terms: &Arc<Terms>, since: Instant, value: f32) -> Result<f32, String> {
        Ok(each(joint, terms, since, &[value])?[0])
    }

    /// Runs `value` on a thread of its own.
    fn start(joint: &Arc<Joint>, terms: &Arc<Terms>, value: f32) -> Receiver<Result<f32, String>> {
        let (joint, terms) = (joint.clone(), terms.clone());
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = done.send(one(&joint, &terms, Instant::now(), value));
        });
        result
    }

    fn end<T>(result: &Receiver<T>) -> T {
        result
            .recv_timeout(Duration::from_secs(60))
            .expect("does not hang")
    }

    #[test]
    fn streams_that_all_wait_are_run_together_and_get_their_own() {
        let (joint, terms) = (joint(3), [(); 3].map(|()| patient()));
        let results = [0, 1, 2].map(|i| start(&joint, &terms[i], i as f32 + 1.0));
        assert_eq!(results.map(|r| end(&r)), [Ok(2.0), Ok(4.0), Ok(6.0)]);
        assert_eq!((joint.runs().batches, joint.runs().largest), (1, 3));
    }

    #[test]
    fn a_batch_is_no_larger_than_any_of_its_streams_wants() {
        let joint = joint(4);
        let terms = [16, 2, 2, 2].map(|most| Arc::new(Terms::new(LONG, most)));
        let results = [0, 1, 2, 3].map(|i| start(&joint, &terms[i], i as f32));
        for (i, result) in results.iter().enumerate() {
            assert_eq!(end(result), Ok(2.0 * i as f32));
        }
        assert_eq!(joint.runs().largest, 2);
    }

    #[test]
    fn a_failure_and_a_panic_are_answered_to_all_and_the_next_run_is_clean() {
        for bad in [-1.0, -2.0] {
            let (joint, terms) = (joint(2), [(); 2].map(|()| patient()));
            let results = [(0, bad), (1, 1.0)].map(|(i, value)| start(&joint, &terms[i], value));
            assert!(results.iter().all(|result| end(result).is_err()));
            let results = [(0, 5.0), (1, 1.0)].map(|(i, value)| start(&joint, &terms[i], value));
            assert_eq!(results.map(|r| end(&r)), [Ok(10.0), Ok(2.0)]);
        }
    }

    #[test]
    fn who_is_in_a_hurry_or_alone_waits_for_nobody() {
        let (joint, terms) = (joint(2), Arc::new(Terms::new(LONG, 16)));
        let result = start(&joint, &terms, 1.0);
        assert!(result.recv_timeout(Duration::from_millis(50)).is_err());
        terms.set_hurry(true);
        joint.wake();
        assert_eq!(end(&result), Ok(2.0));
        terms.set_hurry(false);
        let result = start(&joint, &terms, 1.0);
        assert!(result.recv_timeout(Duration::from_millis(50)).is_err());
        joint.add_member(false);
        assert_eq!(end(&result), Ok(2.0));
    }

    /// Holds every run until it is closed.
    #[derive(Default)]
    struct Hanging {
        begun: Arc<AtomicUsize>,
        closed: Mutex<bool>,
        changed: Condvar,
    }

    impl Engine for Hanging {
        fn run(&self, _: &[f32], _: usize, _: &mut [f32]) -> Result<()> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let closed = lock(&self.closed);
            let _closed = self.changed.wait_while(closed, |closed| !*closed);
            Err(Error::Engine {
                engine: "test",
                reason: "closed".to_owned(),
            })
        }

        fn close(&self) {
            *lock(&self.closed) = true;
            self.changed.notify_all();
        }
    }

    #[test]
    fn who_leaves_waits_for_no_run_and_the_end_for_none_either() {
        let hanging = Hanging::default();
        let begun = hanging.begun.clone();
        let joint = of(hanging, 2, 2);
        let terms = [0, 0].map(|_| Arc::new(Terms::new(Duration::ZERO, 1)));
        let results = [0, 1].map(|i| start(&joint, &terms[i], 1.0));
        // Both run at a time.
        while begun.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        terms[0].set_leaving(true);
        assert_eq!(end(&results[0]), Err(LEFT.to_owned()));
        assert_eq!(end(&start(&joint, &terms[0], 1.0)), Err(LEFT.to_owned()));
        assert!(results[1].try_recv().is_err());
        joint.engine.close();
        assert_eq!(end(&results[1]), Err("closed".to_owned()));
    }

    /// Says by how much the deadline's begin is before the run, in seconds.
    struct Told;

    impl Engine for Told {
        fn run(&self, _: &[f32], _: usize, _: &mut [f32]) -> Result<()> {
            unreachable!("it is told since when")
        }

        fn run_since(&self, since: Instant, _: &[f32], _: usize, output: &mut [f32]) -> Result<()> {
            output.fill(since.elapsed().as_secs_f32());
            Ok(())
        }
    }

    #[test]
    fn what_a_stream_has_waited_beyond_its_patience_is_taken_from_the_deadline() {
        let joint = of(Told, 1, 1);
        let minute = Duration::from_secs(60);
        let since = Instant::now().checked_sub(minute).unwrap();
        let run = |patience| {
            let terms = Arc::new(Terms::new(patience, 1));
            one(&joint, &terms, since, 1.0).unwrap()
        };
        assert!(run(Duration::ZERO) >= 60.0);
        assert!((30.0..60.0).contains(&run(minute / 2)));
        // Gathering is not the engine's time.
        assert!(run(LONG) < 30.0);
        assert!(run(Duration::MAX) < 30.0);
    }

    /// Runs when so many batches have come at once.
    struct Meeting(std::sync::Barrier);

    impl Engine for Meeting {
        fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
            self.0.wait();
            Doubling.run(input, batch, output)
        }
    }

    #[test]
    fn batches_of_one_stream_are_run_at_once() {
        let joint = of(Meeting(std::sync::Barrier::new(3)), 1, 3);
        let (done, result) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let terms = Arc::new(Terms::new(LONG, 1));
            let _ = done.send(each(&joint, &terms, Instant::now(), &[1.0, 2.0, 3.0]));
        });
        assert_eq!(end(&result), Ok(vec![2.0, 4.0, 6.0]));
    }

    #[test]
    fn a_stream_with_two_batches_is_one_that_waits() {
        let (joint, terms) = (joint(2), [(); 2].map(|()| patient()));
        let (done, result) = std::sync::mpsc::channel();
        {
            let (joint, terms) = (joint.clone(), terms[0].clone());
            std::thread::spawn(move || {
                let _ = done.send(each(&joint, &terms, Instant::now(), &[1.0, 2.0]));
            });
        }
        // The other stream may have some to add.
        assert!(result.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(end(&start(&joint, &terms[1], 3.0)), Ok(6.0));
        assert_eq!(end(&result), Ok(vec![2.0, 4.0]));
        assert_eq!((joint.runs().batches, joint.runs().largest), (1, 3));
        // And again: who has waited counts no longer.
        let again = start(&joint, &terms[1], 3.0);
        assert!(again.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(end(&start(&joint, &terms[0], 1.0)), Ok(2.0));
        assert_eq!(end(&again), Ok(6.0));
    }

    #[test]
    fn what_a_stream_that_leaves_has_queued_is_not_run() {
        let hanging = Hanging::default();
        let begun = hanging.begun.clone();
        let joint = of(hanging, 2, 1);
        let terms = [0, 0].map(|_| Arc::new(Terms::new(Duration::ZERO, 1)));
        let (done, left) = std::sync::mpsc::channel();
        {
            let (joint, terms) = (joint.clone(), terms[0].clone());
            std::thread::spawn(move || {
                let _ = done.send(each(&joint, &terms, Instant::now(), &[1.0; 8]));
            });
        }
        while begun.load(Ordering::SeqCst) < 1 {
            std::thread::yield_now();
        }
        let other = start(&joint, &terms[1], 1.0);
        terms[0].set_leaving(true);
        assert_eq!(end(&left), Err(LEFT.to_owned()));
        joint.engine.close();
        assert_eq!(end(&other), Err("closed".to_owned()));
        assert_eq!(begun.load(Ordering::SeqCst), 2);
        while lock(&joint.state.queue).busy > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_patience_ends() {
        let joint = joint(2);
        let terms = Arc::new(Terms::new(Duration::from_millis(20), 16));
        assert_eq!(end(&start(&joint, &terms, 1.0)), Ok(2.0));
    }
}
