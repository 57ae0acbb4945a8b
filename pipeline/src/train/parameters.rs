//! The weights of a network as one vector: drawn anew, taken from a model, and given back as tensors.

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use segue::model::weights::Weights;

use super::layout::{Layout, Named};

/// The spread of embeddings at the start. They are the output's weights too: with Hugging Face's 0.02 it took twice the epochs until
/// the network learned to point at clusters of its context.
const EMBEDDING_SPREAD: f32 = 0.1;
/// The spread of a matrix at the start, before the root of its inputs divides it: so the size of what it gives does not depend on its width.
const MATRIX_SPREAD: f32 = 0.8;

/// Weights at the start of training: norms at 1, everything else normal around 0. What a branch adds is drawn smaller, by the number of
/// branches, so that a deep network starts as steady as a shallow one (Radford et al. 2019).
pub fn draw(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut values = vec![1.0; layout.size()];
    for named in layout.named().into_iter().filter(|named| named.shape.len() > 1) {
        let normal = Normal::new(0.0, spread(&named, layout)).expect("a spread is finite and above 0");
        values[named.place].fill_with(|| normal.sample(&mut random));
    }
    values
}

fn spread(named: &Named, layout: &Layout) -> f32 {
    if named.name.contains("embed_tokens") {
        return EMBEDDING_SPREAD;
    }
    let of_inputs = MATRIX_SPREAD / (named.shape[1] as f32).sqrt();
    let adds = named.name.contains("o_proj") || named.name.contains("down_proj");
    if adds { of_inputs / (2.0 * layout.blocks.len() as f32).sqrt() } else { of_inputs }
}

/// The tensors by Hugging Face's names.
///
/// # Errors
/// When a tensor cannot be made.
pub fn to_weights(layout: &Layout, values: &[f32]) -> candle_core::Result<Weights> {
    let tensor = |named: Named| {
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
