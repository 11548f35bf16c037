//! Memory in large pages.

/// `len` zeros, in pages of 2 MB where the system has them to give.
///
/// The passes go through hundreds of megabytes, whose small pages are more than the processor
/// keeps track of. Nothing is lost where it is refused.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    let values = vec![0.0_f32; len];
    #[cfg(target_os = "linux")]
    {
        const LARGE: usize = 2 << 20;
        let bytes = size_of_val(&values[..]);
        let skipped = values.as_ptr().align_offset(LARGE) * size_of::<f32>();
        if let Some(rest) = bytes.checked_sub(skipped).filter(|rest| *rest >= LARGE) {
            // SAFETY: the advice is about whole large pages inside the vector's own memory,
            // whose contents it does not change.
            unsafe {
                let start = values.as_ptr().cast::<u8>().add(skipped).cast_mut();
                libc::madvise(start.cast(), rest / LARGE * LARGE, libc::MADV_HUGEPAGE);
            }
        }
    }
    values
}
