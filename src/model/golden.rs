//! `golden.json`: questions with the prompts that they must become and the logits that these must give, before a model
//! may serve.
//!
//! They are made by the [`network`](super::network) when the model is written, never by the engine that is checked with
//! them: a kernel that this processor computes wrongly, and a prompt or a definition that changed since the training,
//! are found out.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::config::ModelConfig;
use super::engine::{Engine, Precision, Prompts, Scratch};
use super::network::Network;
use super::prompt::{self, Context, TOKEN_CLUSTER};
use super::weights::Weights;
use crate::priority;

/// What a logit of full precision may differ by. Floats summed in another order differ by a hundredth of it.
pub const TOLERANCE: f32 = 1e-3;
/// The loosest tolerance that a file may ask for.
const TOLERANCE_MAX: f32 = 1e-2;
/// What a logit of quantised weights may differ by, as a share of the spread between the highest and the lowest of all.
/// A network of 256 numbers a token differs by a fiftieth, one of 32 with random weights by up to a sixteenth; a kernel
/// that is wrong, by about all of it.
pub const QUANTISED_SPREAD_MAX: f32 = 0.15;
/// Most prompts of a file.
const PROMPTS_MAX: usize = 64;

/// What `golden.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenLogits {
    /// What a logit may differ by.
    pub tolerance: f32,
    /// Prompts of every kind that occurs.
    pub prompts: Vec<GoldenPrompt>,
}

/// A question, its prompt and its logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenPrompt {
    /// Indexes in the catalogue, oldest first.
    pub history: Vec<u32>,
    /// Clusters in the suffix that was found.
    pub matched: usize,
    /// What was retrieved: indexes in the catalogue with scores, best first.
    pub continuations: Vec<(u32, f32)>,
    /// The prompt.
    pub tokens: Vec<u32>,
    /// The logit of every cluster after the prompt's last token.
    pub logits: Vec<f32>,
}

/// Why bytes are no golden logits of a model.
#[derive(Debug, thiserror::Error)]
pub enum GoldenLogitsError {
    /// Not their JSON.
    #[error("the model's golden logits cannot be read: {0}; write the model anew")]
    Json(#[from] serde_json::Error),
    /// None, or too many.
    #[error("the model has {got} golden prompts, expected 1 to {PROMPTS_MAX}")]
    Count {
        /// How many came.
        got: usize,
    },
    /// A tolerance that tells nothing.
    #[error("the tolerance of the golden logits is {got}, expected a number above 0 and at most {TOLERANCE_MAX}")]
    Tolerance {
        /// What came.
        got: f32,
    },
    /// A question that becomes another prompt.
    #[error(
        "golden prompt {prompt} is {expected:?}, its question gives {got:?}; the model was trained on other prompts than \
         this build or its configuration writes, train it anew"
    )]
    Tokens {
        /// Its place.
        prompt: usize,
        /// The golden tokens.
        expected: Vec<u32>,
        /// What the question gives.
        got: Vec<u32>,
    },
    /// Logits that are not a number for every cluster.
    #[error("golden prompt {prompt} has {got} finite logits, expected {expected}; write the model anew")]
    Logits {
        /// Its place.
        prompt: usize,
        /// Clusters.
        expected: usize,
        /// Finite logits.
        got: usize,
    },
}

/// A golden prompt that got other logits.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error(
    "golden prompt {prompt} gives cluster index {index} the logit {got}, expected {expected} within {tolerance}; the \
     model was written by a newer or older build, or this processor computes wrongly: train again, or try another machine"
)]
pub struct LogitMismatch {
    /// Its place.
    pub prompt: usize,
    /// The cluster, as an index in the catalogue.
    pub index: usize,
    /// The golden logit.
    pub expected: f32,
    /// What the engine gave.
    pub got: f32,
    /// What it may differ by.
    pub tolerance: f32,
}

/// Largest `golden.json` that a configuration can have.
pub fn bytes_max(config: &ModelConfig) -> u64 {
    // A number of JSON, its comma, its line and indent.
    let prompt_bytes = 32 * (config.segue.clusters as u64 + 4 * config.max_position_embeddings as u64);
    4096 + PROMPTS_MAX as u64 * prompt_bytes
}

impl GoldenLogits {
    /// Asks the network a prompt of every kind. The same weights give the same logits on the same kind of processor.
    pub fn make(config: &ModelConfig, weights: &Weights) -> Result<Self> {
        let weights = VarBuilder::from_tensors(weights.clone(), candle_core::DType::F32, &Device::Cpu);
        let network = Network::new(config, weights)?;
        let mut prompts = kinds(config);
        for prompt in &mut prompts {
            prompt.tokens = prompt.write(config);
            prompt.logits = answer(&network, config, &prompt.tokens)?;
        }
        Ok(Self { tolerance: TOLERANCE, prompts })
    }

    /// Reads golden logits and checks that they are a model's of this configuration.
    pub fn from_json(bytes: &[u8], config: &ModelConfig) -> std::result::Result<Self, GoldenLogitsError> {
        let golden: Self = serde_json::from_slice(bytes)?;
        let (got, tolerance) = (golden.prompts.len(), golden.tolerance);
        if !(1..=PROMPTS_MAX).contains(&got) {
            return Err(GoldenLogitsError::Count { got });
        }
        if !(tolerance > 0.0 && tolerance <= TOLERANCE_MAX) {
            return Err(GoldenLogitsError::Tolerance { got: tolerance });
        }
        golden.prompts.iter().enumerate().try_for_each(|(place, prompt)| prompt.check_shape(place, config))?;
        Ok(golden)
    }

    /// The golden logits' JSON, ending with a line break: the same always gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("golden logits have string keys and finite numbers only");
        bytes.push(b'\n');
        bytes
    }

    /// Asks an engine every prompt. [`Precision::Full`] must come within the tolerance, [`Precision::Quantised`] within
    /// [`QUANTISED_SPREAD_MAX`] of the logits' spread.
    pub fn check(&self, engine: &Engine, precision: Precision) -> std::result::Result<(), LogitMismatch> {
        let (mut scratch, mut prompts, mut logits) = (Scratch::default(), Prompts::default(), Vec::new());
        for (place, prompt) in self.prompts.iter().enumerate() {
            priority::offer(); // One at a time: a load must not hold up requests.
            prompts.clear();
            prompts.push(&prompt.tokens);
            engine.logits(&mut scratch, &prompts, &mut logits);
            prompt.check_row(place, &logits, self.tolerance_of(precision))?;
        }
        Ok(())
    }

    fn tolerance_of(&self, precision: Precision) -> f32 {
        match precision {
            Precision::Full => self.tolerance,
            Precision::Quantised => self.tolerance.max(QUANTISED_SPREAD_MAX * self.spread()),
        }
    }

    /// The highest of all logits less the lowest.
    fn spread(&self) -> f32 {
        let logits = self.prompts.iter().flat_map(|prompt| &prompt.logits);
        let (low, high) = logits.fold((f32::MAX, f32::MIN), |(low, high), &logit| (low.min(logit), high.max(logit)));
        (high - low).max(0.0)
    }
}

impl GoldenPrompt {
    /// The tokens that the question gives.
    fn write(&self, config: &ModelConfig) -> Vec<u32> {
        let context = Context { matched: self.matched, continuations: self.continuations.clone() };
        let mut tokens = Vec::new();
        prompt::write(&config.segue, &self.history, &context, &mut tokens);
        tokens
    }

    /// What the question gives are tokens of the vocabulary, and never too many.
    fn check_shape(&self, prompt: usize, config: &ModelConfig) -> std::result::Result<(), GoldenLogitsError> {
        let got = self.write(config);
        if got != self.tokens {
            return Err(GoldenLogitsError::Tokens { prompt, expected: self.tokens.clone(), got });
        }
        let expected = config.segue.clusters as usize;
        let got = self.logits.iter().filter(|logit| logit.is_finite()).count();
        if got == expected && self.logits.len() == expected {
            return Ok(());
        }
        Err(GoldenLogitsError::Logits { prompt, expected, got })
    }

    fn check_row(&self, prompt: usize, row: &[f32], tolerance: f32) -> std::result::Result<(), LogitMismatch> {
        // What is missing counts as no number, and no number is never near one.
        let got = |index| row.get(index).copied().unwrap_or(f32::NAN);
        let near = |index: usize| (got(index) - self.logits[index]).abs() <= tolerance;
        match (0..self.logits.len()).find(|&index| !near(index)) {
            Some(index) => {
                Err(LogitMismatch { prompt, index, expected: self.logits[index], got: got(index), tolerance })
            }
            None => Ok(()),
        }
    }
}

/// The clusters' logits after a prompt's last token.
pub fn answer(network: &Network, config: &ModelConfig, tokens: &[u32]) -> Result<Vec<f32>> {
    let hidden = network.hidden(&Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?)?;
    let last = hidden.narrow(1, tokens.len() - 1, 1)?.squeeze(1)?;
    let logits = network.logits(&last)?.squeeze(0)?;
    logits.narrow(0, TOKEN_CLUSTER as usize, config.segue.clusters as usize)?.to_vec1()
}

/// Questions of every kind, to be asked: no history and some, no context and of each matched length, a history and
/// continuations longer than are read, and continuations that the history holds.
fn kinds(config: &ModelConfig) -> Vec<GoldenPrompt> {
    let (history_max, retrieved_max) = (config.segue.history_max, config.segue.retrieved_max);
    let kinds = [
        (0, 0, 0),
        (1, 0, 0),
        (0, 0, 1),
        (1, 1, 2),
        (2, 2, retrieved_max),
        (3, 3, retrieved_max),
        (history_max / 2, 0, retrieved_max),
        (history_max + 1, 3, history_max + retrieved_max + 2),
    ];
    kinds.into_iter().map(|kind| kind_of(config.segue.clusters, kind)).collect()
}

/// So many clusters of history, so long a matched suffix, and so many continuations; the last of the history is among
/// them.
fn kind_of(clusters: u32, (history, matched, retrieved): (usize, usize, usize)) -> GoldenPrompt {
    // Distinct while there are clusters left: 7919 is prime, so it divides no smaller catalogue.
    let index = |place: usize| ((place as u64 * 7919 + 1) % u64::from(clusters)) as u32;
    let history = history.min(clusters as usize);
    let first = history.saturating_sub(1);
    let continuation = |place: usize| (index(first + place), 0.5_f32.powi(1 + place as i32 / 2));
    GoldenPrompt {
        history: (0..history).map(index).collect(),
        matched,
        continuations: (0..retrieved.min(clusters as usize - first)).map(continuation).collect(),
        tokens: Vec::new(),
        logits: Vec::new(),
    }
}
