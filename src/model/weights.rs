//! `model.safetensors`: the tensors of a network, named and shaped as Hugging Face's Llama, all of them and no other.
//!
//! V tokens, width d, inner width f, every number an f32:
//!
//! ```text
//! model.embed_tokens.weight                                                    (V, d)
//! model.layers.N.input_layernorm.weight, .post_attention_layernorm.weight      (d)
//! model.layers.N.self_attn.{q,k,v,o}_proj.weight                               (d, d)
//! model.layers.N.mlp.{gate,up}_proj.weight                                     (f, d)
//! model.layers.N.mlp.down_proj.weight                                          (d, f)
//! model.norm.weight                                                            (d)
//! ```
//!
//! No number may reach the arithmetic unchecked: one that is not finite would spread to every answer.

use std::collections::HashMap;

use candle_core::safetensors::load_buffer;
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensorError;

use super::config::ModelConfig;
use crate::priority;

/// A network's tensors by Hugging Face's names.
pub type Weights = HashMap<String, Tensor>;

/// Most bytes of the names and shapes before the numbers.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Why tensors are not those of a network.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Not the bytes of a safetensors file.
    #[error("the model's weights cannot be read: {0}; expected a safetensors file, copy the model again")]
    Read(candle_core::Error),
    /// A tensor is not there.
    #[error("the model's weights have no tensor `{name}`, expected one of shape {expected:?}")]
    Missing {
        /// The tensor.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor that the network has no use for.
    #[error("the model's weights have a tensor `{name}`, expected only those that the configuration gives")]
    Unexpected {
        /// The tensor.
        name: String,
    },
    /// A tensor of another shape.
    #[error("the model's tensor `{name}` has shape {got:?}, expected {expected:?} from the configuration")]
    Shape {
        /// The tensor.
        name: String,
        /// The shape that the configuration gives.
        expected: Vec<usize>,
        /// Its shape.
        got: Vec<usize>,
    },
    /// A tensor of other numbers.
    #[error("the model's tensor `{name}` holds {got}, expected 32-bit floats")]
    Type {
        /// The tensor.
        name: String,
        /// What it holds.
        got: &'static str,
    },
    /// A number that is none.
    #[error(
        "the model's tensor `{name}` holds {got} at {at}, expected finite numbers; train it again with a lower rate"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// The number's place, counted through the rows.
        at: usize,
        /// The number.
        got: f32,
    },
}

/// The names and shapes of a network's tensors, always in the same order.
pub fn shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let hidden = config.hidden_size;
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![config.vocab_size, hidden])];
    for layer in 0..config.num_hidden_layers {
        let named = |(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape);
        shapes.extend(block_shapes(config).map(named));
    }
    shapes.push(("model.norm.weight".to_owned(), vec![hidden]));
    shapes
}

fn block_shapes(config: &ModelConfig) -> impl Iterator<Item = (&'static str, Vec<usize>)> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    [
        ("input_layernorm", vec![hidden]),
        ("self_attn.q_proj", vec![hidden, hidden]),
        ("self_attn.k_proj", vec![hidden, hidden]),
        ("self_attn.v_proj", vec![hidden, hidden]),
        ("self_attn.o_proj", vec![hidden, hidden]),
        ("post_attention_layernorm", vec![hidden]),
        ("mlp.gate_proj", vec![inner, hidden]),
        ("mlp.up_proj", vec![inner, hidden]),
        ("mlp.down_proj", vec![hidden, inner]),
    ]
    .into_iter()
}

/// Largest file of weights that a configuration can have.
pub fn bytes_max(config: &ModelConfig) -> u64 {
    4 * config.parameters() + HEADER_BYTES_MAX
}

/// Reads the tensors of a network from a safetensors file's bytes and checks them.
pub fn from_bytes(bytes: &[u8], config: &ModelConfig) -> Result<Weights, WeightsError> {
    let weights = load_buffer(bytes, &Device::Cpu).map_err(WeightsError::Read)?;
    check(&weights, config)?;
    Ok(weights)
}

/// A safetensors file of the tensors: the same tensors always give the same bytes.
pub fn to_bytes(weights: &Weights) -> Result<Vec<u8>, SafeTensorError> {
    // Older readers demand to be told whose layout it is.
    let layout = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(weights, Some(layout))
}

/// Checks that tensors are those of a network: names, shapes, types, and every number finite.
pub fn check(weights: &Weights, config: &ModelConfig) -> Result<(), WeightsError> {
    let shapes = shapes(config);
    let known = |name: &str| shapes.iter().any(|(known, _)| known == name);
    if let Some(name) = weights.keys().filter(|name| !known(name)).min() {
        return Err(WeightsError::Unexpected { name: name.clone() });
    }
    for (name, expected) in shapes {
        priority::offer(); // As between the pieces of a table: a load must not hold up requests.
        match weights.get(&name) {
            Some(tensor) => check_tensor(name, expected, tensor)?,
            None => return Err(WeightsError::Missing { name, expected }),
        }
    }
    Ok(())
}

fn check_tensor(name: String, expected: Vec<usize>, tensor: &Tensor) -> Result<(), WeightsError> {
    if tensor.dims() != expected {
        return Err(WeightsError::Shape { name, expected, got: tensor.dims().to_vec() });
    }
    if tensor.dtype() != DType::F32 {
        return Err(WeightsError::Type { name, got: tensor.dtype().as_str() });
    }
    let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(WeightsError::Read)?;
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(at) => Err(WeightsError::NotFinite { name, at, got: numbers[at] }),
        None => Ok(()),
    }
}
