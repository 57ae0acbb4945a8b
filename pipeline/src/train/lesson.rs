//! What an example looks like to the network in an epoch: its prompt, its answer, its weight.
//!
//! Some prompts are made poorer, so that the model uses context and a long history where it has them but does not depend on them. Which ones
//! follows from seed, epoch and place alone: nothing here keeps a state that a checkpoint would have to hold.

use std::ops::Range;

use segue::model::config::PromptConfig;
use segue::model::prompt::{self, Context};

use super::decoder::Shard;
use super::math::dropout::mix;
use super::settings::LearningSettings;
use crate::examples::{Contexts, Examples};

/// Examples with their contexts.
#[derive(Debug)]
pub struct Lessons<'a> {
    /// All examples.
    pub examples: &'a Examples,
    /// The places that are taught or asked.
    pub range: Range<usize>,
    /// Their contexts.
    pub contexts: Contexts,
    /// How prompts are made.
    pub prompt: PromptConfig,
    /// The longest history that counts know.
    pub depth: u8,
    /// At a cluster's index: how much its examples weigh.
    pub weights: Vec<f32>,
}

/// How prompts are made poorer in one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Poorer {
    /// The share without context.
    pub context_dropout: f64,
    /// The share with only the last clusters, as many as counts know or fewer.
    pub recent_share: f64,
    /// Differs by seed and epoch.
    pub key: u32,
}

impl Poorer {
    /// An epoch's.
    pub fn of(learning: &LearningSettings, epoch: u64) -> Self {
        Self {
            context_dropout: learning.context_dropout,
            recent_share: learning.recent_share,
            key: key(learning.seed, epoch),
        }
    }

    /// Whether something that happens to a share of examples happens to this one.
    fn happens(self, share: f64, at: usize, what: u32) -> bool {
        f64::from(self.bits(at, what)) < share * f64::from(u32::MAX)
    }

    fn bits(self, at: usize, what: u32) -> u32 {
        mix(mix(self.key ^ at as u32) ^ what.wrapping_mul(0x9e37_79b9))
    }
}

/// A key from two numbers.
pub fn key(seed: u64, number: u64) -> u32 {
    let halves = [seed, seed >> 32, number, number >> 32];
    halves.into_iter().fold(0x5e90_e000, |key, half| mix(key ^ half as u32))
}

impl Lessons<'_> {
    /// Adds the example at a place to a shard.
    pub fn add(&self, at: usize, poorer: Poorer, shard: &mut Shard) {
        let example = self.examples.get(at);
        let shown = self.shown(at, poorer);
        let history = &example.history[example.history.len().saturating_sub(shown)..];
        let none = Context::default();
        let emptied = poorer.happens(poorer.context_dropout, at, 1);
        let context = if emptied { &none } else { self.contexts.get(at) };
        let mut tokens = Vec::with_capacity(prompt::tokens_max(&self.prompt));
        prompt::write(&self.prompt, history, context, &mut tokens);
        shard.prompts.push(&tokens);
        shard.answers.push(example.next);
        shard.weights.push(self.weights[example.next as usize]);
        shard.barred.push(self.prompt.barred.of(history).to_vec());
    }

    fn shown(&self, at: usize, poorer: Poorer) -> usize {
        if poorer.happens(poorer.recent_share, at, 2) {
            return 1 + poorer.bits(at, 3) as usize % usize::from(self.depth);
        }
        self.prompt.history_max
    }
}
