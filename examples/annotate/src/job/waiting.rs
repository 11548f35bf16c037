//! Work that may have to wait for others.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::PATIENCE;

/// Does what may wait for others, as for who reads a pipe, but not when the run is interrupted.
pub fn waiting<T: Send + 'static>(
    interrupted: &AtomicBool,
    output: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let output = output.display();
    let (working, worked) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more where the run has ended.
        let _ = working.send(work());
    });
    let since = Instant::now();
    loop {
        match worked.recv_timeout(Duration::from_millis(50)) {
            Ok(result) => return result.with_context(|| output.to_string()),
            Err(RecvTimeoutError::Disconnected) => bail!("{output}: it can't be written"),
            Err(RecvTimeoutError::Timeout)
                if interrupted.load(Ordering::Relaxed) && since.elapsed() > PATIENCE =>
            {
                bail!("stopped while nobody read {output}")
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
