//! From logits to candidates: a softmax over the clusters that may come, and the best of them.
//!
//! It must never sort more than it returns.

use std::cmp::Ordering;

use super::engine::{Prompts, Scratch};
use super::load::Model;
use super::prompt::{self, Context};

/// A history to continue.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Indexes in the catalogue, oldest first, distinct.
    pub history: &'a [u32],
    /// What was retrieved for it.
    pub context: &'a Context,
}

/// Clusters as indexes in the catalogue with their probabilities, best first; of equals, the lower index first.
pub type Ranked = Vec<(u32, f32)>;

/// One thread's working memory for answering; it grows to the largest batch asked.
#[derive(Debug, Default)]
pub struct Working {
    scratch: Scratch,
    prompts: Prompts,
    tokens: Vec<u32>,
    logits: Vec<f32>,
    order: Vec<u32>,
}

impl Working {
    /// As [`Scratch::giving_way`].
    pub fn giving_way() -> Self {
        Self { scratch: Scratch::giving_way(), ..Self::default() }
    }
}

impl Model {
    /// The best `count` clusters after each history, in the questions' order. An answer does not depend on what else is
    /// asked with it. It is empty where no cluster may come, or where the logits are no numbers.
    pub fn answer(&self, working: &mut Working, questions: &[Question<'_>], count: usize) -> Vec<Ranked> {
        let Working { scratch, prompts, tokens, logits, order } = working;
        prompts.clear();
        for question in questions {
            prompt::write(&self.config().segue, question.history, question.context, tokens);
            prompts.push(tokens);
        }
        self.engine().logits(scratch, prompts, logits);
        let rows = logits.chunks_exact_mut(self.config().segue.clusters as usize);
        let rank_one = |(row, question): (&mut [f32], &Question<'_>)| {
            mask(row, self.config().segue.barred.of(question.history));
            rank(row, count, order)
        };
        rows.zip(questions).map(rank_one).collect()
    }
}

/// Takes clusters out of what may come.
pub fn mask(logits: &mut [f32], clusters: &[u32]) {
    for &index in clusters {
        if let Some(logit) = logits.get_mut(index as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// The best `count` clusters by their logits, with their softmax over all. Those of minus infinity never come; where a
/// logit is no number or infinite, nothing does. `order` is working memory.
pub fn rank(logits: &[f32], count: usize, order: &mut Vec<u32>) -> Ranked {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from((logit - highest).exp())).sum();
    if !total.is_finite() {
        return Ranked::new();
    }
    let better = |left: &u32, right: &u32| by_logit(logits, *left, *right);
    order.clear();
    order.extend((0..logits.len() as u32).filter(|&index| logits[index as usize] > f32::NEG_INFINITY));
    if count < order.len() {
        order.select_nth_unstable_by(count, better);
        order.truncate(count);
    }
    order.sort_unstable_by(better);
    let score = |index: u32| (f64::from((logits[index as usize] - highest).exp()) / total) as f32;
    order.iter().map(|&index| (index, score(index))).collect()
}

/// Whether one comes before the other: a total order, so that the same logits always rank the same.
fn by_logit(logits: &[f32], left: u32, right: u32) -> Ordering {
    logits[right as usize].total_cmp(&logits[left as usize]).then(left.cmp(&right))
}
