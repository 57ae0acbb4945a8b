//! The kernels: the inner loop of every product, once for each kind of processor. The only unsafe code of the model; it
//! knows nothing of networks, and never reads or writes outside the slices that it is given.
//!
//! A tile is a few rows times one panel of [`COLUMNS`] columns. Each of its sums is one chain of additions in ascending
//! order of depth, in every kernel and for every number of rows, so what a row gives does not depend on its neighbours.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::array::from_fn;

use super::panel::{BLOCK, Block, GROUP, LANES, Line, Piece, Rows, Step, blocks, by_rows};
use super::{lanes, portable};

/// How far ahead of the arithmetic weights are asked for.
const AHEAD_BYTES: usize = 2048;
/// Work that is compiled once for each kernel, with its instructions: `run` and all that it calls must be
/// `#[inline(always)]`, or it is compiled for the oldest processor.
pub(super) trait Task {
    /// Does it.
    fn run(self);
}

/// A kind of processor, known to be this one: there is no way to make a kernel that cannot run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Path);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Kernel {
    /// Every kernel that runs on this processor, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            // The wide kernel is for processors that also multiply bytes (Ice Lake, Zen 4 and later).
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni");
            let narrow = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            paths.extend((wide && narrow).then_some(Path::Avx512));
            paths.extend(narrow.then_some(Path::Avx2));
        }
        paths.push(Path::Portable);
        paths.into_iter().map(Self).collect()
    }

    /// Its name.
    pub fn label(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => "avx2",
            Path::Portable => "portable",
        }
    }

    /// Does a task with all instructions of this processor.
    #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
    #[inline]
    pub(super) fn run(self, task: impl Task) {
        match self.0 {
            // SAFETY: `available`, which alone makes kernels, has asked the processor for the features.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { run_avx512(task) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { run_avx2(task) },
            Path::Portable => task.run(),
        }
    }

    /// Most rows of a tile of floats.
    pub(super) fn full_rows(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => 12,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => 6,
            Path::Portable => 4,
        }
    }

    /// Most rows of a tile of bytes.
    pub(super) fn quantised_rows(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => 6,
            _ => 4,
        }
    }

    /// Rows of floats, one right after the other, as bytes; a row that does not fill its last block is filled up with 0.
    #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
    pub(super) fn quantise(self, rows: Rows<'_, f32>, pieces: &mut [Piece]) {
        match self.0 {
            // SAFETY: `available`, which alone makes kernels, has asked the processor for the features.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { quantise_avx512(rows, pieces) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { quantise_avx2(rows, pieces) },
            Path::Portable => blocks(rows, pieces, lanes::quantise),
        }
    }

    /// Rows (`tile.len()` of them, at most [`full_rows`](Self::full_rows)) times a panel. Each row is as long as the panel is deep.
    #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
    pub(super) fn full(self, rows: Rows<'_, f32>, panel: &[Step], tile: &mut [Line]) {
        match self.0 {
            // SAFETY: `available`, which alone makes kernels, has asked the processor for the features.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { full_avx512(rows, panel, tile) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { full_avx2(rows, panel, tile) },
            Path::Portable => portable::full(rows, panel, tile),
        }
    }

    /// The same in bytes, with at most [`quantised_rows`](Self::quantised_rows).
    #[allow(unsafe_code, reason = "only the processor at hand tells which instructions may run")]
    pub(super) fn quantised(self, rows: Rows<'_, Piece>, panel: &[Block], tile: &mut [Line]) {
        match self.0 {
            // SAFETY: `available`, which alone makes kernels, has asked the processor for the features.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { quantised_avx512(rows, panel, tile) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => unsafe { quantised_avx2(rows, panel, tile) },
            Path::Portable => portable::quantised(rows, panel, tile),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn run_avx512(task: impl Task) {
    task.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(task: impl Task) {
    task.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn full_avx512(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    by_rows!(full_avx512_rows(rows, panel, out); 1 2 3 4 5 6 7 8 9 10 11 12);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn full_avx512_rows<const R: usize>(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    for (depth, Step(step)) in panel.iter().enumerate() {
        fetch_avx512(step.as_ptr(), AHEAD_BYTES);
        let weights = [load_avx512(&step[0]), load_avx512(&step[1])];
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = _mm512_set1_ps(row[depth]);
            sums[0] = _mm512_fmadd_ps(value, weights[0], sums[0]);
            sums[1] = _mm512_fmadd_ps(value, weights[1], sums[1]);
        }
    }
    store_avx512(sums, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn quantise_avx512(rows: Rows<'_, f32>, pieces: &mut [Piece]) {
    blocks(rows, pieces, |block, piece| quantise_block_avx512(block, piece));
}

/// By hand, because the compiler takes a register apart for its sum.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "wide loads and stores take pointers")]
#[inline]
fn quantise_block_avx512(block: &[f32; BLOCK], piece: &mut Piece) {
    // SAFETY: the array is as long as two registers; the loads need no alignment.
    let values = unsafe { [_mm512_loadu_ps(block.as_ptr()), _mm512_loadu_ps(block.as_ptr().add(LANES))] };
    let most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(values[0]), _mm512_abs_ps(values[1])));
    let inverse = _mm512_set1_ps(lanes::inverse(most));
    let whole = values.map(|values| _mm512_cvtps_epi32(_mm512_mul_ps(values, inverse)));
    piece.scale = most / 127.0;
    piece.offset = -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(whole[0], whole[1]));
    let bytes = _mm256_set_m128i(_mm512_cvtepi32_epi8(whole[1]), _mm512_cvtepi32_epi8(whole[0]));
    // SAFETY: the array is as long as the register; the store needs no alignment.
    unsafe { _mm256_storeu_si256(piece.groups.as_mut_ptr().cast(), bytes) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn quantised_avx512(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    by_rows!(quantised_avx512_rows(rows, panel, out); 1 2 3 4 5 6);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn quantised_avx512_rows<const R: usize>(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    for (depth, block) in panel.iter().enumerate() {
        let mut dots: [_; R] = from_fn(|row| [_mm512_set1_epi32(rows[row][depth].offset); 2]);
        for (group, bytes) in block.bytes.iter().enumerate() {
            fetch_avx512(bytes.as_ptr(), AHEAD_BYTES);
            let weights = [load_bytes_avx512(&bytes[0]), load_bytes_avx512(&bytes[1])];
            for (dots, row) in dots.iter_mut().zip(rows) {
                let values = _mm512_set1_epi32(row[depth].lane(group));
                dots[0] = _mm512_dpbusd_epi32(dots[0], weights[0], values);
                dots[1] = _mm512_dpbusd_epi32(dots[1], weights[1], values);
            }
        }
        let scales = [load_avx512(&block.scales[0]), load_avx512(&block.scales[1])];
        for ((sums, dots), row) in sums.iter_mut().zip(dots).zip(rows) {
            let scale = _mm512_set1_ps(row[depth].scale);
            for half in 0..2 {
                let scale = _mm512_mul_ps(scale, scales[half]);
                sums[half] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[half]), scale, sums[half]);
            }
        }
    }
    store_avx512(sums, out);
}

/// Asks for the two cache lines that a panel's next steps stand in.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn fetch_avx512<T>(here: *const T, bytes: usize) {
    let there = here.cast::<i8>().wrapping_add(bytes);
    _mm_prefetch::<_MM_HINT_T0>(there);
    _mm_prefetch::<_MM_HINT_T0>(there.wrapping_add(64));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "wide loads take pointers")]
fn load_avx512(values: &[f32; LANES]) -> __m512 {
    // SAFETY: the array is as long as the register; the load needs no alignment.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "wide loads take pointers")]
fn load_bytes_avx512(bytes: &[u8; GROUP * LANES]) -> __m512i {
    // SAFETY: the array is as long as the register; the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code, reason = "wide stores take pointers")]
fn store_avx512<const R: usize>(sums: [[__m512; 2]; R], out: &mut [Line]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        for (out, sum) in out.iter_mut().zip(sum) {
            // SAFETY: the array is as long as the register; the store needs no alignment.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn full_avx2(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    by_rows!(full_avx2_rows(rows, panel, out); 1 2 3 4 5 6);
}

/// One half of the columns after the other: six rows of two registers of sums are all that sixteen registers hold.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn full_avx2_rows<const R: usize>(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        for (depth, Step(step)) in panel.iter().enumerate() {
            let weights = load_avx2(&step[half]);
            for (sums, row) in sums.iter_mut().zip(rows) {
                let value = _mm256_set1_ps(row[depth]);
                sums[0] = _mm256_fmadd_ps(value, weights[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(value, weights[1], sums[1]);
            }
        }
        store_avx2(sums, out, half);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn quantise_avx2(rows: Rows<'_, f32>, pieces: &mut [Piece]) {
    blocks(rows, pieces, lanes::quantise);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn quantised_avx2(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    by_rows!(quantised_avx2_rows(rows, panel, out); 1 2 3 4);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn quantised_avx2_rows<const R: usize>(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        for (depth, block) in panel.iter().enumerate() {
            let mut dots = [[_mm256_setzero_si256(); 2]; R];
            for (group, bytes) in block.bytes.iter().enumerate() {
                let weights = load_bytes_avx2(&bytes[half]);
                for (dots, row) in dots.iter_mut().zip(rows) {
                    let values = _mm256_set1_epi32(row[depth].lane(group));
                    dots[0] = _mm256_add_epi32(dots[0], dot_avx2(weights[0], values));
                    dots[1] = _mm256_add_epi32(dots[1], dot_avx2(weights[1], values));
                }
            }
            let scales = load_avx2(&block.scales[half]);
            for ((sums, dots), row) in sums.iter_mut().zip(dots).zip(rows) {
                for part in 0..2 {
                    let scale = _mm256_mul_ps(_mm256_set1_ps(row[depth].scale), scales[part]);
                    sums[part] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[part]), scale, sums[part]);
                }
            }
        }
        store_avx2(sums, out, half);
    }
}

/// The dot products of four signed bytes in each lane. The instruction's pairs saturate at 16 bits, so neither side may
/// exceed 127: the weights' sign goes to the values, and what is left of 255 is at most 127.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(weights: __m256i, values: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(values, weights));
    _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[allow(unsafe_code, reason = "wide loads take pointers")]
fn load_avx2(values: &[f32; LANES]) -> [__m256; 2] {
    // SAFETY: the array is as long as two registers; the loads need no alignment.
    unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(LANES / 2))] }
}

/// As signed bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[allow(unsafe_code, reason = "wide loads take pointers")]
fn load_bytes_avx2(bytes: &[u8; GROUP * LANES]) -> [__m256i; 2] {
    let start: *const __m256i = bytes.as_ptr().cast();
    // SAFETY: the array is as long as two registers; the loads need no alignment.
    let loaded = unsafe { [_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))] };
    loaded.map(|bytes| _mm256_xor_si256(bytes, _mm256_set1_epi8(i8::MIN)))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[allow(unsafe_code, reason = "wide stores take pointers")]
fn store_avx2<const R: usize>(sums: [[__m256; 2]; R], out: &mut [Line], half: usize) {
    for (out, [low, high]) in out.iter_mut().zip(sums) {
        let start = out[half].as_mut_ptr();
        // SAFETY: the array is as long as two registers; the stores need no alignment.
        unsafe {
            _mm256_storeu_ps(start, low);
            _mm256_storeu_ps(start.add(LANES / 2), high);
        }
    }
}
