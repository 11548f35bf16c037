//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A flag that is set at Ctrl-C, so that the step is finished and the state saved. Whoever
/// asks again later does not want to wait for that; some senders signal twice at once.
pub fn on_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let mut asked: Option<Instant> = None;
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::Relaxed);
        if asked.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(1) {
            std::process::exit(130);
        }
    })
    .context("Ctrl-C")?;
    Ok(stop)
}
