//! The kernels: the inner loop of every product, once for each kind of processor. The only unsafe code of the model; it
//! knows nothing of networks, and never reads or writes outside the slices that it is given.
//!
//! A tile is a few rows times one panel of [`COLUMNS`] columns. Each of its sums is one chain of additions in ascending
//! order of depth, in every kernel and for every number of rows, so what a row gives does not depend on its neighbours.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::array::from_fn;

/// Floats that the widest register holds.
pub(super) const LANES: usize = 16;
/// Columns of a panel: two registers of [`LANES`], so that twelve rows of sums fit the registers of AVX-512.
pub(super) const COLUMNS: usize = 2 * LANES;
/// Depth that shares a scale in quantised arithmetic, as in GGML's `Q8_0`.
pub(super) const BLOCK: usize = 32;
/// Depth that one 32-bit lane takes in one step of quantised arithmetic.
pub(super) const GROUP: usize = 4;
/// Most rows of a tile, in any kernel.
pub(super) const ROWS_MAX: usize = 12;

/// One row of a tile, or one step of depth of a panel: a value for each column.
pub(super) type Line = [[f32; LANES]; 2];

/// A panel at one depth, in floats.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Step(pub(super) Line);

/// A panel at [`BLOCK`] depths, in bytes: weight = (byte - 128) * scale.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Block {
    /// What each column's bytes are multiples of.
    pub(super) scales: Line,
    /// For each group of depths, for each column, its bytes.
    pub(super) bytes: [[[u8; GROUP * LANES]; 2]; BLOCK / GROUP],
}

/// A row's values at [`BLOCK`] depths, in bytes: value = byte * scale.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Piece {
    /// What the bytes are multiples of.
    pub(super) scale: f32,
    /// -128 times the sum of the bytes: undoes the 128 in a [`Block`]'s bytes.
    pub(super) offset: i32,
    /// [`GROUP`] signed bytes in each, the first lowest.
    pub(super) groups: [i32; BLOCK / GROUP],
}

/// Rows, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a, T> {
    /// The first row starts here.
    pub(super) data: &'a [T],
    /// From one row's start to the next one's.
    pub(super) stride: usize,
}

impl<'a, T> Rows<'a, T> {
    /// The rows from `first` on.
    pub(super) fn from(self, first: usize) -> Self {
        Self { data: &self.data[first * self.stride..], ..self }
    }

    fn take<const R: usize>(self, depth: usize) -> [&'a [T]; R] {
        from_fn(|row| &self.data[row * self.stride..][..depth])
    }
}

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
            Path::Portable => full_portable(rows, panel, tile),
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
            Path::Portable => quantised_portable(rows, panel, tile),
        }
    }
}

/// Calls the tile that was compiled for just so many rows.
macro_rules! by_rows {
    ($tile:ident($rows:ident, $panel:ident, $out:ident); $($count:literal)*) => {
        match $out.len() {
            $($count => $tile::<$count>($rows, $panel, $out),)*
            count => unreachable!("{count} rows: the product asks for no more than the kernel says"),
        }
    };
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
            let weights = [load_bytes_avx512(&bytes[0]), load_bytes_avx512(&bytes[1])];
            for (dots, row) in dots.iter_mut().zip(rows) {
                let values = _mm512_set1_epi32(row[depth].groups[group]);
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
                    let values = _mm256_set1_epi32(row[depth].groups[group]);
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

fn full_portable(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    by_rows!(full_portable_rows(rows, panel, out); 1 2 3 4);
}

fn full_portable_rows<const R: usize>(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    let mut sums = [[[0.0; LANES]; 2]; R];
    for (depth, Step(step)) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let pairs = sums.as_flattened_mut().iter_mut().zip(step.as_flattened());
            pairs.for_each(|(sum, weight)| *sum += row[depth] * weight);
        }
    }
    out.copy_from_slice(&sums);
}

fn quantised_portable(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    by_rows!(quantised_portable_rows(rows, panel, out); 1 2 3 4);
}

fn quantised_portable_rows<const R: usize>(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    out.fill(Line::default());
    for (depth, block) in panel.iter().enumerate() {
        for (out, row) in out.iter_mut().zip(rows) {
            let piece = &row[depth];
            let mut dots = [piece.offset; COLUMNS];
            for (bytes, group) in block.bytes.iter().zip(piece.groups) {
                dot_portable(bytes.as_flattened(), group, &mut dots);
            }
            let scaled = dots.iter().zip(block.scales.as_flattened());
            let scaled = scaled.map(|(&dot, scale)| dot as f32 * (piece.scale * scale));
            out.as_flattened_mut().iter_mut().zip(scaled).for_each(|(sum, scaled)| *sum += scaled);
        }
    }
}

fn dot_portable(bytes: &[u8], group: i32, dots: &mut [i32; COLUMNS]) {
    let values = group.to_le_bytes().map(|byte| i32::from(byte as i8));
    for (dot, bytes) in dots.iter_mut().zip(bytes.as_chunks::<GROUP>().0) {
        *dot += bytes.iter().zip(values).map(|(&byte, value)| i32::from(byte) * value).sum::<i32>();
    }
}
