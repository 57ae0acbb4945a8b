//! The threads that own the model's arithmetic: a bounded queue of questions, answered in small batches.
//!
//! A question that nobody waits for any more is dropped unanswered. No thread here may end by a failure of the model, and
//! none may take the processor from a request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::answer::Heard;
use crate::metrics::ModelMetrics;
use crate::priority;

use super::Model;
use super::prompt::Context;
use super::rank::{Question, Ranked, Working};

mod batch;

use batch::Worker;

/// Most clusters that are kept of an answer: as many as the widest record of a table holds.
pub const RANKED_MAX: usize = 64;

/// Limits of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Threads, at least 1.
    pub threads: usize,
    /// Questions that may wait, at least 1.
    pub queue_max: usize,
    /// Questions that are computed together, at least 1.
    pub batch_max: usize,
    /// Time from the first question of a batch that others are waited for, where some waited already.
    pub batch_window: Duration,
}

/// A pool of threads that answer for models. They end when it is dropped.
#[derive(Debug)]
pub struct Pool {
    queue: Sender<Job>,
    computed: Arc<AtomicU64>,
}

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The model to ask.
    pub model: Arc<Model>,
    /// The clusters that it reads: indexes, oldest first, distinct.
    pub history: Arc<[u32]>,
    /// The retrieved continuations.
    pub context: Context,
    /// When the answer is of no use any more.
    pub until: Instant,
}

/// What became of a question: the answer, or why there is none. An answer that was given up has neither.
pub type Verdict = Result<Arc<Heard>, Failure>;

/// Why a model that was asked has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Failure {
    /// Its arithmetic panicked.
    Panicked,
    /// It gave a number that is not finite.
    NotFinite,
}

/// How a question fares in the pool.
#[derive(Debug)]
pub struct Ticket {
    /// Whether it has come from the queue to the arithmetic.
    begun: Arc<AtomicBool>,
    /// Questions that the pool has computed, and how many those were when this one came.
    computed: Arc<AtomicU64>,
    computed_before: u64,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as many questions wait for the model as may; raise model.queue_max or model.threads")]
pub struct Saturated;

/// The arithmetic that the threads run: the engine's, but for tests of what happens when it is slow or fails.
pub trait Compute: Send + Sync {
    /// As [`Model::answer`], asked for [`RANKED_MAX`] clusters.
    fn answer(&self, model: &Model, working: &mut Working, questions: &[Question<'_>]) -> Vec<Ranked>;
}

/// The arithmetic of the model's own engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineCompute;

impl Compute for EngineCompute {
    fn answer(&self, model: &Model, working: &mut Working, questions: &[Question<'_>]) -> Vec<Ranked> {
        model.answer(working, questions, RANKED_MAX)
    }
}

impl Ticket {
    /// Whether it waits its turn, or waited too long for it, while others were computed: there are too many, and nothing is
    /// wrong with the model.
    pub fn is_behind_others(&self) -> bool {
        !self.begun.load(Relaxed) && self.computed.load(Relaxed) > self.computed_before
    }
}

impl Failure {
    /// Every failure, in the order of its discriminant.
    pub const ALL: [Self; 2] = [Self::Panicked, Self::NotFinite];

    /// The word for it in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::NotFinite => "not_finite",
        }
    }
}

impl Pool {
    /// Starts the threads. An error is the system's refusal of one.
    pub fn start(limits: PoolLimits, compute: Arc<dyn Compute>, metrics: Arc<ModelMetrics>) -> io::Result<Self> {
        let (queue, jobs) = bounded(limits.queue_max);
        let computed = Arc::<AtomicU64>::default();
        for _ in 0..limits.threads {
            let worker = Worker {
                limits,
                jobs: jobs.clone(),
                compute: compute.clone(),
                metrics: metrics.clone(),
                computed: computed.clone(),
                working: Working::giving_way(),
            };
            thread::Builder::new().name("segue-model".to_owned()).spawn(move || {
                priority::yield_some();
                worker.run();
            })?;
        }
        Ok(Self { queue, computed })
    }

    /// Puts a question in the queue, if it has room. Dropping the receiver takes the question back.
    pub fn submit(&self, inquiry: Inquiry) -> Result<(oneshot::Receiver<Verdict>, Ticket), Saturated> {
        let (reply, verdict) = oneshot::channel();
        let computed = self.computed.clone();
        let ticket = Ticket { begun: Arc::default(), computed_before: computed.load(Relaxed), computed };
        let job = Job { inquiry, submitted: Instant::now(), reply, begun: ticket.begun.clone() };
        match self.queue.try_send(job) {
            Ok(()) => Ok((verdict, ticket)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Saturated),
        }
    }

    /// Questions that wait.
    pub fn queue_length(&self) -> usize {
        self.queue.len()
    }
}

/// A question in the queue.
#[derive(Debug)]
struct Job {
    inquiry: Inquiry,
    submitted: Instant,
    reply: oneshot::Sender<Verdict>,
    begun: Arc<AtomicBool>,
}

impl Job {
    fn question(&self) -> Question<'_> {
        Question { history: &self.inquiry.history, context: &self.inquiry.context }
    }

    /// Whether somebody waits for the answer, and for at least as long again as the queue took: one that is computed with
    /// less time left would often come too late, and make those behind it late as well.
    fn is_wanted(&self, now: Instant) -> bool {
        let left = self.inquiry.until.saturating_duration_since(now);
        !self.reply.is_closed() && left > now - self.submitted
    }

    /// Tells the answer to who waits for it, if anybody does.
    fn tell(self, verdict: Verdict) {
        let _ = self.reply.send(verdict);
    }
}
