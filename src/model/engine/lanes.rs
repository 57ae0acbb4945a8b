//! Arithmetic between the products: norms, exponentials, soft maxima, quantising. Written so that the compiler fills the
//! registers of whichever kernel it is compiled for; no sum depends on how wide they are.

use super::kernel::Task;
use super::panel::{BLOCK, LANES, Piece};

/// Adding it to a float of less than 2^22 rounds to a whole number, which then stands in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;
/// e^x is taken for 0 below this.
const EXPONENT_MIN: f32 = -87.0;

/// x / (1 + e^-x), the gate of SwiGLU (Shazeer 2020, arXiv 2002.05202).
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// e^x within 2 units of the last place: 2^n by the exponent's bits, times a polynomial on half an interval to each side
/// (the coefficients of Cephes' `expf`). Below [`EXPONENT_MIN`] 0; above 88 as at 88.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let bounded = x.clamp(EXPONENT_MIN, 88.0);
    let shifted = bounded * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    // The logarithm of 2 in two parts: the first times n is exact.
    let r = bounded - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + coefficient;
    }
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let result = (p * r * r + r + 1.0) * power;
    if x < EXPONENT_MIN { 0.0 } else { result }
}

/// Root-mean-square norm (Zhang and Sennrich 2019, arXiv 1910.07467) of each row.
pub(super) struct Norm<'a> {
    /// Rows, each as long as `weights`.
    pub(super) rows: &'a [f32],
    /// What each column is multiplied with.
    pub(super) weights: &'a [f32],
    /// What is added to the mean square.
    pub(super) eps: f32,
    /// As long as `rows`.
    pub(super) out: &'a mut [f32],
}

impl Task for Norm<'_> {
    #[inline(always)]
    fn run(self) {
        let width = self.weights.len();
        for (row, out) in self.rows.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let scale = 1.0 / (sum(row, |x| x * x) / width as f32 + self.eps).sqrt();
            for ((out, x), weight) in out.iter_mut().zip(row).zip(self.weights) {
                *out = x * scale * weight;
            }
        }
    }
}

/// The sum of a function of each value, lane by lane.
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += of(chunk[lane]);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += of(x);
    }
    fold(sums, |a, b| a + b)
}

/// Halves against halves.
#[inline(always)]
fn fold(mut lanes: [f32; LANES], of: impl Fn(f32, f32) -> f32) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = of(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

/// Turns `seen` scores, times `scale`, into probabilities, and everything after them into 0. The row is of whole [`LANES`].
#[inline(always)]
pub(super) fn softmax(row: &mut [f32], seen: usize, scale: f32) {
    row[seen..].fill(f32::NEG_INFINITY);
    let chunks = row.as_chunks_mut::<LANES>().0;
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks.iter() {
        for lane in 0..LANES {
            most[lane] = if chunk[lane] > most[lane] { chunk[lane] } else { most[lane] };
        }
    }
    let most = fold(most, |a, b| if a > b { a } else { b });
    let mut sums = [0.0; LANES];
    for chunk in chunks.iter_mut() {
        for lane in 0..LANES {
            chunk[lane] = exp((chunk[lane] - most) * scale);
            sums[lane] += chunk[lane];
        }
    }
    let whole = 1.0 / fold(sums, |a, b| a + b);
    row.iter_mut().for_each(|p| *p *= whole);
}

/// A block of values as bytes with their scale.
#[inline(always)]
pub(super) fn quantise(block: &[f32; BLOCK], piece: &mut Piece) {
    // The order of positive floats is that of their bits, and whole numbers have a maximum that registers know.
    let most = block.iter().map(|x| x.to_bits() & !(1 << 31)).fold(0, u32::max);
    let most = f32::from_bits(most);
    let inverse = inverse(most);
    let whole = block.map(|x| (x * inverse + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32);
    piece.scale = most / 127.0;
    piece.offset = -128 * whole.iter().sum::<i32>();
    piece.groups.as_flattened_mut().iter_mut().zip(whole).for_each(|(byte, whole)| *byte = whole as u8);
}

/// What takes the largest of a block to 127; 0 for a block of zeros, or of what is as good as zero.
#[inline(always)]
pub(super) fn inverse(most: f32) -> f32 {
    if most > f32::MIN_POSITIVE { 127.0 / most } else { 0.0 }
}
