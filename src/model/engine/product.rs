//! Products: rows of values times a matrix packed in panels, panel after panel, so that each panel is read from far memory once.

use super::kernel::{Kernel, Task};
use super::lanes;
use super::panel::{BLOCK, Block, COLUMNS, LANES, Line, Piece, ROWS_MAX, Rows, Step};

/// How weights are packed, and what they are multiplied with.
pub(super) trait Packed: Sized {
    /// What rows are made of.
    type Value: Copy;
    /// Depths that one of these holds.
    const DEPTH: usize;

    /// Appends the panel of these columns, all of one length or empty.
    fn pack(columns: &[&[f32]; COLUMNS], panels: &mut Vec<Self>);

    /// Rows of floats, `width` each, as what this is multiplied with; `pieces` is room for it.
    fn rows<'a>(kernel: Kernel, values: Rows<'a, f32>, pieces: &'a mut Vec<Piece>) -> Rows<'a, Self::Value>;

    /// Most rows of a tile.
    fn rows_max(kernel: Kernel) -> usize;

    /// Rows times a panel.
    fn tile(kernel: Kernel, rows: Rows<'_, Self::Value>, panel: &[Self], tile: &mut [Line]);
}

/// Rows times panels, each `depth` long.
pub(super) struct Product<'a, P: Packed, S> {
    /// Where it runs.
    pub(super) kernel: Kernel,
    /// The left side.
    pub(super) rows: Rows<'a, P::Value>,
    /// How many rows.
    pub(super) count: usize,
    /// The right side.
    pub(super) panels: &'a [P],
    /// Length of one panel.
    pub(super) depth: usize,
    /// What becomes of it.
    pub(super) sink: S,
}

/// Takes the rows of tiles.
pub(super) trait Sink {
    /// The columns of one panel in one row.
    fn put(&mut self, row: usize, panel: usize, line: &Line);
}

impl<P: Packed, S: Sink> Task for Product<'_, P, S> {
    #[inline(always)]
    fn run(mut self) {
        let mut tile = [Line::default(); ROWS_MAX];
        let tiles = self.count.div_ceil(P::rows_max(self.kernel));
        for (number, panel) in self.panels.chunks_exact(self.depth).enumerate() {
            for index in 0..tiles {
                // Tiles of nearly equal height: a low last one would leave the arithmetic waiting for its own results.
                let (first, end) = (index * self.count / tiles, (index + 1) * self.count / tiles);
                let tile = &mut tile[..end - first];
                P::tile(self.kernel, self.rows.from(first), panel, tile);
                (first..).zip(tile).for_each(|(row, line)| self.sink.put(row, number, line));
            }
        }
    }
}

/// Rows that results go to: `width` columns of each, `stride` apart.
pub(super) struct Out<'a> {
    /// The first row starts here.
    pub(super) data: &'a mut [f32],
    /// From one row's start to the next one's.
    pub(super) stride: usize,
    /// Columns that there are; panels may hold more.
    pub(super) width: usize,
}

impl Out<'_> {
    #[inline(always)]
    fn columns(&mut self, row: usize, first: usize, count: usize) -> &mut [f32] {
        let end = self.width.min(first + count);
        &mut self.data[row * self.stride..][first..end]
    }
}

/// Replaces what was there.
pub(super) struct Store<'a>(pub(super) Out<'a>);

impl Sink for Store<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, panel: usize, line: &Line) {
        put(self.0.columns(row, panel * COLUMNS, COLUMNS), line);
    }
}

/// Adds to what was there.
pub(super) struct Add<'a>(pub(super) Out<'a>);

impl Sink for Add<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, panel: usize, line: &Line) {
        let columns = self.0.columns(row, panel * COLUMNS, COLUMNS);
        columns.iter_mut().zip(line.as_flattened()).for_each(|(sum, value)| *sum += value);
    }
}

/// SwiGLU: panels hold [`LANES`] columns of the gate, then the same columns of what it lets through.
pub(super) struct Gate<'a>(pub(super) Out<'a>);

impl Sink for Gate<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, panel: usize, [gate, up]: &Line) {
        let mut passed = [0.0; LANES];
        for lane in 0..LANES {
            passed[lane] = lanes::silu(gate[lane]) * up[lane];
        }
        put(self.0.columns(row, panel * LANES, LANES), &[passed]);
    }
}

/// As many values as there is room for, in whole registers as far as they go.
#[inline(always)]
fn put(columns: &mut [f32], values: &[[f32; LANES]]) {
    let (whole, rest) = columns.as_chunks_mut();
    whole.iter_mut().zip(values).for_each(|(columns, values)| *columns = *values);
    if !rest.is_empty() {
        rest.copy_from_slice(&values[whole.len()][..rest.len()]);
    }
}

impl Packed for Step {
    type Value = f32;
    const DEPTH: usize = 1;

    fn pack(columns: &[&[f32]; COLUMNS], panels: &mut Vec<Self>) {
        let depths = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        for depth in 0..depths {
            let mut step = Self::default();
            let values = columns.map(|column| column.get(depth).copied().unwrap_or(0.0));
            step.0.as_flattened_mut().copy_from_slice(&values);
            panels.push(step);
        }
    }

    fn rows<'a>(_: Kernel, values: Rows<'a, f32>, _: &'a mut Vec<Piece>) -> Rows<'a, f32> {
        values
    }

    fn rows_max(kernel: Kernel) -> usize {
        kernel.full_rows()
    }

    fn tile(kernel: Kernel, rows: Rows<'_, f32>, panel: &[Self], tile: &mut [Line]) {
        kernel.full(rows, panel, tile);
    }
}

impl Packed for Block {
    type Value = Piece;
    const DEPTH: usize = BLOCK;

    fn pack(columns: &[&[f32]; COLUMNS], panels: &mut Vec<Self>) {
        let depths = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        for first in (0..depths).step_by(BLOCK) {
            let mut block = Self { scales: Line::default(), bytes: [[[128; _]; _]; _] };
            for (column, weights) in columns.iter().enumerate() {
                let weights = &weights[first.min(weights.len())..(first + BLOCK).min(weights.len())];
                pack_column(&mut block, column, weights);
            }
            panels.push(block);
        }
    }

    fn rows<'a>(kernel: Kernel, values: Rows<'a, f32>, pieces: &'a mut Vec<Piece>) -> Rows<'a, Piece> {
        let stride = values.stride.div_ceil(BLOCK);
        pieces.resize(values.data.len() / values.stride * stride, Piece::default());
        kernel.quantise(values, pieces);
        Rows { data: pieces, stride }
    }

    fn rows_max(kernel: Kernel) -> usize {
        kernel.quantised_rows()
    }

    fn tile(kernel: Kernel, rows: Rows<'_, Piece>, panel: &[Self], tile: &mut [Line]) {
        kernel.quantised(rows, panel, tile);
    }
}

fn pack_column(block: &mut Block, column: usize, weights: &[f32]) {
    let (half, lane) = (column / LANES, column % LANES);
    let scale = weights.iter().fold(0.0, |most: f32, weight| most.max(weight.abs())) / 127.0;
    block.scales[half][lane] = scale;
    for (depth, weight) in weights.iter().enumerate() {
        // A block of zeros has scale 0, and 0/0 casts to 0.
        let byte = (weight / scale).round() as i32 + 128;
        block.bytes[depth / 4][half][lane * 4 + depth % 4] = byte as u8;
    }
}
