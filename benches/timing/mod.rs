//! How the benches measure short calls.

use std::time::{Duration, Instant};

/// How long each is measured; the median of its runs counts.
pub const SPAN: Duration = Duration::from_millis(1500);

/// Calls that warm up: caches, allocators, and on a card the compiler and its graphs.
const WARM: usize = 10;

/// Median milliseconds of one call, after some that warm up.
pub fn median_ms(mut call: impl FnMut()) -> f64 {
    (0..WARM).for_each(|_| call());
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || start.elapsed() < SPAN {
        let begin = Instant::now();
        call();
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
