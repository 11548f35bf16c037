//! From which file code was loaded.

use std::ffi::{CStr, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The file that this very code was loaded from: a program, or a library such as the plugin.
pub(crate) fn own_file() -> Option<PathBuf> {
    file_of(own_file as fn() -> Option<PathBuf> as *const c_void)
}

/// The file that the code at `address` was loaded from.
pub(crate) fn file_of(address: *const c_void) -> Option<PathBuf> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: `address` is only looked up, and `info` is large enough; dladdr fills it where it
    // returns other than zero.
    let info = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init()
    };
    if info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader keeps this nul-terminated name for as long as the file is loaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}
