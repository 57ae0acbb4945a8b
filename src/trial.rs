//! A release on trial beside the one that serves: what its answers are counted by, who compares them, and who ends it.
//!
//! A request pays for a trial only while one is on, and never waits for it.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use crate::admit::Deadline;
use crate::answer::Answer;
use crate::ask::Ask;
use crate::config::Config;
use crate::snapshot::live::{Arm, Live, Lot, Turn};

pub mod compare;
pub mod figures;
pub mod guard;
pub mod judge;
pub mod shadow;
pub mod spread;
pub mod recorded;
mod steer;
pub mod tally;

use figures::TrialFigures;
use tally::{Tally, Totals};

/// The trial's part of the room: every door's answers come by here while a trial is on.
#[derive(Debug)]
pub struct Trials {
    live: Arc<Live>,
    /// Seconds after which a canary is promoted; none where that is an operator's to do.
    bake_s: Option<u64>,
    sampled: Sender<Ask>,
    /// The other end, until the shadow's thread takes it.
    waiting: Mutex<Option<Receiver<Ask>>>,
}

/// A canary's answer that is waited for. Dropped before its end, it counts as one that never came.
#[derive(Debug)]
#[must_use = "dropping it counts a failure"]
pub struct Waiting<'t> {
    tally: &'t Tally,
    arm: Option<Arm>,
}

impl Trials {
    /// Watches what is lined up in `live`.
    pub fn new(live: Arc<Live>, config: &Config) -> Self {
        let (sampled, waiting) = bounded(config.shadow.queue_max);
        let bake_s = config.canary.promote.then_some(config.canary.bake_s);
        Self { live, bake_s, sampled, waiting: Mutex::new(Some(waiting)) }
    }

    /// Counts an answer that was told, and samples its question.
    pub fn told(&self, turn: Turn, (ask, answer): (&Ask, &Answer<'_>), deadline: Deadline) {
        if let Some(arm) = turn.arm {
            self.count((arm, answer), deadline);
        }
        self.sample(turn, ask);
    }

    /// Counts one answer of a batch, and samples its question. It has no time of its own.
    pub fn told_of_many(&self, turn: Turn, (ask, answer): (&Ask, &Answer<'_>)) {
        if let Some(arm) = turn.arm {
            self.tally().answered(arm, answer);
        }
        self.sample(turn, ask);
    }

    /// Counts a batch that was answered too late.
    pub fn told_all(&self, turn: Turn, deadline: Deadline) {
        if let Some(arm) = turn.arm.filter(|_| deadline.check().is_err()) {
            self.tally().failed(arm);
        }
    }

    /// Begins to wait for an answer.
    pub fn waiting(&self, turn: Option<Turn>) -> Waiting<'_> {
        Waiting { tally: self.tally(), arm: turn.and_then(|turn| turn.arm) }
    }

    fn count(&self, (arm, answer): (Arm, &Answer<'_>), deadline: Deadline) {
        self.tally().timed(arm, deadline.started().elapsed());
        match deadline.check() {
            Ok(()) => self.tally().answered(arm, answer),
            Err(_) => self.tally().failed(arm),
        }
    }

    /// Hands a question to the shadow's thread, where it is drawn; never waits for it, and never wakes it.
    fn sample(&self, turn: Turn, ask: &Ask) {
        if turn.shadow.is_none() || !turn.shadow.holds(Lot::drawn()) {
            return;
        }
        self.tally().sampled();
        if self.sampled.try_send(Ask { unit: None, ..ask.clone() }).is_err() {
            self.tally().dropped();
        }
    }

    /// The trial that is on and what it showed so far; `None` while none is.
    pub fn figures(&self) -> Option<TrialFigures> {
        let mut figures = TrialFigures::of(self.live.lineup()?.as_ref(), &self.totals())?;
        figures.canary.iter_mut().for_each(|canary| canary.bake_s = self.bake_s);
        Some(figures)
    }

    /// What all trials counted since the start of the process.
    pub fn totals(&self) -> Totals {
        self.tally().totals()
    }

    /// The sampled questions: for one thread only.
    fn take_waiting(&self) -> Option<Receiver<Ask>> {
        self.waiting.lock().take()
    }

    fn tally(&self) -> &Tally {
        self.live.tally()
    }
}

impl Waiting<'_> {
    /// The answer is there.
    pub fn end(mut self) {
        self.arm = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.arm.iter().for_each(|arm| self.tally.failed(*arm));
    }
}
