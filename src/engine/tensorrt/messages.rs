use std::sync::{LazyLock, Mutex};

use trtx::{LogHandler, Logger, Severity};

use crate::error::one_line;
use crate::sync::lock;

/// What TensorRT says, in the log of this program; its errors are also kept, since its
/// functions return no reason.
struct Messages;

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Calls into TensorRT whose errors are kept, one after another, so that nobody reads
/// another's.
static CALLS: Mutex<()> = Mutex::new(());

impl LogHandler for Messages {
    fn log(&self, severity: Severity, message: &str) {
        match severity {
            Severity::InternalError | Severity::Error => {
                log::debug!("TensorRT: {message}");
                let mut errors = lock(&ERRORS);
                // Nobody reads more, and a call that fails for every frame must not fill
                // the memory.
                if errors.len() < 16 {
                    errors.push(message.to_owned());
                }
            }
            Severity::Warning => log::warn!("TensorRT: {message}"),
            Severity::Info => log::debug!("TensorRT: {message}"),
            Severity::Verbose => log::trace!("TensorRT: {message}"),
        }
    }
}

/// The logger that everything of TensorRT in this process uses: TensorRT keeps the first one
/// that it gets.
pub fn logger() -> Result<&'static Logger, String> {
    static LOGGER: LazyLock<Result<Logger, String>> =
        LazyLock::new(|| Logger::new(Messages).map_err(|e| e.to_string()));
    LOGGER.as_ref().map_err(Clone::clone)
}

/// Runs `call`; where it fails, what TensorRT said is the reason.
pub fn explained<T>(call: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let _one_at_a_time = lock(&CALLS);
    let take = || std::mem::take(&mut *lock(&ERRORS));
    take();
    call().map_err(|reason| match take().first() {
        Some(said) => format!("{reason}: {}", one_line(said)),
        None => reason,
    })
}
