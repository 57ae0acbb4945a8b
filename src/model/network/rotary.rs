//! Rotary positions (Su et al., arXiv 2104.09864), halves rotated as Hugging Face's Llama does, and the causal mask.
//!
//! The dimensions i and i + D/2 of a head of width D are a point that turns by position * theta^(-2i/D). It must never
//! be mixed up with the layout of neighbouring pairs, which the paper draws and other files of weights use.

use candle_core::{Device, Result, Tensor};
use candle_nn::rotary_emb::rope_slow;

use crate::model::config::ModelConfig;

/// The angles' cosines and sines for every position that a prompt may have.
#[derive(Debug)]
pub(super) struct Rotary {
    /// (positions, D/2)
    cos: Tensor,
    /// (positions, D/2)
    sin: Tensor,
    /// (positions, positions): 0 where a position may look, minus infinity where it may not.
    mask: Tensor,
}

/// Those of the first T positions.
#[derive(Debug)]
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
    /// (T, T)
    pub(super) mask: Tensor,
}

/// The cosines and sines of every angle, position after position, D/2 each.
fn cos_sin(config: &ModelConfig) -> (Vec<f32>, Vec<f32>) {
    let half = config.head_size() / 2;
    let turn = |pair: usize| config.rope_theta.powf(-(pair as f64) / half as f64);
    let angles = (0..config.max_position_embeddings).flat_map(|position| (0..half).map(move |pair| (position, pair)));
    angles
        .map(|(position, pair)| position as f64 * turn(pair))
        .map(|angle| (angle.cos() as f32, angle.sin() as f32))
        .unzip()
}

impl Rotary {
    pub(super) fn new(config: &ModelConfig, device: &Device) -> Result<Self> {
        let shape = (config.max_position_embeddings, config.head_size() / 2);
        let (cos, sin) = cos_sin(config);
        Ok(Self {
            cos: Tensor::from_vec(cos, shape, device)?,
            sin: Tensor::from_vec(sin, shape, device)?,
            mask: causal(config.max_position_embeddings, device)?,
        })
    }

    /// The first `length` positions'; an error where a prompt can have no such length.
    pub(super) fn angles(&self, length: usize) -> Result<Angles> {
        let mask = self.mask.narrow(0, 0, length)?.narrow(1, 0, length)?.contiguous()?;
        Ok(Angles { cos: self.cos.narrow(0, 0, length)?, sin: self.sin.narrow(0, 0, length)?, mask })
    }
}

impl Angles {
    /// Turns every head by its position: (B, H, T, D) -> (B, H, T, D).
    pub(super) fn turn(&self, heads: &Tensor) -> Result<Tensor> {
        rope_slow(heads, &self.cos, &self.sin)
    }
}

fn causal(positions: usize, device: &Device) -> Result<Tensor> {
    let row = |from: usize| (0..positions).map(move |to| if to > from { f32::NEG_INFINITY } else { 0.0 });
    Tensor::from_vec((0..positions).flat_map(row).collect(), (positions, positions), device)
}
