//! One of the servers: whether it serves, and when to look again.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::address::Address;
use super::client::Failure;
use super::link::Link;
use crate::sync::lock;

/// Before the first look at a server that has failed; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that has served for so long was well: pauses begin anew.
const WELL: Duration = Duration::from_secs(10);
/// With that many strikes a server serves no longer.
const OUT: u32 = 3;

/// A server's address and how it does.
pub struct Site {
    /// Where it is.
    pub address: Address,
    state: Mutex<State>,
    /// Told when it serves no longer.
    gone: Notify,
}

struct State {
    link: Option<Arc<Link>>,
    strikes: u32,
    /// When the last of them that counted was.
    struck: Option<Instant>,
    pause: Duration,
    since: Instant,
}

impl Site {
    /// One that does not serve yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            state: Mutex::new(State {
                link: None,
                strikes: 0,
                struck: None,
                pause: FIRST_PAUSE,
                since: Instant::now(),
            }),
            gone: Notify::new(),
        }
    }

    /// The connection, where it serves.
    pub fn link(&self) -> Option<Arc<Link>> {
        lock(&self.state).link.clone()
    }

    /// It serves, by `link`.
    pub fn serve(&self, link: Arc<Link>) {
        let mut state = lock(&self.state);
        state.link = Some(link);
        state.strikes = 0;
        state.since = Instant::now();
    }

    /// A request by `link` was answered.
    pub fn answered(&self, link: &Arc<Link>) {
        let mut state = lock(&self.state);
        if state
            .link
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, link))
        {
            state.strikes = 0;
        }
    }

    /// A request by `link` that was sent at `sent` was not: whether that is the end of its serving.
    ///
    /// A single answer may be late, or a connection broken off by a server that restarts, with all
    /// that are on their way at the time; what is refused once will be refused again.
    pub fn strike(&self, link: &Arc<Link>, sent: Instant, failure: &Failure) -> bool {
        let mut state = lock(&self.state);
        if !state
            .link
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, link))
        {
            // An earlier connection's.
            return false;
        }
        let is_same = state.struck.is_some_and(|struck| sent < struck);
        if !is_same {
            state.struck = Some(Instant::now());
        }
        state.strikes += match failure {
            Failure::Late | Failure::Away(_) if is_same => 0,
            Failure::Late => 1,
            Failure::Away(_) | Failure::Full(_) => 2,
            Failure::Refused(_) | Failure::Unknown(_) | Failure::Wrong(_) => OUT,
        };
        if state.strikes < OUT {
            return false;
        }
        state.link = None;
        if state.since.elapsed() >= WELL {
            state.pause = FIRST_PAUSE;
        }
        self.gone.notify_one();
        true
    }

    /// Waits until it does not serve.
    pub async fn gone(&self) {
        while lock(&self.state).link.is_some() {
            self.gone.notified().await;
        }
    }

    /// How long to wait before it is looked at; twice as long the next time.
    pub fn pause(&self) -> Duration {
        let mut state = lock(&self.state);
        let pause = state.pause;
        state.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}
