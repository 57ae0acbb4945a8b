//! The decoder's flow: tokens in, logits of clusters out. It decides what is computed for which rows, and computes nothing itself.

use std::ops::Range;

use super::Prompts;
use super::attention::{Attention, Room, Rotary, Span};
use super::kernel::Kernel;
use super::lanes::Norm;
use super::panel::{Piece, Rows, Step};
use super::product::{Add, Gate, Out, Packed, Product, Sink, Store};
use crate::priority;

/// A network, packed.
#[derive(Debug)]
pub(super) struct Decoder<P> {
    /// Where it runs.
    pub(super) kernel: Kernel,
    /// Width of one head.
    pub(super) head: usize,
    /// Width of the feed-forward network's inner vector.
    pub(super) inner: usize,
    /// What is added to the mean square in norms.
    pub(super) eps: f32,
    /// Angles of positions.
    pub(super) rotary: Rotary,
    /// All matrices.
    pub(super) panels: Vec<P>,
    /// A row for each token.
    pub(super) embedding: Vec<f32>,
    /// Blocks, first to last.
    pub(super) layers: Vec<Layer>,
    /// Weights of the last norm.
    pub(super) norm: Vec<f32>,
    /// From a vector to the logits of clusters: in floats at any precision, because an error here goes to the answer as it is.
    pub(super) logits: Vec<Step>,
    /// How many of them.
    pub(super) clusters: usize,
}

/// One block.
#[derive(Debug)]
pub(super) struct Layer {
    /// Weights of the norm before attention.
    pub(super) before: Vec<f32>,
    /// To keys, then values.
    pub(super) keys_values: Matrix,
    /// To queries.
    pub(super) queries: Matrix,
    /// From the heads back.
    pub(super) heads: Matrix,
    /// Weights of the norm after attention.
    pub(super) after: Vec<f32>,
    /// To the gate and what it lets through, in turns.
    pub(super) gate_up: Matrix,
    /// From the inner vector back.
    pub(super) down: Matrix,
}

/// Where a matrix is in [`Decoder::panels`].
#[derive(Debug)]
pub(super) struct Matrix {
    /// All its panels.
    pub(super) panels: Range<usize>,
    /// Length of one.
    pub(super) depth: usize,
    /// Width of the rows that it is multiplied with.
    pub(super) width: usize,
}

/// One thread's working memory: rows of vectors, each buffer grown to the largest batch asked.
#[derive(Debug, Default)]
pub struct Scratch {
    spans: Vec<Span>,
    /// What the blocks add to.
    stream: Vec<f32>,
    normed: Vec<f32>,
    queries: Vec<f32>,
    keys_values: Vec<f32>,
    mixed: Vec<f32>,
    inner: Vec<f32>,
    pieces: Vec<Piece>,
    room: Room,
    gives_way: bool,
}

impl<P: Packed> Decoder<P> {
    /// The logits of every cluster after each prompt's last token.
    pub(super) fn logits(&self, scratch: &mut Scratch, prompts: &Prompts, logits: &mut Vec<f32>) {
        self.embed(scratch, prompts);
        for (number, layer) in self.layers.iter().enumerate() {
            self.look(layer, scratch);
            scratch.give_way();
            if number + 1 == self.layers.len() {
                scratch.keep_last(self.norm.len());
            }
            self.attend(layer, scratch);
            self.feed(layer, scratch);
            scratch.give_way();
        }
        self.normalise(&self.norm, &scratch.stream, &mut scratch.normed);
        logits.resize(prompts.len() * self.clusters, 0.0);
        let out = Out { data: logits, stride: self.clusters, width: self.clusters };
        let (kernel, count, depth) = (self.kernel, prompts.len(), self.norm.len());
        let rows = Rows { data: &scratch.normed[..], stride: depth };
        kernel.run(Product { kernel, rows, count, panels: &self.logits, depth, sink: Store(out) });
    }

    /// Memory of weights and tables.
    pub(super) fn bytes(&self) -> usize {
        let norms = (2 * self.layers.len() + 1) * size_of_val(&self.norm[..]);
        size_of_val(&self.panels[..])
            + size_of_val(&self.logits[..])
            + size_of_val(&self.embedding[..])
            + norms
            + self.rotary.bytes()
    }

    fn embed(&self, scratch: &mut Scratch, prompts: &Prompts) {
        let width = self.norm.len();
        scratch.spans.clear();
        scratch.stream.clear();
        for &token in &prompts.tokens {
            scratch.stream.extend_from_slice(&self.embedding[token as usize * width..][..width]);
        }
        let mut start = 0;
        for &end in &prompts.ends {
            let keys = end - start;
            scratch.spans.push(Span { start, keys, query: start, queries: keys });
            start = end;
        }
    }

    /// Keys and values of every row.
    fn look(&self, layer: &Layer, scratch: &mut Scratch) {
        self.normalise(&layer.before, &scratch.stream, &mut scratch.normed);
        let width = 2 * self.norm.len();
        scratch.keys_values.resize(scratch.stream.len() * 2, 0.0);
        let out = Out { data: &mut scratch.keys_values, stride: width, width };
        self.multiply(&layer.keys_values, (&scratch.normed, &mut scratch.pieces), Store(out));
    }

    /// Adds what the rows that are left find at their keys.
    fn attend(&self, layer: &Layer, scratch: &mut Scratch) {
        let width = self.norm.len();
        scratch.queries.resize(scratch.stream.len(), 0.0);
        scratch.mixed.resize(scratch.stream.len(), 0.0);
        let out = Out { data: &mut scratch.queries, stride: width, width };
        self.multiply(&layer.queries, (&scratch.normed, &mut scratch.pieces), Store(out));
        self.kernel.run(Attention {
            kernel: self.kernel,
            spans: &scratch.spans,
            width: (width, self.head),
            rotary: &self.rotary,
            queries: &mut scratch.queries,
            keys_values: &scratch.keys_values,
            out: &mut scratch.mixed,
            room: &mut scratch.room,
        });
        scratch.give_way();
        let out = Out { data: &mut scratch.stream, stride: width, width };
        self.multiply(&layer.heads, (&scratch.mixed, &mut scratch.pieces), Add(out));
        scratch.give_way();
    }

    /// Adds what the feed-forward network makes of each row.
    fn feed(&self, layer: &Layer, scratch: &mut Scratch) {
        let width = self.norm.len();
        self.normalise(&layer.after, &scratch.stream, &mut scratch.normed);
        scratch.inner.resize(scratch.stream.len() / width * self.inner, 0.0);
        let out = Out { data: &mut scratch.inner, stride: self.inner, width: self.inner };
        self.multiply(&layer.gate_up, (&scratch.normed, &mut scratch.pieces), Gate(out));
        scratch.give_way();
        let out = Out { data: &mut scratch.stream, stride: width, width };
        self.multiply(&layer.down, (&scratch.inner, &mut scratch.pieces), Add(out));
    }

    fn normalise(&self, weights: &[f32], rows: &[f32], out: &mut Vec<f32>) {
        out.resize(rows.len(), 0.0);
        self.kernel.run(Norm { rows, weights, eps: self.eps, out });
    }

    /// Rows, as wide as the matrix takes them, times a matrix.
    fn multiply(&self, matrix: &Matrix, (values, pieces): (&[f32], &mut Vec<Piece>), sink: impl Sink) {
        let stride = matrix.width;
        let rows = P::rows(self.kernel, Rows { data: values, stride }, pieces);
        let (count, panels) = (values.len() / stride, &self.panels[matrix.panels.clone()]);
        self.kernel.run(Product { kernel: self.kernel, rows, count, panels, depth: matrix.depth, sink });
    }
}

impl Scratch {
    /// For a thread that shares its processor with others that must not wait for a whole answer: after every product, some
    /// tens of microseconds, it offers the processor to them. Without that a request that wakes beside it waits for the
    /// rest of its time slice: measured, 3.2 times the 99th percentile at 200 answers a second on two processors, and 1.04
    /// times with it.
    pub fn giving_way() -> Self {
        Self { gives_way: true, ..Self::default() }
    }

    fn give_way(&self) {
        if self.gives_way {
            priority::offer();
        }
    }

    /// Keeps the last row of each prompt, but for keys and values: nothing else is asked of the last block.
    fn keep_last(&mut self, width: usize) {
        for (kept, span) in self.spans.iter_mut().enumerate() {
            let last = span.start + span.keys - 1;
            // A prompt has at least one row, so no row is overwritten before it was kept.
            for rows in [&mut self.stream, &mut self.normed] {
                rows.copy_within(last * width..(last + 1) * width, kept * width);
            }
            (span.query, span.queries) = (kept, 1);
        }
        self.stream.truncate(self.spans.len() * width);
        self.normed.truncate(self.spans.len() * width);
    }
}
