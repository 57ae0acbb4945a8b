//! One block of the decoder: attention and the feed-forward network, each after a norm and added to what came in; and its derivative.
//!
//! The last block computes only what the last token of each prompt needs, because the answer is read there and nowhere else.

use super::layout::{BlockPlaces, Layout};
use super::math::attention::{Asked, Attention, Gradients, Inputs};
use super::math::dropout::Dropout;
use super::math::gate;
use super::math::linear::{Linear, Write, weight_gradient};
use super::math::norm::Norm;
use super::math::rotary::{Rotary, Turn};
use super::math::vector::{add, fit, widest};

/// A block with all that it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) layout: &'a Layout,
    pub(super) places: &'a BlockPlaces,
    pub(super) parameters: &'a [f32],
    pub(super) rotary: &'a Rotary,
    pub(super) rows: &'a Rows,
    pub(super) asked: Asked,
    pub(super) dropout: Dropout,
}

/// How prompts of any lengths lie in rows, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Where each prompt ends.
    pub(super) ends: Vec<usize>,
    /// Each row's place in its prompt.
    pub(super) positions: Vec<usize>,
    /// Each prompt's last row.
    pub(super) lasts: Vec<usize>,
    /// The places of those.
    pub(super) last_positions: Vec<usize>,
}

/// What the forward pass keeps for the derivative.
#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    /// What came in, of every row.
    pub(super) input: Vec<f32>,
    normed: Vec<f32>,
    scales: Vec<f32>,
    /// Of the rows that ask, where these are not all: what came in, and its norm.
    asked_input: Vec<f32>,
    asked_normed: Vec<f32>,
    queries: Vec<f32>,
    pairs: Vec<f32>,
    shares: Vec<f32>,
    heads: Vec<f32>,
    /// After attention, of the rows that ask.
    middle: Vec<f32>,
    middle_normed: Vec<f32>,
    middle_scales: Vec<f32>,
    gates: Vec<f32>,
    gated: Vec<f32>,
}

/// Memory that holds nothing between two blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    branch: Vec<f32>,
    wide: Vec<f32>,
    queries: Vec<f32>,
    pairs: Vec<f32>,
    normed: Vec<f32>,
}

/// The place of attention's dropout mask; the feed-forward network's is the next.
const ATTENTION_MASK: u32 = 1;
const FORWARD_MASK: u32 = 2;

impl Rows {
    /// Lays out prompts that end at `ends`.
    pub(super) fn set(&mut self, ends: &[usize]) {
        self.ends.clear();
        self.positions.clear();
        self.lasts.clear();
        self.last_positions.clear();
        let mut first = 0;
        for &end in ends {
            self.ends.push(end);
            self.positions.extend(0..end - first);
            self.lasts.push(end - 1);
            self.last_positions.push(end - 1 - first);
            first = end;
        }
    }

    fn positions_of(&self, asked: Asked) -> &[usize] {
        if asked == Asked::All { &self.positions } else { &self.last_positions }
    }
}

impl<'a> Block<'a> {
    /// From `tape.input` (rows x width) to `out` (asked rows x width).
    pub(super) fn forward(&self, tape: &mut Tape, scratch: &mut Scratch, out: &mut Vec<f32>) {
        self.attend(tape, scratch);
        let width = self.layout.width;
        let asked = tape.middle.len() / width;
        let normed = fit(&mut tape.middle_normed, tape.middle.len());
        self.forward_norm().forward(&tape.middle, normed, fit(&mut tape.middle_scales, asked));
        let inner = self.layout.inner;
        self.gates().forward(normed, fit(&mut tape.gates, asked * 2 * inner));
        gate::forward(&tape.gates, inner, fit(&mut tape.gated, asked * inner));
        let branch = fit(&mut scratch.branch, asked * width);
        self.down().forward(&tape.gated, branch);
        out.clone_from(&tape.middle);
        self.dropout.at(FORWARD_MASK).add(out, branch);
    }

    fn attend(&self, tape: &mut Tape, scratch: &mut Scratch) {
        let width = self.layout.width;
        let rows = tape.input.len() / width;
        let normed = fit(&mut tape.normed, rows * width);
        self.attention_norm().forward(&tape.input, normed, fit(&mut tape.scales, rows));
        self.pairs().forward(normed, fit(&mut tape.pairs, rows * 2 * width));
        self.rotary.turn(&mut tape.pairs, (width, 2 * width), &self.rows.positions, Turn::Forward);
        self.gather_asked(tape);
        let (input, normed) = match self.asked {
            Asked::All => (&tape.input, &tape.normed),
            Asked::Last => (&tape.asked_input, &tape.asked_normed),
        };
        let asked = input.len();
        self.queries().forward(normed, fit(&mut tape.queries, asked));
        let positions = self.rows.positions_of(self.asked);
        self.rotary.turn(&mut tape.queries, (width, width), positions, Turn::Forward);
        let heads = fit(&mut tape.heads, asked);
        let inputs = Inputs { queries: &tape.queries, pairs: &tape.pairs };
        self.attention().forward(inputs, heads, &mut tape.shares);
        let branch = fit(&mut scratch.branch, asked);
        self.out().forward(heads, branch);
        tape.middle.clone_from(input);
        self.dropout.at(ATTENTION_MASK).add(&mut tape.middle, branch);
    }

    fn gather_asked(&self, tape: &mut Tape) {
        if self.asked == Asked::Last {
            gather(&tape.input, &self.rows.lasts, &mut tape.asked_input, self.layout.width);
            gather(&tape.normed, &self.rows.lasts, &mut tape.asked_normed, self.layout.width);
        }
    }

    /// Turns `d_out` (asked rows x width) into the input's gradient (rows x width), and writes the parameters' to `gradient`.
    pub(super) fn backward(&self, tape: &mut Tape, scratch: &mut Scratch, d_out: &mut Vec<f32>, gradient: &mut [f32]) {
        self.forward_network_backward(tape, scratch, d_out, gradient);
        let width = self.layout.width;
        let branch = fit(&mut scratch.branch, d_out.len());
        self.dropout.at(ATTENTION_MASK).copy(branch, d_out);
        weight_gradient(branch, &tape.heads, &mut gradient[self.places.out.clone()], width);
        let d_heads = fit(&mut scratch.normed, d_out.len());
        self.out().backward(branch, d_heads, Write::Replace);
        let d_queries = fit(&mut scratch.queries, d_out.len());
        let d_pairs = fit(&mut scratch.pairs, tape.pairs.len());
        let mut into = Gradients { queries: d_queries, pairs: d_pairs };
        let inputs = Inputs { queries: &tape.queries, pairs: &tape.pairs };
        self.attention().backward(d_heads, inputs, &tape.shares, &mut into);
        self.rotary.turn(d_queries, (width, width), self.rows.positions_of(self.asked), Turn::Back);
        self.rotary.turn(d_pairs, (width, 2 * width), &self.rows.positions, Turn::Back);
        self.input_backward(tape, scratch, d_out, gradient);
    }

    /// From the queries' and pairs' gradients in `scratch` to the input's in `d_out`.
    fn input_backward(&self, tape: &Tape, scratch: &mut Scratch, d_out: &mut Vec<f32>, gradient: &mut [f32]) {
        let width = self.layout.width;
        let (d_queries, d_pairs) = (&scratch.queries, &scratch.pairs);
        weight_gradient(d_pairs, &tape.normed, &mut gradient[self.places.pairs.clone()], width);
        weight_gradient(d_queries, tape.asked(self.asked).1, &mut gradient[self.places.queries.clone()], width);
        let d_normed = fit(&mut scratch.normed, tape.input.len());
        self.pairs().backward(d_pairs, d_normed, Write::Replace);
        if self.asked == Asked::All {
            self.queries().backward(d_queries, d_normed, Write::Add);
        } else {
            let d_asked = fit(&mut scratch.branch, d_queries.len());
            self.queries().backward(d_queries, d_asked, Write::Replace);
            scatter_add(d_asked, &self.rows.lasts, d_normed, width);
        }
        let d_norm = &mut gradient[self.places.attention_norm.clone()];
        self.attention_norm().backward(d_normed, (&tape.input, &tape.scales), d_norm);
        if self.asked == Asked::All {
            widest(
                #[inline(always)]
                || add(d_out, d_normed),
            );
        } else {
            scatter_add(d_out, &self.rows.lasts, d_normed, width);
            d_out.clone_from(&scratch.normed);
        }
    }

    /// Turns the gradient of what comes out in `d_out` into that of what attention gave.
    fn forward_network_backward(
        &self,
        tape: &mut Tape,
        scratch: &mut Scratch,
        d_out: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (width, inner) = (self.layout.width, self.layout.inner);
        let branch = fit(&mut scratch.branch, d_out.len());
        self.dropout.at(FORWARD_MASK).copy(branch, d_out);
        weight_gradient(branch, &tape.gated, &mut gradient[self.places.down.clone()], inner);
        let d_gated = fit(&mut scratch.wide, tape.gated.len());
        self.down().backward(branch, d_gated, Write::Replace);
        gate::backward(d_gated, inner, &mut tape.gates);
        weight_gradient(&tape.gates, &tape.middle_normed, &mut gradient[self.places.gates.clone()], width);
        self.gates().backward(&tape.gates, branch, Write::Replace);
        let d_norm = &mut gradient[self.places.forward_norm.clone()];
        self.forward_norm().backward(branch, (&tape.middle, &tape.middle_scales), d_norm);
        widest(
            #[inline(always)]
            || add(d_out, branch),
        );
    }

    fn attention(&self) -> Attention<'a> {
        Attention { width: self.layout.width, heads: self.layout.heads, ends: &self.rows.ends, asked: self.asked }
    }

    fn attention_norm(&self) -> Norm<'a> {
        Norm { weights: &self.parameters[self.places.attention_norm.clone()], eps: self.layout.eps }
    }

    fn forward_norm(&self) -> Norm<'a> {
        Norm { weights: &self.parameters[self.places.forward_norm.clone()], eps: self.layout.eps }
    }

    fn queries(&self) -> Linear<'a> {
        self.linear(&self.places.queries, self.layout.width)
    }

    fn pairs(&self) -> Linear<'a> {
        self.linear(&self.places.pairs, self.layout.width)
    }

    fn out(&self) -> Linear<'a> {
        self.linear(&self.places.out, self.layout.width)
    }

    fn gates(&self) -> Linear<'a> {
        self.linear(&self.places.gates, self.layout.width)
    }

    fn down(&self) -> Linear<'a> {
        self.linear(&self.places.down, self.layout.inner)
    }

    fn linear(&self, place: &std::ops::Range<usize>, inputs: usize) -> Linear<'a> {
        Linear { weights: &self.parameters[place.clone()], inputs }
    }
}

impl Tape {
    /// What came in at the rows that ask, and its norm.
    fn asked(&self, asked: Asked) -> (&[f32], &[f32]) {
        match asked {
            Asked::All => (&self.input, &self.normed),
            Asked::Last => (&self.asked_input, &self.asked_normed),
        }
    }
}

/// Copies some rows, one after the other.
fn gather(from: &[f32], rows: &[usize], into: &mut Vec<f32>, width: usize) {
    into.clear();
    rows.iter().for_each(|row| into.extend_from_slice(&from[row * width..(row + 1) * width]));
}

/// Adds rows to where they were gathered from.
fn scatter_add(from: &[f32], rows: &[usize], into: &mut [f32], width: usize) {
    widest(
        #[inline(always)]
        || {
            for (row, from) in rows.iter().zip(from.chunks_exact(width)) {
                add(&mut into[row * width..(row + 1) * width], from);
            }
        },
    );
}
