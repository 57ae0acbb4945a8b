//! The models of the months: the first learns all that came before the first month, each later one goes on from it with what came since.
//!
//! The weights of a month have seen nothing of it. They are small, and live in memory only.

use std::ops::Range;

use anyhow::Context as _;
use segue::model::config::{ModelConfig, PromptConfig};
use segue::model::engine::Prompts;
use segue::model::prompt::{self, Context};

use super::walk::HISTORY;
use super::{Learning, Replay};
use crate::examples::{AsOf, Balance, Contexts, Refresh};
use crate::progress::Progress;
use crate::train::checkpoint::{Checkpoint, State};
use crate::train::decoder::Decoder;
use crate::train::layout::Layout;
use crate::train::lesson::Lessons;
use crate::train::math::loss::bar;
use crate::train::optimiser::{AdamSettings, Moments};
use crate::train::parameters;
use crate::train::run::{Parts, Run};
use crate::train::settings::{ChooseBy, LearningSettings, OutputSettings, Show, Start};

/// The learning rate of fine-tuning, as a share of the first model's: enough to learn a month, too little to forget the year.
pub const MONTHLY_RATE_SHARE: f64 = 0.25;
/// The share of examples without retrieved continuations: more than `train` takes, since the model is asked without them too.
const CONTEXT_DROPOUT: f64 = 0.3;
/// Examples of a step.
const BATCH: usize = 128;
/// Histories asked at once by one thread.
const CHUNK_SIZE: usize = 64;

/// A model for each month that is asked about.
#[derive(Clone, Debug)]
pub struct Models {
    layout: Layout,
    prompt: PromptConfig,
    by_month: Vec<Vec<f32>>,
}

impl Models {
    /// Trains them, one after the other.
    ///
    /// # Errors
    /// When the network is none, or when a loss is no longer a number.
    pub fn train(replay: &Replay<'_>, learning: &Learning, progress: &Progress) -> anyhow::Result<Self> {
        let prompt = PromptConfig {
            clusters: replay.log.clusters,
            history_max: usize::from(HISTORY),
            retrieved_max: learning.retrieved_max,
            barred: replay.counting.count.mode.bars(),
        };
        let layout = Layout::new(&ModelConfig::new(prompt, learning.size)?);
        let training = Training { replay, learning, layout: &layout, prompt };
        let mut by_month: Vec<Vec<f32>> = Vec::new();
        let mut from = 0;
        for month in &replay.months.asked {
            let before = by_month.last().cloned();
            by_month.push(training.train(before, from..month.range.start)?);
            from = month.range.start;
            progress.advance(1);
        }
        Ok(Self { layout, prompt, by_month })
    }

    /// The logits of every cluster after each history, by a month's model, with the context that each history is given. Clusters that cannot
    /// come next have minus infinity.
    pub fn logits(&self, month: usize, histories: &[&[u32]], context: impl Fn(&[u32]) -> Context) -> Vec<Vec<f32>> {
        let mut decoder = Decoder::new(self.layout.clone());
        let chunk = |histories: &[&[u32]]| self.chunk(&mut decoder, month, (histories, &context));
        histories.chunks(CHUNK_SIZE).flat_map(chunk).collect()
    }

    fn chunk(
        &self,
        decoder: &mut Decoder,
        month: usize,
        (histories, context): (&[&[u32]], &impl Fn(&[u32]) -> Context),
    ) -> Vec<Vec<f32>> {
        let (mut prompts, mut tokens) = (Prompts::default(), Vec::new());
        for history in histories {
            prompt::write(&self.prompt, history, &context(history), &mut tokens);
            prompts.push(&tokens);
        }
        let logits = decoder.logits(&self.by_month[month], &prompts);
        let rows = logits.chunks_exact(self.prompt.clusters as usize).zip(histories);
        let barred = |(logits, history): (&[f32], &&[u32])| {
            let mut logits = logits.to_vec();
            bar(&mut logits, self.prompt.barred.of(history));
            logits
        };
        rows.map(barred).collect()
    }
}

/// What the trainings share.
struct Training<'a> {
    replay: &'a Replay<'a>,
    learning: &'a Learning,
    layout: &'a Layout,
    prompt: PromptConfig,
}

impl Training<'_> {
    /// The weights after the examples of a range, from those before or drawn anew.
    fn train(&self, before: Option<Vec<f32>>, range: Range<usize>) -> anyhow::Result<Vec<f32>> {
        let learning = match &before {
            None => self.settings(self.learning.epochs, self.learning.learning_rate),
            Some(_) => self.settings(self.learning.epochs_monthly, self.learning.learning_rate * MONTHLY_RATE_SHARE),
        };
        let parameters = before.unwrap_or_else(|| parameters::draw(self.layout, self.learning.seed));
        let range = range.start.max(range.end.saturating_sub(self.learning.examples_max))..range.end;
        if range.is_empty() || learning.epochs == 0 {
            return Ok(parameters);
        }
        let dir = tempfile::tempdir().context("cannot make a temporary directory for a training")?;
        let output = output(dir.path());
        let (lessons, validation) = (self.lessons(range), self.lessons(0..0));
        let parts = Parts {
            layout: self.layout,
            learning: &learning,
            output: &output,
            lessons: &lessons,
            validation: &validation,
        };
        let zeros = vec![0.0; parameters.len()];
        let moments = Moments { first: zeros.clone(), second: zeros, steps: 0 };
        let start = Checkpoint { parameters, moments, best: Vec::new(), state: State::default() };
        Ok(Run::begin(parts, start)?.finish()?.parameters)
    }

    /// Examples with the contexts that weekly refreshes gave them.
    fn lessons(&self, range: Range<usize>) -> Lessons<'_> {
        let Replay { log, counting, examples, .. } = *self.replay;
        let mut as_of = AsOf::new(log, counting);
        Lessons {
            examples,
            contexts: Contexts::new(examples, range.clone(), &Refresh::default(), &mut as_of),
            weights: Balance::default().weights(examples, range.clone(), log.clusters),
            range,
            prompt: self.prompt,
            depth: HISTORY,
        }
    }

    fn settings(&self, epochs: u32, learning_rate: f64) -> LearningSettings {
        LearningSettings {
            seed: self.learning.seed,
            epochs,
            batch: BATCH,
            learning_rate,
            warmup: 0.05,
            adam: AdamSettings { beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 0.05, gradient_norm_max: 1.0 },
            dropout: 0.1,
            context_dropout: CONTEXT_DROPOUT,
            recent_share: 0.0,
            suffix_share: 0.0,
            label_smoothing: 0.0,
            balance: Balance::default(),
            // All that came before the month is learnt from, so nothing is left to choose by.
            choose_by: ChooseBy::Last,
            patience: u32::MAX,
        }
    }
}

fn output(dir: &std::path::Path) -> OutputSettings {
    OutputSettings {
        out: dir.to_owned(),
        run_dir: dir.to_owned(),
        version: None,
        created_unix_s: None,
        citation: None,
        threads: rayon::current_num_threads(),
        checkpoint_steps: u64::MAX,
        start: Start::Anew,
        show: Show::Nothing,
    }
}
