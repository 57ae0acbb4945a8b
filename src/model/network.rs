//! The network on candle: the definition that is trained, and that the engine is measured against.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::config::ModelConfig;

/// The decoder: RMSNorm, rotary attention, SwiGLU, tied embeddings; tensors named as Hugging Face's Llama.
#[derive(Debug)]
pub struct Network {}

impl Network {
    /// Takes the weights from `weights`, by Hugging Face's names (`model.embed_tokens.weight`, ...).
    pub fn new(_config: &ModelConfig, _weights: VarBuilder<'_>) -> Result<Self> {
        todo!()
    }

    /// Logits over the vocabulary at every position: `tokens` (batch, length) u32 -> (batch, length, vocabulary) f32.
    pub fn forward(&self, _tokens: &Tensor) -> Result<Tensor> {
        todo!()
    }
}
