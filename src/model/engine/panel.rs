//! Panels, and the rows that they are multiplied with: how numbers stand in memory for the [`kernel`](super::kernel).

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
    /// Signed bytes, as they stand in memory.
    pub(super) groups: [[u8; GROUP]; BLOCK / GROUP],
}

impl Piece {
    /// A group in one lane, its first byte lowest.
    pub(super) fn lane(&self, group: usize) -> i32 {
        i32::from_le_bytes(self.groups[group])
    }
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

    pub(super) fn take<const R: usize>(self, depth: usize) -> [&'a [T]; R] {
        from_fn(|row| &self.data[row * self.stride..][..depth])
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

pub(super) use by_rows;

/// Calls `quantise` with every block of every row.
#[inline(always)]
pub(super) fn blocks(rows: Rows<'_, f32>, pieces: &mut [Piece], quantise: impl Fn(&[f32; BLOCK], &mut Piece)) {
    let rows = rows.data.chunks_exact(rows.stride).zip(pieces.chunks_exact_mut(rows.stride.div_ceil(BLOCK)));
    for (row, pieces) in rows {
        let (blocks, rest) = row.as_chunks();
        blocks.iter().zip(pieces.iter_mut()).for_each(|(block, piece)| quantise(block, piece));
        if !rest.is_empty() {
            let mut block = [0.0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            quantise(&block, &mut pieces[blocks.len()]);
        }
    }
}
