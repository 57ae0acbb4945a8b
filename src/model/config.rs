//! `config.json`: the shape of the network, in the words of Hugging Face's `LlamaConfig`, so that `transformers` reads it.
//!
//! A shape is bounded before anything is allocated for it, and everything that the network does not do is refused: a
//! configuration that asks for more would be answered by another network than the one that it describes.

use serde::{Deserialize, Serialize};

use super::prompt::{self, TOKEN_CLUSTER};

/// Largest `config.json` that is read: it holds sizes, never data.
pub const CONFIG_BYTES_MAX: u64 = 1 << 16;
/// Most numbers of a model's weights: a gibibyte, a hundred times what a catalogue of thousands needs.
pub const PARAMETERS_MAX: u64 = 1 << 28;

const HIDDEN_MAX: usize = 4096;
const INTERMEDIATE_MAX: usize = 16_384;
const LAYERS_MAX: usize = 64;
const HEADS_MAX: usize = 64;
const CLUSTERS_MAX: usize = 1 << 20;
const POSITIONS_MAX: usize = 4096;
const HISTORY_MAX: usize = 1024;
const RETRIEVED_MAX: usize = 1024;
const ROPE_THETA: f64 = 10_000.0;
const RMS_NORM_EPS: f64 = 1e-5;

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
    /// Width of the feed-forward network's inner vector, f.
    pub intermediate_size: usize,
    /// Decoder blocks.
    pub num_hidden_layers: usize,
    /// Heads of attention; each is `hidden_size / num_attention_heads` wide, an even number.
    pub num_attention_heads: usize,
    /// Heads of keys and values; always as many as heads of attention.
    pub num_key_value_heads: usize,
    /// Tokens, V: see [`prompt`].
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
    /// The clusters that never come next; they are not retrieved either.
    pub barred: Barred,
}

/// Which clusters of a history never come next: what the sequences that a model learned from could not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Barred {
    /// All of them: what comes next is new.
    History,
    /// The last one: what comes next is a change.
    Last,
    /// None.
    None,
}

impl Barred {
    /// The barred clusters of a history, oldest first.
    pub fn of(self, history: &[u32]) -> &[u32] {
        match self {
            Self::History => history,
            Self::Last => &history[history.len().saturating_sub(1)..],
            Self::None => &[],
        }
    }
}

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width of a token's vector, d.
    pub hidden: usize,
    /// Width of the feed-forward network's inner vector, f.
    pub intermediate: usize,
    /// Decoder blocks.
    pub layers: usize,
    /// Heads of attention.
    pub heads: usize,
}

/// Why a configuration describes no network of ours.
#[derive(Debug, thiserror::Error)]
pub enum ModelConfigError {
    /// Not the JSON of a configuration.
    #[error("the model's configuration cannot be read: {0}; expected LlamaConfig's fields and `segue`")]
    Json(#[from] serde_json::Error),
    /// A size outside its bounds.
    #[error("the model's `{what}` is {got}, expected {min} to {max}")]
    Bounds {
        /// The field.
        what: &'static str,
        /// The least that is accepted.
        min: usize,
        /// The most that is accepted.
        max: usize,
        /// What came.
        got: usize,
    },
    /// A size that must follow from the others, and does not.
    #[error("the model's `{what}` is {got}, expected {expected}, which follows from the other sizes")]
    Follows {
        /// The field.
        what: &'static str,
        /// What the others give.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// Something that this network does not do.
    #[error("the model's `{what}` is `{got}`, expected `{expected}`: the network knows nothing else")]
    Unsupported {
        /// The field.
        what: &'static str,
        /// The only value.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The width does not divide into heads of an even width, which rotary positions need.
    #[error("the model's {hidden} numbers a token do not divide into {heads} heads of an even width")]
    Heads {
        /// Width of a token's vector.
        hidden: usize,
        /// Heads of attention.
        heads: usize,
    },
    /// A number that the arithmetic cannot use.
    #[error("the model's `{what}` is {got}, expected a number above {min} and at most {max}")]
    Number {
        /// The field.
        what: &'static str,
        /// It must be above this.
        min: f64,
        /// The most that is accepted.
        max: f64,
        /// What came.
        got: f64,
    },
    /// More weights than are read.
    #[error("the model's sizes give {got} weights, expected at most {PARAMETERS_MAX}")]
    Parameters {
        /// Weights in all.
        got: u64,
    },
}

impl ModelConfig {
    /// The configuration of a network of this size for these prompts, checked.
    pub fn new(prompt: PromptConfig, size: Size) -> Result<Self, ModelConfigError> {
        let config = Self {
            architectures: vec!["LlamaForCausalLM".to_owned()],
            model_type: "llama".to_owned(),
            hidden_size: size.hidden,
            intermediate_size: size.intermediate,
            num_hidden_layers: size.layers,
            num_attention_heads: size.heads,
            num_key_value_heads: size.heads,
            vocab_size: (TOKEN_CLUSTER as usize).saturating_add(prompt.clusters as usize),
            max_position_embeddings: prompt::tokens_max(&prompt),
            rms_norm_eps: RMS_NORM_EPS,
            rope_theta: ROPE_THETA,
            tie_word_embeddings: true,
            hidden_act: "silu".to_owned(),
            attention_bias: false,
            mlp_bias: false,
            torch_dtype: "float32".to_owned(),
            segue: prompt,
        };
        config.check()?;
        Ok(config)
    }

    /// Reads a configuration and checks it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelConfigError> {
        let config: Self = serde_json::from_slice(bytes)?;
        config.check()?;
        Ok(config)
    }

    /// The configuration's JSON, indented and ending with a line break: the same always gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a configuration has string keys and finite numbers");
        bytes.push(b'\n');
        bytes
    }

    /// Checks that this describes a network of ours, of a size that may be allocated.
    pub fn check(&self) -> Result<(), ModelConfigError> {
        self.check_fixed()?;
        self.check_bounds()?;
        self.check_sizes()?;
        self.check_numbers()?;
        let got = self.parameters();
        if got > PARAMETERS_MAX { Err(ModelConfigError::Parameters { got }) } else { Ok(()) }
    }

    /// Width of one head of attention.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Numbers in all weights together: V d + layers (4 d^2 + 3 d f + 2 d) + d.
    pub fn parameters(&self) -> u64 {
        let wide = |size: usize| size as u64;
        let (hidden, inner) = (wide(self.hidden_size), wide(self.intermediate_size));
        let block = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden;
        wide(self.vocab_size) * hidden + wide(self.num_hidden_layers) * block + hidden
    }

    /// Fields that have one value only.
    fn check_fixed(&self) -> Result<(), ModelConfigError> {
        let fixed = [
            ("architectures", "LlamaForCausalLM", self.architectures.join(", ")),
            ("model_type", "llama", self.model_type.clone()),
            ("tie_word_embeddings", "true", self.tie_word_embeddings.to_string()),
            ("hidden_act", "silu", self.hidden_act.clone()),
            ("attention_bias", "false", self.attention_bias.to_string()),
            ("mlp_bias", "false", self.mlp_bias.to_string()),
            ("torch_dtype", "float32", self.torch_dtype.clone()),
        ];
        match fixed.into_iter().find(|(_, expected, got)| expected != got) {
            Some((what, expected, got)) => Err(ModelConfigError::Unsupported { what, expected, got }),
            None => Ok(()),
        }
    }

    /// Sizes that are free, each within its bounds: after this no sum or product of them overflows.
    fn check_bounds(&self) -> Result<(), ModelConfigError> {
        let PromptConfig { clusters, history_max, retrieved_max, .. } = self.segue;
        let bounds = [
            ("hidden_size", 2, HIDDEN_MAX, self.hidden_size),
            ("intermediate_size", 1, INTERMEDIATE_MAX, self.intermediate_size),
            ("num_hidden_layers", 1, LAYERS_MAX, self.num_hidden_layers),
            ("num_attention_heads", 1, HEADS_MAX, self.num_attention_heads),
            ("max_position_embeddings", 1, POSITIONS_MAX, self.max_position_embeddings),
            ("segue.clusters", 1, CLUSTERS_MAX, clusters as usize),
            ("segue.history_max", 1, HISTORY_MAX, history_max),
            ("segue.retrieved_max", 0, RETRIEVED_MAX, retrieved_max),
        ];
        match bounds.into_iter().find(|&(_, min, max, got)| got < min || got > max) {
            Some((what, min, max, got)) => Err(ModelConfigError::Bounds { what, min, max, got }),
            None => Ok(()),
        }
    }

    /// Sizes that follow from others.
    fn check_sizes(&self) -> Result<(), ModelConfigError> {
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if !hidden.is_multiple_of(2 * heads) {
            return Err(ModelConfigError::Heads { hidden, heads });
        }
        let tokens_max = prompt::tokens_max(&self.segue);
        let follows = [
            ("num_key_value_heads", heads, self.num_key_value_heads),
            ("vocab_size", TOKEN_CLUSTER as usize + self.segue.clusters as usize, self.vocab_size),
        ];
        if let Some((what, expected, got)) = follows.into_iter().find(|(_, expected, got)| expected != got) {
            return Err(ModelConfigError::Follows { what, expected, got });
        }
        if self.max_position_embeddings < tokens_max {
            let got = self.max_position_embeddings;
            return Err(ModelConfigError::Bounds {
                what: "max_position_embeddings",
                min: tokens_max,
                max: POSITIONS_MAX,
                got,
            });
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ModelConfigError> {
        let numbers = [("rms_norm_eps", 0.0, 1.0, self.rms_norm_eps), ("rope_theta", 1.0, 1e9, self.rope_theta)];
        match numbers.into_iter().find(|&(_, min, max, got)| !(got > min && got <= max)) {
            Some((what, min, max, got)) => Err(ModelConfigError::Number { what, min, max, got }),
            None => Ok(()),
        }
    }
}
