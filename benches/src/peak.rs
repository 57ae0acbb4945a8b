//! The processor's limit: multiply-adds on registers alone, as many at once as hide their latency.
//!
//! It must never touch memory in its loop: what it measures is what no product of matrices can exceed.

use std::time::Instant;

/// Multiply-adds that are under way at once.
const CHAINS: usize = 16;
/// Long enough (about 30 ms) for the processor to settle at the rate that it keeps up.
const STEPS: usize = 2_000_000;

/// Billions of floating-point operations a second, in 32-bit floats.
pub fn floats() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor was just asked.
        #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
        return rate(16, || unsafe { wide::floats() });
    }
    f64::NAN
}

/// Billions of operations a second on bytes, summed in 32-bit whole numbers.
pub fn bytes() -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
        // SAFETY: the processor was just asked.
        #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
        return rate(64, || unsafe { wide::bytes() });
    }
    f64::NAN
}

/// In billions a second; each multiply-add is two operations in each lane.
#[cfg(target_arch = "x86_64")]
fn rate(lanes: usize, work: impl Fn()) -> f64 {
    let started = Instant::now();
    (0..5).for_each(|_| work());
    (5 * 2 * lanes * CHAINS * STEPS) as f64 / started.elapsed().as_secs_f64() / 1e9
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{CHAINS, STEPS};

    #[target_feature(enable = "avx512f")]
    pub(super) fn floats() {
        let factor = _mm512_set1_ps(black_box(0.999));
        let mut sums = [_mm512_set1_ps(black_box(1.0)); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_fmadd_ps(*sum, factor, factor);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn bytes() {
        let factor = _mm512_set1_epi32(black_box(0x0102_0304));
        let mut sums = [_mm512_set1_epi32(black_box(1)); CHAINS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, factor, factor);
            }
        }
        black_box(sums);
    }
}
