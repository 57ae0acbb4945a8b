//! The thread that answers sampled questions from both releases and compares; it must never wake for a request, nor take
//! the processor from one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::Trials;
use super::compare::Likeness;
use crate::answer::{Answer, Degraded, Told, climb_with, needs_model};
use crate::ask::Ask;
use crate::config::{Config, Rung};
use crate::fallback::ask_with;
use crate::model::rank::Working;
use crate::model::worker::Compute;
use crate::priority;
use crate::snapshot::live::{Arm, Lineup, Live};
use crate::snapshot::release::Release;

/// Time between looks for questions while a shadow is on. Waiting for them instead would have each question wake the
/// thread, which is a call into the system on the way of a request.
const PAUSE: Duration = Duration::from_millis(2);
/// Time between looks whether a shadow is on.
const IDLE_PAUSE: Duration = Duration::from_millis(100);

/// What the thread works with.
struct Shadow {
    live: Arc<Live>,
    sampled: Receiver<Ask>,
    rungs: Vec<Rung>,
    models: bool,
    compute: Arc<dyn Compute>,
    working: Working,
    /// Who answers first, in turns: the first finds the caches cold.
    first: Arm,
}

/// Starts the thread, which ends when `trials` does. An error is the system's refusal.
pub fn start(trials: &Trials, config: &Config, compute: Arc<dyn Compute>) -> io::Result<()> {
    let Some(sampled) = trials.take_waiting() else { return Ok(()) };
    let shadow = Shadow {
        live: trials.live.clone(),
        sampled,
        rungs: config.answer.rungs.clone(),
        models: config.shadow.model,
        compute,
        working: Working::giving_way(),
        first: Arm::Current,
    };
    thread::Builder::new().name("segue-shadow".to_owned()).spawn(move || shadow.run()).map(drop)
}

impl Shadow {
    fn run(mut self) {
        priority::step_back();
        loop {
            match self.sampled.try_recv() {
                Ok(ask) => self.answer(&ask),
                Err(TryRecvError::Empty) => thread::sleep(self.pause()),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn pause(&self) -> Duration {
        let on = self.live.trial().is_some_and(|trial| !trial.shadow.is_none());
        if on { PAUSE } else { IDLE_PAUSE }
    }

    /// Answers a question from both releases, where both are still there.
    fn answer(&mut self, ask: &Ask) {
        let Some(lineup) = self.live.lineup() else { return };
        if lineup.trial.is_none() {
            return;
        }
        let compared = catch_unwind(AssertUnwindSafe(|| self.compare(&lineup, ask)));
        if compared.is_err() {
            tracing::error!("a sampled question's answer panicked; the line before says where");
        }
    }

    fn compare(&mut self, lineup: &Lineup, ask: &Ask) {
        let Some(trial) = &lineup.trial else { return };
        let release = |arm| if arm == Arm::Current { &lineup.current } else { &trial.release };
        let second = if self.first == Arm::Current { Arm::Trial } else { Arm::Current };
        let one = self.answer_as(self.first, release(self.first), ask);
        let other = self.answer_as(second, release(second), ask);
        self.first = second;
        self.live.tally().compared(Likeness::of(&one, &other));
    }

    fn answer_as<'r>(&mut self, arm: Arm, release: &'r Release, ask: &Ask) -> Answer<'r> {
        let started = Instant::now();
        let told = self.ask_model(release, ask);
        let answer = climb_with(release, &self.rungs, ask, &told);
        self.live.tally().shadowed(arm, &answer, started.elapsed());
        answer
    }

    /// What a release's model tells, where it would have been asked: without a limit of time, and without the memo.
    fn ask_model(&mut self, release: &Release, ask: &Ask) -> Told {
        if !self.models || !needs_model(release, &self.rungs, ask) {
            return Told::unasked(release).unwrap_or_default();
        }
        let asked = catch_unwind(AssertUnwindSafe(|| {
            ask_with(self.compute.as_ref(), &mut self.working, (release, &ask.history))
        }));
        asked.unwrap_or_else(|_| {
            // Half-written memory may hold anything.
            self.working = Working::giving_way();
            Told::Degraded(Degraded::ModelFailed)
        })
    }
}
