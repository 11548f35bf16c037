//! Sums of time for the elements' `stats` property.

use std::time::Duration;

/// Nanoseconds, as the `stats` structures give times.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
