//! Panics of libraries as errors.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use fer_cli::one_line;

use crate::{Error, Result};

/// The panic hook is the whole program's.
static HOOK: Mutex<()> = Mutex::new(());

/// Runs `work`, and returns a panic in it as an error without printing it. Burn's backends
/// panic where a driver or a library is missing, which a user must be told in a line.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let _alone = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    result.unwrap_or_else(|payload| Err(Error::Device(message(&*payload))))
}

/// A panic's text in one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    one_line(text.unwrap_or("it panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_line() {
        let failed = catch_panic::<()>(|| panic!("no driver\n  {}", "found"));
        assert_eq!(failed.unwrap_err().to_string(), "no driver found");
        assert_eq!(catch_panic(|| Ok(3)).unwrap(), 3);
    }
}
