//! What waits to be sent: filled by the streaming thread, which it never holds up, emptied by
//! the worker.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

#[cfg(feature = "mqtt")]
use std::future::poll_fn;
#[cfg(feature = "mqtt")]
use std::task::{Context, Poll, Waker};

/// A record as it is sent.
pub type Line = Arc<[u8]>;

/// What the worker is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Send this.
    Send(Line),
    /// Everything is sent, and there will be no more.
    End,
}

/// Numbers for the element's `stats`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were written or that the receiver has confirmed.
    pub published: u64,
    /// Records that were given up.
    pub dropped: u64,
    /// Records that wait or are on their way.
    pub queued: u64,
    /// Connections that were made after the first.
    pub reconnects: u64,
    /// Whether there is a connection now.
    pub connected: bool,
}

/// Records on their way from the stream to the worker.
#[derive(Debug)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Not yet sent, oldest first.
    waiting: VecDeque<Line>,
    /// Sent and not yet confirmed, oldest first.
    under_way: VecDeque<Line>,
    size: usize,
    counts: Counts,
    /// Whether there was a connection.
    was_connected: bool,
    /// Whether someone waits for everything to be sent.
    draining: bool,
    /// Whether that wait is to be broken off.
    hurry: bool,
    /// When the worker ends, whatever is left.
    deadline: Option<Instant>,
    /// Whether the worker has given up for good.
    dead: bool,
    #[cfg(feature = "mqtt")]
    wakers: Vec<Waker>,
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// Takes the next record where fewer than `most` are under way.
    fn take(&mut self, most: usize) -> Option<Task> {
        if self.under_way.len() < most
            && let Some(line) = self.waiting.pop_front()
        {
            self.under_way.push_back(line.clone());
            return Some(Task::Send(line));
        }
        (self.deadline.is_some() && self.is_empty()).then_some(Task::End)
    }
}

impl Queue {
    /// A queue of `size` records.
    pub fn new(size: usize) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                under_way: VecDeque::new(),
                size,
                counts: Counts::default(),
                was_connected: false,
                draining: false,
                hurry: false,
                deadline: None,
                dead: false,
                #[cfg(feature = "mqtt")]
                wakers: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Changes the state and wakes whoever waits for that.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let result = change(&mut state);
        #[cfg(feature = "mqtt")]
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        #[cfg(feature = "mqtt")]
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Waits until `ready` gives something, at most until `end`.
    fn wait<T>(
        &self,
        end: Option<Instant>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.state.lock().unwrap();
        loop {
            if let Some(result) = ready(&mut state) {
                return Some(result);
            }
            state = self.wait_for_change(state, end)?;
        }
    }

    fn wait_for_change<'a>(
        &self,
        state: MutexGuard<'a, State>,
        end: Option<Instant>,
    ) -> Option<MutexGuard<'a, State>> {
        let Some(end) = end else {
            return Some(self.changed.wait(state).unwrap());
        };
        let left = end.checked_duration_since(Instant::now())?;
        Some(self.changed.wait_timeout(state, left).unwrap().0)
    }

    /// Adds a record; where there is no room for it, the oldest that is not under way goes.
    pub fn push(&self, line: Line) {
        self.change(|state| {
            if state.dead {
                state.counts.dropped += 1;
                return;
            }
            state.waiting.push_back(line);
            // One always may wait, so that it is the newest that is kept.
            while state.waiting.len() > 1
                && state.waiting.len() + state.under_way.len() > state.size
            {
                state.waiting.pop_front();
                state.counts.dropped += 1;
            }
        });
    }

    /// What to do next, with at most `most` records under way. `None` when the time for it is
    /// over.
    pub fn next(&self, most: usize) -> Option<Task> {
        // The deadline may come while this waits.
        loop {
            let end = self.deadline();
            if end.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            let task = self.wait(end, |state| {
                let task = state.take(most).map(Some);
                task.or((state.deadline != end).then_some(None))
            })?;
            if task.is_some() {
                return task;
            }
        }
    }

    /// The oldest record under way has arrived.
    pub fn sent(&self) {
        self.change(|state| {
            if state.under_way.pop_front().is_some() {
                state.counts.published += 1;
            }
        });
    }

    /// The receiver does not take the oldest record under way.
    #[cfg(feature = "kafka")]
    pub fn refused(&self) {
        self.change(|state| {
            if state.under_way.pop_front().is_some() {
                state.counts.dropped += 1;
            }
        });
    }

    /// The newest record under way can't be sent at all.
    #[cfg(feature = "kafka")]
    pub fn refused_last(&self) {
        self.change(|state| {
            if state.under_way.pop_back().is_some() {
                state.counts.dropped += 1;
            }
        });
    }

    /// Tells whether the receiver can be reached, for a sender that keeps what is under way.
    #[cfg(feature = "kafka")]
    pub fn set_reachable(&self, reachable: bool) {
        self.change(|state| {
            if reachable && !state.counts.connected {
                state.counts.reconnects += u64::from(state.was_connected);
                state.was_connected = true;
            }
            state.counts.connected = reachable;
        });
    }

    /// Tells whether there is a connection. Without one, what was under way waits again.
    pub fn set_connected(&self, connected: bool) {
        self.change(|state| {
            state.counts.connected = connected;
            if connected {
                state.counts.reconnects += u64::from(state.was_connected);
                state.was_connected = true;
                return;
            }
            while let Some(line) = state.under_way.pop_back() {
                state.waiting.push_front(line);
            }
        });
    }

    /// The worker can send nothing any more.
    pub fn give_up(&self) {
        self.change(|state| {
            let lost = state.waiting.len() + state.under_way.len();
            state.counts.dropped += lost as u64;
            state.waiting.clear();
            state.under_way.clear();
            state.counts.connected = false;
            state.dead = true;
        });
    }

    /// Waits until everything is sent, at most for `limit`, or until someone is in a hurry.
    /// Gives how many records are left.
    pub fn drain(&self, limit: Duration) -> u64 {
        self.change(|state| state.draining = true);
        let end = Instant::now() + limit;
        self.wait(Some(end), |state| {
            (state.is_empty() || state.hurry).then_some(())
        });
        self.change(|state| state.draining = false);
        self.counts().queued
    }

    /// Breaks off the wait for everything to be sent, or ends that.
    pub fn set_hurry(&self, hurry: bool) {
        self.change(|state| state.hurry = hurry);
    }

    /// There will be no more records; the worker is to end at `deadline`.
    pub fn close(&self, deadline: Instant) {
        self.change(|state| state.deadline = Some(deadline));
    }

    /// When the worker is to end, once that is known.
    pub fn deadline(&self) -> Option<Instant> {
        self.state.lock().unwrap().deadline
    }

    /// Waits for `pause` before another attempt, less where someone waits for it.
    pub fn pause(&self, pause: Duration) {
        let end = Instant::now() + pause;
        self.wait(Some(end), |state| is_urgent(state).then_some(()));
        // An attempt that someone waits for is made soon, not at once over and over.
        std::thread::sleep(pause.min(SHORT_PAUSE));
    }

    /// Numbers for `stats`.
    pub fn counts(&self) -> Counts {
        let state = self.state.lock().unwrap();
        Counts {
            queued: (state.waiting.len() + state.under_way.len()) as u64,
            ..state.counts
        }
    }
}

/// Between two attempts while someone waits for their success.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// Whether someone waits for records to be sent.
fn is_urgent(state: &State) -> bool {
    state.draining || state.deadline.is_some()
}

/// The same for workers that do several things at a time.
#[cfg(feature = "mqtt")]
impl Queue {
    fn poll<T>(
        &self,
        context: &Context<'_>,
        ready: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.state.lock().unwrap();
        match ready(&mut state) {
            Some(result) => Poll::Ready(result),
            None => {
                state.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// What to do next, with at most `most` records under way.
    pub async fn next_of(&self, most: usize) -> Task {
        poll_fn(|context| self.poll(context, |state| state.take(most))).await
    }

    /// Waits until the worker is to end.
    pub async fn closed(&self) -> Instant {
        poll_fn(|context| self.poll(context, |state| state.deadline)).await
    }

    /// Waits until someone waits for records to be sent.
    pub async fn urgent(&self) {
        poll_fn(|context| self.poll(context, |state| is_urgent(state).then_some(()))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u8) -> Line {
        Arc::from([number])
    }

    fn sends(queue: &Queue) -> u8 {
        match queue.next(1) {
            Some(Task::Send(line)) => line[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_oldest_go_and_order_is_kept_when_a_connection_breaks() {
        let queue = Queue::new(3);
        queue.set_connected(true);
        (1..=3).for_each(|number| queue.push(line(number)));
        assert_eq!(sends(&queue), 1);
        // 1 is under way and can't be called back: 2 goes.
        queue.push(line(4));
        queue.set_connected(false);
        assert_eq!((queue.counts().queued, queue.counts().dropped), (3, 1));
        queue.set_connected(true);
        for number in [1, 3, 4] {
            assert_eq!(sends(&queue), number);
            queue.sent();
        }
        let counts = queue.counts();
        assert_eq!((counts.published, counts.reconnects), (3, 1));
        queue.close(Instant::now() + Duration::from_secs(60));
        assert_eq!(queue.next(1), Some(Task::End));
    }

    #[test]
    fn the_newest_is_kept_while_all_others_are_under_way() {
        let queue = Queue::new(1);
        queue.push(line(1));
        assert_eq!(sends(&queue), 1);
        queue.push(line(2));
        queue.push(line(3));
        queue.sent();
        assert_eq!(sends(&queue), 3);
        assert_eq!(queue.counts().dropped, 1);
    }

    #[test]
    fn waits_end_when_nothing_is_sent() {
        let queue = Queue::new(5);
        queue.push(line(1));
        assert_eq!(queue.drain(Duration::from_millis(10)), 1);
        std::thread::scope(|scope| {
            let drain = scope.spawn(|| queue.drain(Duration::from_secs(3600)));
            queue.set_hurry(true);
            assert_eq!(drain.join().unwrap(), 1);
        });
        assert_eq!(sends(&queue), 1);
        queue.close(Instant::now());
        assert_eq!(queue.next(1), None, "not confirmed, but the time is over");
        queue.give_up();
        queue.push(line(2));
        assert_eq!(queue.counts().dropped, 2);
    }
}
