//! Vectors of any width: the processor's widest instructions without naming one, and sums in a fixed order.
//!
//! A sum is always taken in [`LANES`] partial sums, whatever the processor, so that a machine gives the same bits every time.

use pulp::Arch;

/// Partial sums of a dot product, and elements of one turn of a loop: one 512-bit register.
const LANES: usize = 16;

/// 1.5 * 2^23: a small number added to it is rounded to a whole one, which then stands in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// Runs `work` compiled for the widest vectors that this processor has. Only what is inlined into `work` gains, and `work`
/// itself only where it is a closure marked `#[inline(always)]`.
#[inline]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// The sum of products.
#[inline(always)]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let ((lefts, left_rest), (rights, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in lefts.iter().zip(rights) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    rest + sums.iter().sum::<f32>()
}

/// `into += scale * from`.
#[inline(always)]
pub fn add_scaled(into: &mut [f32], scale: f32, from: &[f32]) {
    let ((intos, into_rest), (froms, from_rest)) = (into.as_chunks_mut::<LANES>(), from.as_chunks::<LANES>());
    for (into, from) in intos.iter_mut().zip(froms) {
        for lane in 0..LANES {
            into[lane] += scale * from[lane];
        }
    }
    for (into, from) in into_rest.iter_mut().zip(from_rest) {
        *into += scale * from;
    }
}

/// `into += from`.
#[inline(always)]
pub fn add(into: &mut [f32], from: &[f32]) {
    add_scaled(into, 1.0, from);
}

/// e to the power of `x` within 2 units in the last place, for `x` down to -87; below it, as good as 0.
///
/// The fraction's polynomial is that of the Cephes library (`expf`); there are no branches, so that it runs on whole vectors.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let halvings = rounded - ROUNDER;
    let rest = x - halvings * 0.693_359_4 + halvings * 2.121_944_4e-4;
    let mut series = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        series = series * rest + coefficient;
    }
    let fraction = series * rest * rest + rest + 1.0;
    fraction * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// Makes `size` floats of a buffer without keeping what it held.
pub fn fit(buffer: &mut Vec<f32>, size: usize) -> &mut [f32] {
    buffer.resize(size, 0.0);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for step in -8700..8800 {
            let x = step as f32 / 100.0;
            let error = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(error < 3e-7, "exp({x}) is off by {error}");
        }
    }

    #[test]
    fn dot_takes_every_element() {
        for size in [0, 1, 15, 16, 17, 40] {
            let ones = vec![1.0; size];
            assert_eq!(
                widest(
                    #[inline(always)]
                    || dot(&ones, &ones)
                ),
                size as f32
            );
        }
    }
}
