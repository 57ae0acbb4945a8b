//! One block of the decoder: attention and a feed-forward network, each on a normed copy that is added back.

use candle_core::{D, Result, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::{silu, softmax};

use super::Norm;
use super::rotary::Angles;
use crate::model::config::ModelConfig;

/// See the module.
#[derive(Debug)]
pub(super) struct Block {
    attention_norm: Norm,
    attention: Attention,
    feed_norm: Norm,
    feed: FeedForward,
}

/// Causal attention of H heads over rotary positions; all four matrices are (d, d), without bias.
#[derive(Debug)]
struct Attention {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    heads: usize,
}

/// SwiGLU (Shazeer, arXiv 2002.05202): down(silu(gate(x)) * up(x)).
#[derive(Debug)]
struct FeedForward {
    /// (f, d)
    gate: Tensor,
    /// (f, d)
    up: Tensor,
    /// (d, f)
    down: Tensor,
}

/// Vectors times the transpose of a matrix: (..., in) by (out, in) -> (..., out).
pub(super) fn project(vectors: &Tensor, matrix: &Tensor) -> Result<Tensor> {
    // One large product instead of one a prompt.
    let rows = vectors.flatten_to(D::Minus2)?.matmul(&matrix.t()?)?;
    let mut shape = vectors.dims().to_vec();
    *shape.last_mut().expect("flatten_to accepted at least two dimensions") = matrix.dim(0)?;
    rows.reshape(shape)
}

impl Block {
    /// Takes a block's weights, by their names behind `model.layers.N`.
    pub(super) fn new(config: &ModelConfig, weights: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            attention_norm: Norm::new(config, &weights.pp("input_layernorm"))?,
            attention: Attention::new(config, &weights.pp("self_attn"))?,
            feed_norm: Norm::new(config, &weights.pp("post_attention_layernorm"))?,
            feed: FeedForward::new(config, &weights.pp("mlp"))?,
        })
    }

    /// (B, T, d) -> (B, T, d)
    pub(super) fn forward(&self, hidden: &Tensor, angles: &Angles) -> Result<Tensor> {
        let hidden = (hidden + self.attention.forward(&self.attention_norm.forward(hidden)?, angles)?)?;
        &hidden + self.feed.forward(&self.feed_norm.forward(&hidden)?)?
    }
}

impl Attention {
    fn new(config: &ModelConfig, weights: &VarBuilder<'_>) -> Result<Self> {
        let matrix = |name: &str| weights.get((config.hidden_size, config.hidden_size), name);
        Ok(Self {
            query: matrix("q_proj.weight")?,
            key: matrix("k_proj.weight")?,
            value: matrix("v_proj.weight")?,
            output: matrix("o_proj.weight")?,
            heads: config.num_attention_heads,
        })
    }

    /// softmax(q k^T / sqrt(D) + mask) v for every head: (B, T, d) -> (B, T, d)
    fn forward(&self, hidden: &Tensor, angles: &Angles) -> Result<Tensor> {
        let query = angles.turn(&self.split(&project(hidden, &self.query)?)?)?;
        let key = angles.turn(&self.split(&project(hidden, &self.key)?)?)?;
        let value = self.split(&project(hidden, &self.value)?)?;
        let scale = (query.dim(D::Minus1)? as f64).powf(-0.5);
        let scores = (query.matmul(&key.t()?)? * scale)?.broadcast_add(&angles.mask)?;
        let mixed = softmax(&scores, D::Minus1)?.matmul(&value)?;
        project(&mixed.transpose(1, 2)?.flatten_from(2)?, &self.output)
    }

    /// (B, T, d) -> (B, H, T, d/H)
    fn split(&self, vectors: &Tensor) -> Result<Tensor> {
        let (prompts, length, _) = vectors.dims3()?;
        vectors.reshape((prompts, length, self.heads, ()))?.transpose(1, 2)?.contiguous()
    }
}

impl FeedForward {
    fn new(config: &ModelConfig, weights: &VarBuilder<'_>) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate: weights.get((inner, hidden), "gate_proj.weight")?,
            up: weights.get((inner, hidden), "up_proj.weight")?,
            down: weights.get((hidden, inner), "down_proj.weight")?,
        })
    }

    /// (B, T, d) -> (B, T, d)
    fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        let inner = (silu(&project(hidden, &self.gate)?)? * project(hidden, &self.up)?)?;
        project(&inner, &self.down)
    }
}
