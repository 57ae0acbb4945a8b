//! The weights of a network as one vector: drawn anew, taken from a model, and given back as tensors.

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use segue::model::weights::Weights;

use super::layout::Layout;

/// The spread of weights at the start, as Hugging Face's Llama has it.
const SPREAD: f32 = 0.02;

/// Weights at the start of training: norms at 1, everything else normal around 0. What a branch adds is drawn smaller, by the number of
/// branches, so that a deep network starts as steady as a shallow one (Radford et al. 2019).
pub fn draw(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut values = vec![1.0; layout.size()];
    let branches = 2.0 * layout.blocks.len() as f32;
    for named in layout.named().into_iter().filter(|named| named.shape.len() > 1) {
        let adds = named.name.contains("o_proj") || named.name.contains("down_proj");
        let spread = if adds { SPREAD / branches.sqrt() } else { SPREAD };
        let normal = Normal::new(0.0, spread).expect("a spread is finite and above 0");
        values[named.place].fill_with(|| normal.sample(&mut random));
    }
    values
}

/// The tensors by Hugging Face's names.
///
/// # Errors
/// When a tensor cannot be made.
pub fn to_weights(layout: &Layout, values: &[f32]) -> candle_core::Result<Weights> {
    let tensor = |named: super::layout::Named| {
        let tensor = Tensor::from_slice(&values[named.place], named.shape, &Device::Cpu)?;
        Ok((named.name, tensor))
    };
    layout.named().into_iter().map(tensor).collect()
}

/// One vector of tensors that have been checked to be those of the layout.
///
/// # Errors
/// When a tensor is not there or not of floats.
pub fn from_weights(layout: &Layout, weights: &Weights) -> candle_core::Result<Vec<f32>> {
    let mut values = vec![0.0; layout.size()];
    for named in layout.named() {
        let missing = || candle_core::Error::Msg(format!("expected a tensor {}, got none", named.name)).bt();
        let tensor = weights.get(&named.name).ok_or_else(missing)?;
        values[named.place].copy_from_slice(&tensor.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(values)
}
