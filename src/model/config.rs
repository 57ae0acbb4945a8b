//! `config.json`: the shape of the network, in the words of Hugging Face's `LlamaConfig`, so that `transformers` reads it.

use serde::{Deserialize, Serialize};

/// What `config.json` holds. Every field but [`ModelConfig::segue`] is `LlamaConfig`'s, with its meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Always `["LlamaForCausalLM"]`.
    pub architectures: Vec<String>,
    /// Always `llama`.
    pub model_type: String,
    /// Width of a token's vector, d.
    pub hidden_size: usize,
    /// Width of the feed-forward network's inner vector.
    pub intermediate_size: usize,
    /// Decoder blocks.
    pub num_hidden_layers: usize,
    /// Heads of attention; each is `hidden_size / num_attention_heads` wide.
    pub num_attention_heads: usize,
    /// Heads of keys and values; always as many as heads of attention.
    pub num_key_value_heads: usize,
    /// Tokens: see [`prompt`](super::prompt).
    pub vocab_size: usize,
    /// Longest prompt, in tokens.
    pub max_position_embeddings: usize,
    /// What is added to the mean square before its root is taken.
    pub rms_norm_eps: f64,
    /// Base of the rotary angles.
    pub rope_theta: f64,
    /// Always true: the output's matrix is the embedding's.
    pub tie_word_embeddings: bool,
    /// Always `silu`.
    pub hidden_act: String,
    /// Always false.
    pub attention_bias: bool,
    /// Always false.
    pub mlp_bias: bool,
    /// Always `float32`.
    pub torch_dtype: String,
    /// What a Llama has no words for.
    pub segue: PromptConfig,
}

/// How a prompt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptConfig {
    /// Clusters in the catalogue that the model was trained for.
    pub clusters: u32,
    /// Most clusters of a history that are read: the most recent.
    pub history_max: usize,
    /// Most retrieved continuations that are read: the best.
    pub retrieved_max: usize,
    /// Only clusters that are not in the history come next, and are retrieved.
    pub novel: bool,
}
