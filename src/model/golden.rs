//! `golden.json`: prompts with the logits that they must give, before a model may serve.
//!
//! They are made by the [`network`](super::network) when the model is written, never by the engine that is checked with
//! them: a kernel that this processor computes wrongly, and a definition that changed since the training, are found out.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::config::ModelConfig;
use super::engine::{Engine, Precision, Prompts, Scratch};
use super::network::Network;
use super::prompt::{self, Context, TOKEN_CLUSTER};
use super::weights::Weights;

/// What a logit of full precision may differ by. Floats summed in another order differ by a hundredth of it.
pub const TOLERANCE: f32 = 1e-3;
/// The loosest tolerance that a file may ask for.
const TOLERANCE_MAX: f32 = 1e-2;
/// What a logit of quantised weights may differ by, as a share of the spread between a prompt's highest and lowest.
pub const QUANTISED_SPREAD_MAX: f32 = 0.1;
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

/// A prompt and its logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenPrompt {
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
    /// A prompt that the model cannot be asked.
    #[error("golden prompt {prompt} has tokens that the model's configuration does not allow; write the model anew")]
    Tokens {
        /// Its place.
        prompt: usize,
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
    let prompt_bytes = 32 * (config.segue.clusters as u64 + config.max_position_embeddings as u64);
    4096 + PROMPTS_MAX as u64 * prompt_bytes
}

impl GoldenLogits {
    /// Asks the network a prompt of every kind. The same weights give the same logits on the same kind of processor.
    pub fn make(config: &ModelConfig, weights: &Weights) -> Result<Self> {
        let weights = VarBuilder::from_tensors(weights.clone(), candle_core::DType::F32, &Device::Cpu);
        let network = Network::new(config, weights)?;
        let prompt = |tokens: Vec<u32>| Ok(GoldenPrompt { logits: answer(&network, config, &tokens)?, tokens });
        let prompts = kinds(config).into_iter().map(prompt).collect::<Result<_>>()?;
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
    /// [`QUANTISED_SPREAD_MAX`] of each prompt's spread.
    pub fn check(&self, engine: &Engine, precision: Precision) -> std::result::Result<(), LogitMismatch> {
        let mut prompts = Prompts::default();
        self.prompts.iter().for_each(|prompt| prompts.push(&prompt.tokens));
        let mut logits = Vec::new();
        engine.logits(&mut Scratch::default(), &prompts, &mut logits);
        let mut rest = &logits[..];
        for (place, prompt) in self.prompts.iter().enumerate() {
            let tolerance = match precision {
                Precision::Full => self.tolerance,
                Precision::Quantised => self.tolerance.max(QUANTISED_SPREAD_MAX * spread(&prompt.logits)),
            };
            let (row, after) = rest.split_at(prompt.logits.len().min(rest.len()));
            prompt.check_row(place, row, tolerance)?;
            rest = after;
        }
        Ok(())
    }
}

impl GoldenPrompt {
    fn check_shape(&self, prompt: usize, config: &ModelConfig) -> std::result::Result<(), GoldenLogitsError> {
        let known = self.tokens.iter().all(|&token| (token as usize) < config.vocab_size);
        if !known || !(1..=config.max_position_embeddings).contains(&self.tokens.len()) {
            return Err(GoldenLogitsError::Tokens { prompt });
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

/// The highest less the lowest.
fn spread(logits: &[f32]) -> f32 {
    let (low, high) = logits.iter().fold((f32::MAX, f32::MIN), |(low, high), &logit| (low.min(logit), high.max(logit)));
    (high - low).max(0.0)
}

/// Prompts of every kind: no history and some, no context and of each matched length, short and as long as can be.
fn kinds(config: &ModelConfig) -> Vec<Vec<u32>> {
    let (history_max, retrieved_max) = (config.segue.history_max, config.segue.retrieved_max);
    let kinds = [
        (0, 0, 0),
        (1, 0, 0),
        (0, 0, 1),
        (1, 1, 2),
        (2, 2, retrieved_max),
        (3, 3, retrieved_max),
        (history_max / 2, 0, retrieved_max),
        (history_max, 3, retrieved_max),
    ];
    kinds.into_iter().map(|kind| kind_of(config, kind)).collect()
}

/// A prompt with so many clusters of history, so long a matched suffix, and so many continuations.
fn kind_of(config: &ModelConfig, (history, matched, retrieved): (usize, usize, usize)) -> Vec<u32> {
    // Distinct while there are clusters left: 7919 is prime, and larger than the step of any pattern in a catalogue.
    let clusters = config.segue.clusters;
    let index = |place: usize| ((place as u64 * 7919 + 1) % u64::from(clusters)) as u32;
    let history = history.min(clusters as usize);
    let continuation = |place: usize| (index(history + place), 0.5_f32.powi(1 + place as i32 / 2));
    let retrieved = retrieved.min(clusters as usize - history);
    let context = Context { matched, continuations: (0..retrieved).map(continuation).collect() };
    let mut tokens = Vec::new();
    prompt::write(&config.segue, &(0..history).map(index).collect::<Vec<_>>(), &context, &mut tokens);
    tokens
}
