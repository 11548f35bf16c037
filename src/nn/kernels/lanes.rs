//! Numbers that are worked on at once.
//!
//! A kernel is written once, for any [`Lanes`], and compiled for each kind of processor by
//! [`by_isa`], which picks one at run time. On 64-bit ARM the portable lanes become NEON, which
//! every such processor has.

/// The instructions that a processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// 16 numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 numbers at once, with fused products.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every processor of this architecture has.
    Portable,
}

impl Isa {
    /// The best that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this processor has.
    #[cfg(test)]
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Self::Avx512);
            }
        }
        all
    }
}

/// Some numbers that are worked on at once.
///
/// # Safety
/// The functions must only be called where the processor has the instructions, and with
/// pointers to [`Lanes::N`] values.
pub unsafe trait Lanes: Copy {
    /// How many they are.
    const N: usize;
    /// How many sums of this type a kernel may keep in registers.
    const SUMS: usize;
    /// The same number in all.
    unsafe fn splat(value: f32) -> Self;
    /// Reads them.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes them.
    unsafe fn store(self, to: *mut f32);
    /// `self + a * b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// The larger of both, each; what is no number in `self` stays none.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller of both, each; what is no number in `self` stays none.
    unsafe fn min(self, other: Self) -> Self;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;

    macro_rules! lanes {
        ($type:ty, $n:literal, $sums:literal,
         $splat:ident, $load:ident, $store:ident, $product:ident, $max:ident, $min:ident) => {
            // SAFETY: each function is one instruction and reads or writes N values.
            unsafe impl Lanes for $type {
                const N: usize = $n;
                const SUMS: usize = $sums;
                #[inline(always)]
                unsafe fn splat(value: f32) -> Self {
                    // SAFETY: the caller's: the processor has the instruction.
                    unsafe { $splat(value) }
                }
                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: the caller's, and N values can be read.
                    unsafe { $load(from) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: the caller's, and N values can be written.
                    unsafe { $store(to, self) }
                }
                #[inline(always)]
                unsafe fn add_product(self, a: Self, b: Self) -> Self {
                    // SAFETY: the caller's.
                    unsafe { $product(a, b, self) }
                }
                #[inline(always)]
                unsafe fn max(self, other: Self) -> Self {
                    // SAFETY: the caller's. What is no number in `self` stays none: the
                    // instruction gives its second operand then.
                    unsafe { $max(other, self) }
                }
                #[inline(always)]
                unsafe fn min(self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $min(other, self) }
                }
            }
        };
    }

    // 32 registers, of which 24 hold sums.
    lanes!(
        __m512,
        16,
        24,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps,
        _mm512_min_ps
    );
    // 16 registers, of which 12 hold sums.
    lanes!(
        __m256,
        8,
        12,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps,
        _mm256_min_ps
    );
}

#[inline(always)]
fn fused(sum: f32, a: f32, b: f32) -> f32 {
    // Where there is no such instruction, it is a slow function.
    if cfg!(target_feature = "fma") || cfg!(target_arch = "aarch64") {
        a.mul_add(b, sum)
    } else {
        sum + a * b
    }
}

// SAFETY: plain arithmetic, on N values.
unsafe impl<const N: usize> Lanes for [f32; N] {
    const N: usize = N;
    const SUMS: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's: N values can be read.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's: N values can be written.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn add_product(mut self, a: Self, b: Self) -> Self {
        for i in 0..N {
            self[i] = fused(self[i], a[i], b[i]);
        }
        self
    }
    #[inline(always)]
    unsafe fn max(mut self, other: Self) -> Self {
        for i in 0..N {
            if other[i] > self[i] {
                self[i] = other[i];
            }
        }
        self
    }
    #[inline(always)]
    unsafe fn min(mut self, other: Self) -> Self {
        for i in 0..N {
            if other[i] < self[i] {
                self[i] = other[i];
            }
        }
        self
    }
}

/// The lanes where nothing is known of the processor.
pub type Portable = [f32; 8];

/// Defines a function that runs the kernel `$body`, generic over [`Lanes`], by the
/// instructions that its first argument names.
macro_rules! by_isa {
    ($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub fn $name(isa: $crate::nn::kernels::lanes::Isa, $($arg: $type),*) {
            use $crate::nn::kernels::lanes::{Isa, Portable};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: the caller's: the processor has AVX-512.
                unsafe { $body::<std::arch::x86_64::__m512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: the caller's: the processor has AVX2 and FMA.
                unsafe { $body::<std::arch::x86_64::__m256>($($arg),*) }
            }
            match isa {
                // SAFETY: `Isa::best` names what this processor has.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: these lanes need nothing.
                Isa::Portable => unsafe { $body::<Portable>($($arg),*) },
            }
        }
    };
}
pub(super) use by_isa;
