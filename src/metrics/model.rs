//! What is counted of the model: each question by how it came to its answer, and each thread's work.

use std::time::Duration;

use metrics::{Counter, Histogram};

use super::label::{Label, per_label};
use super::registrar::Registrar;
use super::{
    MEMO_EVICTIONS, MEMO_HITS, METRICS, MODEL_ANSWERED, MODEL_ASKED, MODEL_BATCH_SIZE, MODEL_COMPUTE, MODEL_DROPPED,
    MODEL_FAILURES, MODEL_INFO, MODEL_JOINED, MODEL_QUEUE_WAIT, MODEL_REFUSED,
};
use crate::answer::{Degraded, Told};
use crate::memo::Found;
use crate::model::breaker::BreakerState;
use crate::model::worker::Failure;

/// The handles of the model's part.
pub struct ModelMetrics {
    asked: Counter,
    answered: Counter,
    memo_hits: Counter,
    memo_evictions: Counter,
    joined: Counter,
    refused: Box<[Counter]>,
    failures: Box<[Counter]>,
    dropped: Counter,
    batch_size: Histogram,
    queue_wait: Histogram,
    compute: Histogram,
}

/// What is read of the model's part at a scrape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelGauges {
    /// Questions that wait for a thread.
    pub queue_length: usize,
    /// What the breaker lets through.
    pub breaker: BreakerState,
    /// Answers that the serving release's memo keeps.
    pub memo_entries: usize,
    /// The model that serves, if one does.
    pub info: Option<ModelInfo>,
}

/// The names of a model that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its version.
    pub model: String,
    /// The arithmetic of its weights.
    pub precision: &'static str,
    /// The processor's arithmetic that was chosen for it.
    pub kernel: &'static str,
}

impl ModelMetrics {
    pub(super) fn new(registrar: &Registrar) -> Self {
        Self {
            asked: registrar.counter(&MODEL_ASKED, &[]),
            answered: registrar.counter(&MODEL_ANSWERED, &[]),
            memo_hits: registrar.counter(&MEMO_HITS, &[]),
            memo_evictions: registrar.counter(&MEMO_EVICTIONS, &[]),
            joined: registrar.counter(&MODEL_JOINED, &[]),
            refused: per_label(|reason: Degraded| registrar.counter(&MODEL_REFUSED, &[reason.text()])),
            failures: per_label(|failure: Failure| registrar.counter(&MODEL_FAILURES, &[failure.text()])),
            dropped: registrar.counter(&MODEL_DROPPED, &[]),
            batch_size: registrar.histogram(&MODEL_BATCH_SIZE, &[]),
            queue_wait: registrar.histogram(&MODEL_QUEUE_WAIT, &[]),
            compute: registrar.histogram(&MODEL_COMPUTE, &[]),
        }
    }

    /// Counts a question that came to the model's rung.
    pub fn asked(&self) {
        self.asked.increment(1);
    }

    /// Counts where its answer is to be had.
    pub fn found<E>(&self, found: &Result<Found, E>) {
        match found {
            Ok(Found::Known(_)) => self.memo_hits.increment(1),
            Ok(Found::Joined(_)) => self.joined.increment(1),
            Ok(Found::Begun(_)) | Err(_) => {}
        }
    }

    /// Counts what became of it.
    pub fn told(&self, told: &Told) {
        match told {
            Told::Next(_) => self.answered.increment(1),
            Told::Degraded(reason) => self.refused[reason.index()].increment(1),
            Told::Nothing => {}
        }
    }

    /// Counts an answer that gave way to another in the memo.
    pub fn evicted(&self) {
        self.memo_evictions.increment(1);
    }

    /// Records how long a question waited for a thread.
    pub fn waited(&self, wait: Duration) {
        self.queue_wait.record(wait.as_secs_f64());
    }

    /// Records a batch and how long it took.
    pub fn computed(&self, questions: usize, elapsed: Duration) {
        self.batch_size.record(questions as f64);
        self.compute.record(elapsed.as_secs_f64());
    }

    /// Counts questions that nobody waited for any more.
    pub fn dropped(&self, questions: u64) {
        self.dropped.increment(questions);
    }

    /// Counts a question whose computation failed.
    pub fn failed(&self, failure: Failure) {
        self.failures[failure.index()].increment(1);
    }
}

impl std::fmt::Debug for ModelMetrics {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ModelMetrics").finish_non_exhaustive()
    }
}

impl ModelInfo {
    /// The series that names the model. Rendered through a recorder of its own, which is then forgotten: the exporter
    /// would go on naming every earlier model.
    pub(super) fn render(&self) -> String {
        let registrar = Registrar::new(METRICS);
        registrar.gauge(&MODEL_INFO, &[&self.model, self.precision, self.kernel]).set(1);
        registrar.render()
    }
}

/// The number that stands for a breaker's state.
pub(super) fn breaker_number(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

impl Default for ModelGauges {
    fn default() -> Self {
        Self { queue_length: 0, breaker: BreakerState::Closed, memo_entries: 0, info: None }
    }
}
