//! The room behind both doors: everything a request needs, put together once at the start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::admit::{Admission, Deadline, Permit};
use crate::answer::{Answer, Answerer, answer, answer_all};
use crate::ask::{Ask, AskLimits, Question};
use crate::config::{Config, Rung};
use crate::drain::{Drain, Stage};
use crate::error::Error;
use crate::metrics::Watched;
use crate::snapshot::live::Live;
use crate::snapshot::release::Release;
use crate::unseen::{Figures, UnseenLog};

/// What both doors share.
#[derive(Debug)]
pub struct Room {
    live: Arc<Live>,
    rungs: Vec<Rung>,
    limits: AskLimits,
    admission: Admission,
    drain: Drain,
    unseen: Arc<UnseenLog>,
}

impl Room {
    /// Furnishes the room as configured.
    pub fn new(config: &Config, live: Arc<Live>, drain: Drain) -> Self {
        let (rungs, limits) = (config.answer.rungs.clone(), AskLimits::from(&config.request));
        let (admission, unseen) = (Admission::new(config.request.in_flight_max), UnseenLog::new(&config.unseen).into());
        Self { live, rungs, limits, admission, drain, unseen }
    }

    /// Admits work that costs `cost` questions, or sheds it.
    #[inline]
    pub fn admit(&self, cost: usize) -> Result<Permit, Error> {
        self.admission.enter(cost)
    }

    /// The deadline of a request that came at `started` and asks for `timeout`, if it asks.
    #[inline]
    pub fn deadline(&self, started: Instant, timeout: Option<Duration>) -> Deadline {
        Deadline::new(started, self.limits.deadline(timeout))
    }

    /// Checks a question against the limits.
    #[inline]
    pub fn check(&self, question: Question) -> Result<Ask, Error> {
        question.check(&self.limits)
    }

    /// What a caller may ask for at most.
    pub fn limits(&self) -> &AskLimits {
        &self.limits
    }

    /// Answers one question; `encode` sees the answer while its release is held.
    #[inline]
    pub fn answer<R>(&self, ask: &Ask, encode: impl FnOnce(&Answer<'_>) -> R) -> Result<R, Error> {
        answer(&self.live, &self.rungs, ask, encode)
    }

    /// Answers many questions from one release.
    pub fn answer_all<R>(&self, encode: impl FnOnce(&Answerer<'_>) -> R) -> Result<R, Error> {
        answer_all(&self.live, &self.rungs, encode)
    }

    /// Reads the release that serves now.
    pub fn release<R>(&self, read: impl FnOnce(&Release) -> R) -> Result<R, Error> {
        self.live.read(read).ok_or(Error::NotReady)
    }

    /// Where histories are counted that the table does not hold.
    pub fn unseen(&self) -> &Arc<UnseenLog> {
        &self.unseen
    }

    /// When to stop.
    pub fn drain(&self) -> &Drain {
        &self.drain
    }
}

impl Watched for Room {
    fn ready(&self) -> bool {
        self.live.is_ready() && self.drain.stage() == Stage::Serving
    }

    fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    fn in_flight_limit(&self) -> usize {
        self.admission.limit()
    }

    fn unseen(&self) -> Figures {
        self.unseen.figures()
    }
}
