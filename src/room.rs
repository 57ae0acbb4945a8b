//! The room behind both doors: everything a request needs, put together once at the start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::admit::{Admission, Deadline, Permit};
use crate::answer::{Answer, Answerer, Reached, answer, answer_all, last_known};
use crate::ask::{Ask, AskLimits, Question};
use crate::config::{Config, Rung};
use crate::drain::{Drain, Stage};
use crate::error::Error;
use crate::fallback::Fallback;
use crate::metrics::{ModelGauges, Watched};
use crate::snapshot::live::{Lineup, Live, Share, Turn};
use crate::snapshot::release::Release;
use crate::trial::Trials;
use crate::trial::tally::Totals;
use crate::unseen::{Figures, HISTORY_MAX, UnseenLog};

mod answering;
mod consultation;

pub use answering::Answering;

use consultation::Consultation;

/// Why an encoding is there when it is wanted.
const TOLD_ONCE: &str = "an answer is encoded where it is found, or after the model is asked, and never at both";

/// What both doors share.
#[derive(Debug)]
pub struct Room {
    live: Arc<Live>,
    rungs: Vec<Rung>,
    limits: AskLimits,
    admission: Admission,
    drain: Drain,
    fallback: Fallback,
    unseen: Arc<UnseenLog>,
    trials: Arc<Trials>,
}

/// What was asked, until when, and what the answer is part of.
#[derive(Clone, Copy)]
struct Asked<A> {
    ask: A,
    deadline: Deadline,
    turn: Option<Turn>,
}

impl Room {
    /// Furnishes the room as configured.
    pub fn new(config: &Config, live: Arc<Live>, drain: Drain, fallback: Fallback) -> Self {
        let (rungs, limits) = (config.answer.rungs.clone(), AskLimits::from(&config.request));
        let (admission, unseen) = (Admission::new(config.request.in_flight_max), UnseenLog::new(&config.unseen).into());
        let trials = Arc::new(Trials::new(live.clone(), config));
        Self { live, rungs, limits, admission, drain, fallback, unseen, trials }
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

    /// Answers one question; `encode` sees the answer while its release is held. What the table holds is answered at
    /// once: only where the release's model must be asked is there anything to wait for.
    #[inline]
    pub fn answer<'a, R, E>(
        self: &Arc<Self>,
        ask: Ask,
        deadline: Deadline,
        encode: E,
    ) -> Result<Answering<'a, R>, Error>
    where
        E: FnOnce(&Answer<'_>) -> R + Send + 'a,
        R: 'a,
    {
        let mut waiting = Some(encode);
        let tell = |answer: &Answer<'_>, turn| {
            self.tell(Asked { ask: &ask, deadline, turn }, answer, waiting.take().expect(TOLD_ONCE))
        };
        Ok(match answer(&self.live, &self.rungs, &ask, tell)? {
            Reached::End(encoded) => Answering::Done(encoded),
            Reached::Model(held) => {
                let asked = Consultation { room: self.clone(), held, asked: ask, deadline };
                Answering::Waiting(Box::pin(asked.end(waiting.expect(TOLD_ONCE))))
            }
        })
    }

    /// Answers many questions from one release, within the time that they have together; `encode` is handed what
    /// answers any of them.
    pub fn answer_all<'a, R, E>(
        self: &Arc<Self>,
        asks: Vec<Result<Ask, Error>>,
        deadline: Deadline,
        encode: E,
    ) -> Result<Answering<'a, R>, Error>
    where
        E: FnOnce(&Answerer<'_>) -> R + Send + 'a,
        R: 'a,
    {
        let mut waiting = Some(encode);
        let tell = |answerer: Answerer<'_>, turn| {
            self.tell_all(Asked { ask: (), deadline, turn }, answerer, waiting.take().expect(TOLD_ONCE))
        };
        Ok(match answer_all(&self.live, &self.rungs, &asks, tell)? {
            Reached::End(encoded) => Answering::Done(encoded),
            Reached::Model(held) => {
                let asked = Consultation { room: self.clone(), held, asked: asks, deadline };
                Answering::Waiting(Box::pin(asked.end_all(waiting.expect(TOLD_ONCE))))
            }
        })
    }

    /// Tells an answer. Every answer to a question alone comes through here.
    fn tell<R>(&self, asked: Asked<&Ask>, answer: &Answer<'_>, encode: impl FnOnce(&Answer<'_>) -> R) -> R {
        self.note(asked.ask, answer);
        let encoded = encode(answer);
        if let Some(turn) = asked.turn {
            self.trials.told(turn, (asked.ask, answer), asked.deadline);
        }
        encoded
    }

    /// Tells the answers of a batch.
    fn tell_all<R>(&self, asked: Asked<()>, answerer: Answerer<'_>, encode: impl FnOnce(&Answerer<'_>) -> R) -> R {
        let note = |ask: &Ask, answer: &Answer<'_>| {
            self.note(ask, answer);
            asked.turn.iter().for_each(|turn| self.trials.told_of_many(*turn, (ask, answer)));
        };
        let encoded = encode(&answerer.noting(&note));
        asked.turn.iter().for_each(|turn| self.trials.told_all(*turn, asked.deadline));
        encoded
    }

    /// Notes a history that the table does not hold, whoever answered it.
    fn note(&self, ask: &Ask, answer: &Answer<'_>) {
        if answer.unseen {
            let catalogue = answer.release.catalogue();
            let last = last_known(catalogue, &ask.history, HISTORY_MAX);
            let ids: Vec<u32> = last.into_iter().filter_map(|index| catalogue.id_at(index)).collect();
            self.unseen.record(&ids);
        }
    }

    /// Reads the release that serves now.
    pub fn release<R>(&self, read: impl FnOnce(&Release) -> R) -> Result<R, Error> {
        self.live.read(read).ok_or(Error::NotReady)
    }

    /// The release that serves now and the one on trial beside it, for who works with them longer than a read may take.
    /// Their holder delays their unmapping.
    pub fn lineup(&self) -> Option<Arc<Lineup>> {
        self.live.lineup()
    }

    /// The order in which the paths to an answer are tried.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// Where histories are counted that the table does not hold.
    pub fn unseen(&self) -> &Arc<UnseenLog> {
        &self.unseen
    }

    /// What is tried beside the release that serves.
    pub fn trials(&self) -> &Arc<Trials> {
        &self.trials
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

    fn model(&self) -> ModelGauges {
        let gauges = |release: &Release| self.fallback.gauges(Some(release));
        self.live.read(gauges).unwrap_or_else(|| self.fallback.gauges(None))
    }

    fn trial(&self) -> (Totals, Share) {
        (self.trials.totals(), self.live.trial().map_or(Share::NONE, |trial| trial.canary))
    }

    fn unseen(&self) -> Figures {
        self.unseen.figures()
    }
}
