//! When to say that results fall behind the video.

use std::time::{Duration, Instant};

/// Time from one report to the next, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Frames that were not looked at as they should have been.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// Frames not scanned because the scan of an earlier one had not ended.
    pub scans: u64,
    /// Frames that were too late downstream.
    pub late: u64,
}

/// What has been reported.
#[derive(Debug, Default)]
pub struct Behind {
    told: Missed,
    told_at: Option<Instant>,
}

impl Behind {
    /// What is to be reported at `now`, if anything: the growth since the last report of
    /// `missed`, which counts from the element's start.
    pub fn report(&mut self, missed: Missed, now: Instant) -> Option<Missed> {
        let soon = self.told_at.is_some_and(|at| now - at < PAUSE);
        if missed == self.told || soon {
            return None;
        }
        let growth = Missed {
            scans: missed.scans - self.told.scans,
            late: missed.late - self.told.late,
        };
        self.told = missed;
        self.told_at = Some(now);
        Some(growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_of_what_is_new_and_not_too_soon() {
        let missed = |scans, late| Missed { scans, late };
        let start = Instant::now();
        let mut behind = Behind::default();
        assert_eq!(behind.report(missed(0, 0), start), None);
        assert_eq!(behind.report(missed(2, 0), start), Some(missed(2, 0)));
        assert_eq!(behind.report(missed(3, 1), start + PAUSE / 2), None);
        assert_eq!(
            behind.report(missed(5, 1), start + PAUSE),
            Some(missed(3, 1))
        );
        assert_eq!(behind.report(missed(5, 1), start + 3 * PAUSE), None);
    }
}
