//! The order of drawing and computing: the next step's pictures while a device computes this
//! one, or each step in turn.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// Calls `take` with what `draw` makes of each of `plan`, in order, and with the time that it
/// was waited for. One is drawn ahead, and one more is under way, on a thread of their own.
/// `take` ends it early with `false`; returns whether it came to the plan's end.
///
/// # Errors
/// The first of `take`, which ends it.
pub(super) fn prefetch<P, T: Send>(
    plan: impl Iterator<Item = P> + Send,
    draw: impl Fn(P) -> T + Send,
    mut take: impl FnMut(T, Duration) -> Result<bool>,
) -> Result<bool> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for planned in plan {
                // Nobody listens any more when training was stopped.
                if sender.send(draw(planned)).is_err() {
                    break;
                }
            }
        });
        loop {
            let began = Instant::now();
            let Ok(drawn) = receiver.recv() else {
                return Ok(true);
            };
            if !take(drawn, began.elapsed())? {
                return Ok(false);
            }
        }
    })
}

/// Calls `take` with each of `plan` until it returns `false`; returns whether it came to the
/// plan's end.
///
/// # Errors
/// The first of `take`, which ends it.
pub(super) fn in_turn<P>(
    plan: impl Iterator<Item = P>,
    mut take: impl FnMut(P) -> Result<bool>,
) -> Result<bool> {
    for planned in plan {
        if !take(planned)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn everything_comes_in_order() {
        let mut taken = Vec::new();
        let whole = prefetch(
            0..5,
            |n| n * n,
            |n, _| {
                taken.push(n);
                Ok(true)
            },
        );
        assert!(whole.unwrap());
        assert_eq!(taken, [0, 1, 4, 9, 16]);
    }

    #[test]
    fn it_ends_when_told_to_and_when_a_step_fails() {
        let told = prefetch(0.., |n| n, |n, _| Ok(n < 3));
        assert!(!told.unwrap());
        let failed = prefetch(0.., |n| n, |_, _| bail!(Training, "lost"));
        assert_eq!(failed.unwrap_err().to_string(), "lost");
    }
}
