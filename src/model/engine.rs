//! The network arranged for inference: one thread, no allocation, packed weights, the processor's widest arithmetic.
//!
//! ```text
//! tensors -> pack -> decoder: embed, (norm, product, attention, product, norm, product, product) a block, logits
//! ```
//!
//! Each number of a prompt's row is computed by the same operations in the same order whatever else is in the batch, so a
//! prompt's logits depend on the weights, the precision and the kernel alone. It must never depend on anything that a
//! caller can see change between two calls.

use std::collections::HashMap;

use candle_core::{Result, Tensor};

use super::config::ModelConfig;

mod pack;
mod decoder;
mod attention;
mod product;
mod lanes;
mod kernel;
mod portable;
mod panel;

pub use decoder::Scratch;
pub use kernel::Kernel;

use decoder::Decoder;
use panel::{Block, Step};

/// The arithmetic of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32-bit floats, as trained.
    Full,
    /// 8-bit integers, with a scale for every 32 of them on both sides of a product; the logits' own product in floats.
    Quantised,
}

/// A network ready to be asked. Immutable: any number of threads may ask it, each with its own [`Scratch`].
#[derive(Debug)]
pub struct Engine {
    decoder: Either,
}

#[derive(Debug)]
enum Either {
    Full(Decoder<Step>),
    Quantised(Decoder<Block>),
}

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
    pub fn new(config: &ModelConfig, weights: &HashMap<String, Tensor>, precision: Precision) -> Result<Self> {
        let decoder = match precision {
            Precision::Full => Either::Full(pack::pack(config, weights)?),
            Precision::Quantised => Either::Quantised(pack::pack(config, weights)?),
        };
        Ok(Self { decoder })
    }

    /// The same network on another kernel than the fastest.
    #[must_use]
    pub fn on(mut self, kernel: Kernel) -> Self {
        match &mut self.decoder {
            Either::Full(decoder) => decoder.kernel = kernel,
            Either::Quantised(decoder) => decoder.kernel = kernel,
        }
        self
    }

    /// The logits of every cluster after each prompt's last token: prompts x clusters, row after row, in `logits`
    /// (cleared first). A prompt's logits do not depend on what else is in the batch, to the last bit.
    ///
    /// # Panics
    ///
    /// If a prompt is empty, is longer than the network's positions, or holds a token beyond its vocabulary; none that
    /// [`prompt::write`](super::prompt::write) makes for the network's own configuration does.
    pub fn logits(&self, scratch: &mut Scratch, prompts: &Prompts, logits: &mut Vec<f32>) {
        match &self.decoder {
            Either::Full(decoder) => decoder.logits(scratch, prompts, logits),
            Either::Quantised(decoder) => decoder.logits(scratch, prompts, logits),
        }
    }

    /// The kernel that it runs on: `avx512`, `avx2` or `portable`.
    pub fn kernel(&self) -> &'static str {
        match &self.decoder {
            Either::Full(decoder) => decoder.kernel.label(),
            Either::Quantised(decoder) => decoder.kernel.label(),
        }
    }

    /// Memory of weights and tables, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.decoder {
            Either::Full(decoder) => decoder.bytes(),
            Either::Quantised(decoder) => decoder.bytes(),
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
