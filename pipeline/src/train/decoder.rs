//! The whole network over some prompts: the loss of their answers and its gradient, or the logits alone.
//!
//! Candle's `segue::model::network` defines what is computed; this computes the same, arranged for training on a processor. A test holds both
//! together, value and gradient. It draws nothing: masks follow from the key that it is given.

use segue::model::engine::Prompts;
use segue::model::prompt::TOKEN_CLUSTER;

use super::block::{Block, Rows, Scratch, Tape};
use super::layout::Layout;
use super::math::attention::Asked;
use super::math::dropout::Dropout;
use super::math::linear::{Linear, Write, weight_gradient};
use super::math::loss::{Target, cross_entropy};
use super::math::norm::Norm;
use super::math::rotary::Rotary;
use super::math::vector::{add, fit, widest};

/// Prompts and what should follow them.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    /// The prompts.
    pub prompts: Prompts,
    /// What came next: the cluster's index, one a prompt.
    pub answers: Vec<u32>,
    /// How much each prompt's loss counts; divided by the batch's size, so that the losses of a batch add up to a mean.
    pub weights: Vec<f32>,
    /// Clusters that cannot come next, one list a prompt; empty where all can.
    pub barred: Vec<Vec<u32>>,
}

/// What a pass is to do besides the arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Regulation {
    /// Of the embedded tokens and of what each branch adds.
    pub dropout: Dropout,
    /// The share of the target that is spread evenly.
    pub label_smoothing: f32,
}

/// The working memory of one thread, and its place for a gradient's parts.
#[derive(Clone, Debug)]
pub struct Decoder {
    layout: Layout,
    rotary: Rotary,
    rows: Rows,
    tapes: Vec<Tape>,
    scratch: Scratch,
    /// What flows through the blocks: values on the way up, gradients on the way down.
    flow: Vec<f32>,
    last: Vec<f32>,
    normed: Vec<f32>,
    scales: Vec<f32>,
    logits: Vec<f32>,
}

impl Regulation {
    /// Nothing dropped, nothing smoothed.
    pub const NONE: Self = Self { dropout: Dropout { rate: 0.0, key: 0 }, label_smoothing: 0.0 };
}

impl Shard {
    /// Removes all prompts.
    pub fn clear(&mut self) {
        self.prompts.clear();
        self.answers.clear();
        self.weights.clear();
        self.barred.clear();
    }
}

impl Decoder {
    /// Memory for networks of one layout.
    pub fn new(layout: Layout) -> Self {
        Self {
            rotary: Rotary::new(layout.width / layout.heads, layout.positions, layout.theta),
            rows: Rows::default(),
            tapes: vec![Tape::default(); layout.blocks.len()],
            scratch: Scratch::default(),
            flow: Vec::new(),
            last: Vec::new(),
            normed: Vec::new(),
            scales: Vec::new(),
            logits: Vec::new(),
            layout,
        }
    }

    /// The logits of every cluster after each prompt: prompts x clusters.
    pub fn logits(&mut self, parameters: &[f32], prompts: &Prompts) -> &[f32] {
        self.forward(parameters, prompts, Dropout { rate: 0.0, key: 0 });
        &self.logits
    }

    /// The sum of the weighted losses, and its gradient in place of what `gradient` held.
    pub fn loss(&mut self, parameters: &[f32], shard: &Shard, regulation: Regulation, gradient: &mut [f32]) -> f64 {
        self.forward(parameters, &shard.prompts, regulation.dropout);
        let loss = self.answers(shard, regulation.label_smoothing);
        self.backward(parameters, &shard.prompts, regulation.dropout, gradient);
        loss
    }

    fn forward(&mut self, parameters: &[f32], prompts: &Prompts, dropout: Dropout) {
        self.rows.set(&prompts.ends);
        self.embed(parameters, &prompts.tokens, dropout);
        for at in 0..self.tapes.len() {
            std::mem::swap(&mut self.tapes[at].input, &mut self.flow);
            let block = block(&self.layout, (&self.rotary, &self.rows), parameters, (at, dropout));
            block.forward(&mut self.tapes[at], &mut self.scratch, &mut self.flow);
        }
        self.last.clone_from(&self.flow);
        let prompts = prompts.len();
        let normed = fit(&mut self.normed, self.last.len());
        norm(&self.layout, parameters).forward(&self.last, normed, fit(&mut self.scales, prompts));
        let output = output(&self.layout, parameters);
        output.forward(normed, fit(&mut self.logits, prompts * (output.weights.len() / output.inputs)));
    }

    fn embed(&mut self, parameters: &[f32], tokens: &[u32], dropout: Dropout) {
        let (embedding, width) = (&parameters[self.layout.embedding.clone()], self.layout.width);
        self.flow.clear();
        for token in tokens {
            let from = *token as usize * width;
            self.flow.extend_from_slice(&embedding[from..from + width]);
        }
        dropout.at(0).apply(&mut self.flow);
    }

    /// Turns the logits into gradients and gives the sum of the weighted losses.
    fn answers(&mut self, shard: &Shard, smoothing: f32) -> f64 {
        let clusters = self.logits.len() / shard.answers.len().max(1);
        let rows = self.logits.chunks_exact_mut(clusters).zip(&shard.answers).zip(&shard.weights).zip(&shard.barred);
        let loss = |(((logits, answer), weight), barred): (((&mut [f32], &u32), &f32), &Vec<u32>)| {
            let target = Target { answer: *answer as usize, barred, weight: *weight, smoothing };
            f64::from(cross_entropy(logits, target)) * f64::from(*weight)
        };
        rows.map(loss).sum()
    }

    fn backward(&mut self, parameters: &[f32], prompts: &Prompts, dropout: Dropout, gradient: &mut [f32]) {
        let width = self.layout.width;
        self.zero_what_is_added_to(gradient);
        weight_gradient(&self.logits, &self.normed, &mut gradient[self.layout.clusters()], width);
        let flow = fit(&mut self.flow, self.last.len());
        output(&self.layout, parameters).backward(&self.logits, flow, Write::Replace);
        let d_norm = &mut gradient[self.layout.norm.clone()];
        norm(&self.layout, parameters).backward(flow, (&self.last, &self.scales), d_norm);
        for at in (0..self.tapes.len()).rev() {
            let block = block(&self.layout, (&self.rotary, &self.rows), parameters, (at, dropout));
            block.backward(&mut self.tapes[at], &mut self.scratch, &mut self.flow, gradient);
        }
        dropout.at(0).apply(&mut self.flow);
        let embedding = &mut gradient[self.layout.embedding.clone()];
        widest(
            #[inline(always)]
            || {
                for (token, row) in prompts.tokens.iter().zip(self.flow.chunks_exact(width)) {
                    let from = *token as usize * width;
                    add(&mut embedding[from..from + width], row);
                }
            },
        );
    }

    /// Matrices are written in one go; norms and the tokens that no answer has are added to.
    fn zero_what_is_added_to(&self, gradient: &mut [f32]) {
        let embedding = self.layout.embedding.start;
        gradient[embedding..embedding + TOKEN_CLUSTER as usize * self.layout.width].fill(0.0);
        gradient[self.layout.norm.clone()].fill(0.0);
        for block in &self.layout.blocks {
            gradient[block.attention_norm.clone()].fill(0.0);
            gradient[block.forward_norm.clone()].fill(0.0);
        }
    }
}

fn block<'a>(
    layout: &'a Layout,
    (rotary, rows): (&'a Rotary, &'a Rows),
    parameters: &'a [f32],
    (at, dropout): (usize, Dropout),
) -> Block<'a> {
    let asked = if at + 1 == layout.blocks.len() { Asked::Last } else { Asked::All };
    let dropout = dropout.at(at as u32 + 1);
    Block { layout, places: &layout.blocks[at], parameters, rotary, rows, asked, dropout }
}

fn norm<'a>(layout: &Layout, parameters: &'a [f32]) -> Norm<'a> {
    Norm { weights: &parameters[layout.norm.clone()], eps: layout.eps }
}

fn output<'a>(layout: &Layout, parameters: &'a [f32]) -> Linear<'a> {
    Linear { weights: &parameters[layout.clusters()], inputs: layout.width }
}
