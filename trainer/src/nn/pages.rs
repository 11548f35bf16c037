//! Memory in large pages.

/// `len` zeros, in pages of 2 MB where the system has them to give.
///
/// The passes go through hundreds of megabytes, whose small pages are more than the processor
/// keeps track of. Nothing is lost where it is refused.
pub(super) fn zeros(len: usize) -> Vec<f32> {
    let values = vec![0.0_f32; len];
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let bytes = size_of_val(&values[..]);
        let skipped = values.as_ptr().align_offset(PAGE) * size_of::<f32>();
        if let Some(rest) = bytes.checked_sub(skipped).filter(|rest| *rest >= PAGE) {
            // SAFETY: the advice is about whole pages inside the vector's own memory, whose
            // contents it does not change.
            unsafe {
                let start = values.as_ptr().cast::<u8>().add(skipped).cast_mut();
                libc::madvise(start.cast(), rest / PAGE * PAGE, libc::MADV_HUGEPAGE);
            }
        }
    }
    values
}
