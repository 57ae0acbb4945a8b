//! Causal attention of a batch of prompts, head by head, on the same tiles as the products.

use super::kernel::{Kernel, Task};
use super::lanes;
use super::panel::{COLUMNS, Rows, Step};
use super::product::{Out, Product, Store};

/// Where a prompt's rows are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// First row of its keys and values.
    pub(super) start: usize,
    /// How many keys it has.
    pub(super) keys: usize,
    /// First row of its queries.
    pub(super) query: usize,
    /// How many queries: those of its last positions.
    pub(super) queries: usize,
}

/// Rotary angles (Su et al. 2021, arXiv 2104.09864), as Hugging Face's Llama pairs them: column i with i + half a head.
#[derive(Debug)]
pub(super) struct Rotary {
    half: usize,
    /// (cosine, sine) for each position, for each pair.
    turns: Vec<(f32, f32)>,
}

impl Rotary {
    /// For heads of a width, at positions from 0 on.
    pub(super) fn new(width: usize, base: f64, positions: usize) -> Self {
        let half = width / 2;
        let turn = |position: usize, pair: usize| {
            let angle = position as f64 * base.powf(-2.0 * pair as f64 / width as f64);
            (angle.cos() as f32, angle.sin() as f32)
        };
        let turns = (0..positions).flat_map(|position| (0..half).map(move |pair| turn(position, pair))).collect();
        Self { half, turns }
    }

    #[inline(always)]
    fn turn(&self, head: &mut [f32], position: usize) {
        let turns = &self.turns[position * self.half..][..self.half];
        let (low, high) = head.split_at_mut(self.half);
        for ((low, high), (cos, sin)) in low.iter_mut().zip(high).zip(turns) {
            (*low, *high) = (*low * cos - *high * sin, *high * cos + *low * sin);
        }
    }

    /// Memory of the angles.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.turns[..])
    }
}

/// Room for one head of one prompt.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Panels of keys: a column for each, as deep as a head is wide.
    keys: Vec<Step>,
    /// Panels of values, as deep as there are keys.
    values: Vec<Step>,
    /// Queries x keys, the latter filled up to whole panels.
    scores: Vec<f32>,
    /// One key, turned.
    key: Vec<f32>,
}

/// Attention of every head of some prompts.
pub(super) struct Attention<'a> {
    /// Where it runs.
    pub(super) kernel: Kernel,
    /// The prompts.
    pub(super) spans: &'a [Span],
    /// Width of all heads together, and of one.
    pub(super) width: (usize, usize),
    /// Angles of positions.
    pub(super) rotary: &'a Rotary,
    /// Queries, `width` each, not yet turned.
    pub(super) queries: &'a mut [f32],
    /// Keys (not yet turned), then values, twice `width` each.
    pub(super) keys_values: &'a [f32],
    /// As many rows as queries.
    pub(super) out: &'a mut [f32],
    /// Working memory.
    pub(super) room: &'a mut Room,
}

impl Task for Attention<'_> {
    #[inline(always)]
    fn run(mut self) {
        let (width, head) = self.width;
        for span in self.spans {
            for column in (0..width).step_by(head) {
                self.pack(span, column);
                self.score(span, column);
                self.mix(span, column);
            }
        }
    }
}

impl Attention<'_> {
    /// Packs one head's keys, turned, and values in panels.
    #[inline(always)]
    fn pack(&mut self, span: &Span, column: usize) {
        let (width, head) = self.width;
        let room = &mut *self.room;
        room.keys.resize(span.keys.div_ceil(COLUMNS) * head, Step::default());
        room.values.resize(head.div_ceil(COLUMNS) * span.keys, Step::default());
        room.key.resize(head, 0.0);
        for position in 0..span.keys {
            let row = &self.keys_values[(span.start + position) * 2 * width..][..2 * width];
            room.key.copy_from_slice(&row[column..][..head]);
            self.rotary.turn(&mut room.key, position);
            let panel = &mut room.keys[position / COLUMNS * head..][..head];
            for (step, &value) in panel.iter_mut().zip(&room.key) {
                step.0.as_flattened_mut()[position % COLUMNS] = value;
            }
            let values = row[width + column..][..head].chunks(COLUMNS);
            for (values, panel) in values.zip(room.values.chunks_exact_mut(span.keys)) {
                panel[position].0.as_flattened_mut()[..values.len()].copy_from_slice(values);
            }
        }
    }

    /// Queries times keys, and what each query then pays to each key up to its own position.
    #[inline(always)]
    fn score(&mut self, span: &Span, column: usize) {
        let (width, head) = self.width;
        let rows = &mut self.queries[span.query * width..][..span.queries * width];
        let stride = span.keys.next_multiple_of(COLUMNS);
        let first = span.keys - span.queries;
        for (position, row) in (first..).zip(rows.chunks_exact_mut(width)) {
            self.rotary.turn(&mut row[column..][..head], position);
        }
        self.room.scores.resize(span.queries * stride, 0.0);
        let sink = Store(Out { data: &mut self.room.scores, stride, width: stride });
        let rows = Rows { data: &rows[column..], stride: width };
        let (kernel, count, panels) = (self.kernel, span.queries, &self.room.keys[..]);
        Product { kernel, rows, count, panels, depth: head, sink }.run();
        for (position, row) in (first..).zip(self.room.scores.chunks_exact_mut(stride)) {
            lanes::softmax(row, position + 1, 1.0 / (head as f32).sqrt());
        }
    }

    /// The values, weighted by what was paid to their keys.
    #[inline(always)]
    fn mix(&mut self, span: &Span, column: usize) {
        let (width, head) = self.width;
        let data = &mut self.out[span.query * width..][..span.queries * width];
        let sink = Store(Out { data: &mut data[column..], stride: width, width: head });
        let rows = Rows { data: &self.room.scores[..], stride: span.keys.next_multiple_of(COLUMNS) };
        let (kernel, count, panels) = (self.kernel, span.queries, &self.room.values[..]);
        Product { kernel, rows, count, panels, depth: span.keys, sink }.run();
    }
}
