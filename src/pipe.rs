//! Pipes and connections whose other end is gone.

/// Has writes of the calling thread, and of those that it starts, to what nobody reads any more fail
/// with an error. Programs that are not written in Rust, and those that end at a closed pipe
/// on purpose, would end instead: Rust's sockets raise SIGPIPE there where several pieces are
/// written at once, and SIGPIPE comes to the thread that writes.
pub fn ignore_broken_ones() {
    #[cfg(unix)]
    // SAFETY: the set is initialised by `sigemptyset` before it is read, and only the signals
    // of this thread are changed.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
    }
}
