//! The network on candle: the definition that is trained, and that the engine is measured against.
//!
//! A decoder of Llama's kind (Touvron et al., arXiv 2302.13971), with tensors named and laid out as Hugging Face's
//! `LlamaForCausalLM`. B prompts of T tokens, width d, H heads of width d/H, inner width f, V tokens:
//!
//! ```text
//! tokens (B,T) -> embedding (V,d) -> hidden (B,T,d)
//! per block:   hidden += attention(RMSNorm(hidden)); hidden += feed-forward(RMSNorm(hidden))
//! hidden -> RMSNorm -> times the embedding, transposed -> logits (B,T,V)
//! ```
//!
//! Every operation here has a gradient. It must never use candle's fused ones (`rms_norm`, `rope`, `softmax_last_dim`),
//! which have none; what must be fast asks the [`engine`](super::engine).

mod block;
mod rotary;

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::rms_norm_slow;

use self::block::{Block, project};
use self::rotary::Rotary;
use super::config::ModelConfig;

/// The decoder: RMSNorm, rotary attention, SwiGLU, tied embeddings; tensors named as Hugging Face's Llama.
#[derive(Debug)]
pub struct Network {
    /// (V, d): a token's vector, and by the transpose a hidden vector's logits.
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Norm,
    rotary: Rotary,
}

/// RMSNorm (Zhang and Sennrich, arXiv 1910.07467): x / sqrt(mean(x^2) + eps) * weight, over the last dimension.
#[derive(Debug)]
struct Norm {
    /// (d)
    weight: Tensor,
    eps: f32,
}

impl Network {
    /// Takes the weights from `weights`, by Hugging Face's names (`model.embed_tokens.weight`, ...). Weights that are
    /// variables stay so: gradients reach them. `config` must have passed its check.
    pub fn new(config: &ModelConfig, weights: VarBuilder<'_>) -> Result<Self> {
        let weights = weights.pp("model");
        let embedding = weights.get((config.vocab_size, config.hidden_size), "embed_tokens.weight")?;
        let block = |layer| Block::new(config, &weights.pp("layers").pp(layer));
        let blocks = (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?;
        let norm = Norm::new(config, &weights.pp("norm"))?;
        Ok(Self { embedding, blocks, norm, rotary: Rotary::new(config, weights.device())? })
    }

    /// Logits over the vocabulary at every position: `tokens` (B, T) u32 -> (B, T, V) f32. A position's logits depend
    /// on the tokens up to it only, so prompts of several lengths may be padded at their ends.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        self.logits(&self.hidden(tokens)?)
    }

    /// The vectors that the logits are made from: `tokens` (B, T) u32 -> (B, T, d), normed.
    pub fn hidden(&self, tokens: &Tensor) -> Result<Tensor> {
        let (prompts, length) = tokens.dims2()?;
        let embedded = self.embedding.index_select(&tokens.flatten_all()?, 0)?;
        let mut hidden = embedded.reshape((prompts, length, ()))?;
        let angles = self.rotary.angles(length)?;
        for block in &self.blocks {
            hidden = block.forward(&hidden, &angles)?;
        }
        self.norm.forward(&hidden)
    }

    /// Logits over the vocabulary: `hidden` (..., d) -> (..., V).
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        project(hidden, &self.embedding)
    }
}

impl Norm {
    fn new(config: &ModelConfig, weights: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self { weight: weights.get(config.hidden_size, "weight")?, eps: config.rms_norm_eps as f32 })
    }

    /// (..., d) -> (..., d)
    fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        rms_norm_slow(hidden, &self.weight, self.eps)
    }
}
