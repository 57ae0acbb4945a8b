//! Asking the model about a history that the table does not hold: memo, breaker, pool and time limits, put together.
//!
//! It never fails: what the model does not answer in time becomes the reason why the next rung does.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::admit::Deadline;
use crate::answer::{Degraded, Heard, Told, last_known};
use crate::config;
use crate::memo::{Found, Memo, Seat};
use crate::metrics::{ModelGauges, ModelInfo, ModelMetrics};
use crate::model::Model;
use crate::model::breaker::{Breaker, BreakerLimits, Passage};
use crate::model::prompt::Context;
use crate::model::rank::{Question, Working};
use crate::model::worker::{Compute, EngineCompute, Inquiry, Pool, PoolLimits, Saturated, Ticket};
use crate::snapshot::live::Held;
use crate::snapshot::release::Release;

/// The least time kept back from a request's own for the next rung and the reply: two ticks of the runtime's clock, which
/// may be one late.
const RESERVE_MIN: Duration = Duration::from_millis(2);
/// The part of a request's own time that is kept back: on a busy machine, what wakes late has more to spare with it.
const RESERVE_PART: u32 = 10;

/// The way to the models of all releases.
#[derive(Debug)]
pub struct Fallback {
    /// One for each [`Arm`](crate::snapshot::live::Arm), in its order.
    lanes: [Lane; 2],
    timeout: Duration,
    memo_max: usize,
    metrics: Arc<ModelMetrics>,
}

/// What the models of one arm have to themselves: a release on trial whose model is slow or fails must not take the model
/// from the callers of the one that serves, and could not be told from it if it did.
#[derive(Debug)]
struct Lane {
    pool: Pool,
    breaker: Breaker,
}

/// A question that was put to a model.
#[derive(Debug)]
pub struct Asked {
    word: Word,
    metrics: Arc<ModelMetrics>,
}

#[derive(Debug)]
enum Word {
    /// Told at once.
    Told(Told),
    /// To be waited for.
    Coming(Coming),
}

/// A question on its way to a model.
struct Matter<'r> {
    release: &'r Release,
    model: &'r Arc<Model>,
    /// What the model reads of the history: indexes, oldest first.
    read: Arc<[u32]>,
    limit: Limit,
}

/// A computation that is waited for.
#[derive(Debug)]
struct Coming {
    seat: Seat,
    limit: Limit,
    /// Of the one who put it to the pool: the computation's end is told to the breaker once.
    entered: Option<Entered>,
}

/// A question that was let through to the pool.
#[derive(Debug)]
struct Entered {
    passage: Passage,
    ticket: Ticket,
}

/// How long a question waits.
#[derive(Clone, Copy, Debug)]
struct Limit {
    until: Instant,
    /// Whether that is all the time that a model is ever given. Where a caller had less, the model is not to blame.
    is_models: bool,
}

impl Fallback {
    /// Starts the threads. An error is the system's refusal of one.
    pub fn start(config: &config::Model, compute: Arc<dyn Compute>, metrics: Arc<ModelMetrics>) -> io::Result<Self> {
        let limits = PoolLimits {
            threads: threads(config.threads)?,
            queue_max: config.queue_max,
            batch_max: config.batch_max,
            batch_window: Duration::from_micros(config.batch_window_us),
        };
        let breaker = BreakerLimits { failures_max: config.breaker_failures, open: config.breaker_open };
        let lane = || {
            let pool = Pool::start(limits, compute.clone(), metrics.clone())?;
            Ok::<_, io::Error>(Lane { pool, breaker: Breaker::new(breaker) })
        };
        Ok(Self { lanes: [lane()?, lane()?], timeout: config.timeout, memo_max: config.memo_max, metrics })
    }

    /// Puts a question to a release's model; never waits. [`Asked::told`] does.
    pub fn ask(&self, held: &Held, history: &[u32], deadline: Deadline) -> Asked {
        let (lane, release) = (&self.lanes[held.arm() as usize], &held.release);
        let word = match release.model() {
            Some(model) => {
                let read = last_known(release.catalogue(), history, model.config().segue.history_max).into();
                self.inquire(lane, &Matter { release, model, read, limit: self.limit(deadline) })
            }
            None => Word::Told(Told::Nothing),
        };
        Asked { word, metrics: self.metrics.clone() }
    }

    fn inquire(&self, lane: &Lane, matter: &Matter<'_>) -> Word {
        self.metrics.asked();
        let mut entered = None;
        let found = self.memo(matter.release).find(&matter.read, || {
            let passage = lane.enter(matter.limit)?;
            let inquiry = matter.inquiry(Instant::now() + self.timeout);
            let (verdict, ticket) = lane.pool.submit(inquiry).map_err(|Saturated| Degraded::ModelSaturated)?;
            entered = Some(Entered { passage, ticket });
            Ok(verdict)
        });
        self.metrics.found(&found);
        match found {
            Ok(Found::Known(heard)) => Word::Told(Told::Next(heard)),
            Ok(Found::Joined(seat) | Found::Begun(seat)) => Word::Coming(Coming { seat, limit: matter.limit, entered }),
            Err(reason) => Word::Told(Told::Degraded(reason)),
        }
    }

    fn limit(&self, deadline: Deadline) -> Limit {
        let left = deadline.left();
        let usable = left.saturating_sub((left / RESERVE_PART).max(RESERVE_MIN));
        Limit { until: Instant::now() + usable.min(self.timeout), is_models: usable >= self.timeout }
    }

    /// The memo of a release, which begins with its first question.
    fn memo<'r>(&self, release: &'r Release) -> &'r Arc<Memo> {
        release.memo().get_or_init(|| Arc::new(Memo::new(self.memo_max, self.metrics.clone())))
    }

    /// What a scrape shows, while `release` serves.
    pub fn gauges(&self, release: Option<&Release>) -> ModelGauges {
        let memo = release.and_then(|release| release.memo().get());
        let [serving, _] = &self.lanes;
        ModelGauges {
            queue_length: self.lanes.iter().map(|lane| lane.pool.queue_length()).sum(),
            breaker: serving.breaker.state(Instant::now()),
            memo_entries: memo.map_or(0, |memo| memo.len()),
            info: release.and_then(Release::model).map(|model| info(model)),
        }
    }
}

impl Lane {
    /// Lets a question through that has any time, while the breaker does.
    fn enter(&self, limit: Limit) -> Result<Passage, Degraded> {
        let now = Instant::now();
        if limit.until <= now {
            return Err(Degraded::ModelTimeout);
        }
        self.breaker.enter(now).ok_or(Degraded::ModelUnavailable)
    }
}

impl Matter<'_> {
    fn inquiry(&self, until: Instant) -> Inquiry {
        let context = retrieved(self.release, &self.read);
        Inquiry { model: self.model.clone(), history: self.read.clone(), context, until }
    }
}

impl Asked {
    /// What the model told, once it has or the time is up.
    pub async fn told(self) -> Told {
        let told = match self.word {
            Word::Told(told) => told,
            Word::Coming(coming) => coming.told().await,
        };
        self.metrics.told(&told);
        told
    }
}

impl Coming {
    async fn told(mut self) -> Told {
        let verdict = timeout_at(self.limit.until.into(), self.seat.verdict()).await;
        let entered = self.entered.take();
        match verdict {
            Ok(Ok(Ok(heard))) => {
                entered.into_iter().for_each(|entered| entered.passage.succeed());
                Told::Next(heard)
            }
            Ok(Ok(Err(_))) => {
                entered.into_iter().for_each(|entered| entered.passage.fail(Instant::now()));
                Told::Degraded(Degraded::ModelFailed)
            }
            // Either the time is up here, or the pool found that it was.
            Ok(Err(_)) | Err(_) => Told::Degraded(self.late(entered)),
        }
    }

    /// Why the time was not enough. A question that waited its turn while others were computed says nothing against the
    /// model: were that a failure, a crowd would take the model from everyone.
    fn late(&self, entered: Option<Entered>) -> Degraded {
        match entered {
            Some(Entered { ticket, .. }) if ticket.is_behind_others() => return Degraded::ModelSaturated,
            Some(Entered { passage, .. }) if self.limit.is_models => passage.fail(Instant::now()),
            _ => {}
        }
        Degraded::ModelTimeout
    }
}

/// What a release's model tells about a history (cluster ids, oldest first), asked on the caller's own thread and without
/// a limit of time: for a command, never for a request.
pub fn ask_here(release: &Release, history: &[u32]) -> Told {
    ask_with(&EngineCompute, &mut Working::default(), (release, history))
}

/// The same by an arithmetic and with working memory that are the caller's: for a thread that asks again and again. The
/// arithmetic may panic.
pub fn ask_with(compute: &dyn Compute, working: &mut Working, (release, history): (&Release, &[u32])) -> Told {
    let Some(model) = release.model() else { return Told::unasked(release).unwrap_or_default() };
    let read: Arc<[u32]> = last_known(release.catalogue(), history, model.config().segue.history_max).into();
    let question = Question { history: &read, context: &retrieved(release, &read) };
    let ranked = compute.answer(model, working, &[question]);
    let heard = ranked.first().and_then(|ranked| Heard::new(read.clone(), ranked));
    heard.map_or(Told::Degraded(Degraded::ModelFailed), |heard| Told::Next(Arc::new(heard)))
}

/// What a release's table retrieves for a history (indexes, oldest first): the record of its longest known suffix, the
/// popular list at the least. The model thus always reads what the release that answers knows.
pub fn retrieved(release: &Release, history: &[u32]) -> Context {
    let depth = usize::from(release.table().shape().depth).min(history.len());
    let record = |matched: usize| Some((matched, release.table().get(&history[history.len() - matched..])?));
    let Some((matched, record)) = (0..=depth).rev().find_map(record) else { return Context::default() };
    Context { matched, continuations: record.iter().map(|(index, score)| (index, score.value())).collect() }
}

/// The threads configured; a quarter of the cores where that is left to us, since the others answer from tables.
fn threads(configured: usize) -> io::Result<usize> {
    match configured {
        0 => Ok((thread::available_parallelism()?.get() / 4).max(1)),
        some => Ok(some),
    }
}

fn info(model: &Model) -> ModelInfo {
    ModelInfo {
        model: model.manifest().version.to_string(),
        precision: model.precision().word(),
        kernel: model.engine().kernel(),
    }
}
