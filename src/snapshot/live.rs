//! The one pointer to the release that serves, and to the one on trial beside it. Nothing else in the program touches it.
//!
//! Readers never wait, and a swap waits for no reader: it is one store of releases that are already verified and warm.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::manifest::Version;
use super::release::Release;
use crate::trial::tally::{Began, Tally};

mod share;

pub use share::{Lot, Seed, Share, ShareError};

/// The releases that answer now, if any does.
#[derive(Debug, Default)]
pub struct Live {
    lineup: ArcSwapOption<Lineup>,
    /// What trials count, from the start of the process.
    tally: Arc<Tally>,
}

/// What answers: always replaced as one.
#[derive(Clone, Debug)]
pub struct Lineup {
    /// The release that serves.
    pub current: Arc<Release>,
    /// The one that is tried beside it.
    pub trial: Option<Trial>,
}

/// A staged release that is tried on live questions.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The release.
    pub release: Arc<Release>,
    /// The share of callers that it answers.
    pub canary: Share,
    /// The share of questions that it answers as well, for nobody to see.
    pub shadow: Share,
    seed: Seed,
    /// When it began and what had been counted by then; none before it is lined up.
    began: Option<Arc<Began>>,
}

/// Which release answered, while there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Arm {
    /// The one that serves.
    Current,
    /// The one on trial.
    Trial,
}

/// A release lent for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Lent<'l> {
    /// The release.
    pub release: &'l Arc<Release>,
    /// What the answer is part of, while a trial is on.
    pub turn: Option<Turn>,
}

/// The same, held for an answer that has to wait.
#[derive(Clone, Debug)]
pub struct Held {
    /// The release.
    pub release: Arc<Release>,
    /// What the answer is part of, while a trial is on.
    pub turn: Option<Turn>,
}

/// What an answer is part of, while a trial is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The arm that answers; none while only a shadow is on.
    pub arm: Option<Arm>,
    /// The share of questions that the trial answers as well.
    pub shadow: Share,
}

impl Live {
    /// Reads from the release that serves, held until `read` returns; `None` while nothing is loaded. A closure, so that a
    /// borrow cannot outlive the load and the load cannot be held over an await.
    #[inline]
    pub fn read<R>(&self, read: impl FnOnce(&Release) -> R) -> Option<R> {
        self.lineup.load().as_deref().map(|lineup| read(&lineup.current))
    }

    /// Lends the release that answers a caller: the one on trial where the caller's lot falls to it, else the one that
    /// serves. One load, which ends with `read`; who has to wait before the answer is done goes on with a clone.
    #[inline]
    pub fn lend<R>(&self, lot: impl FnOnce(Seed) -> Lot, read: impl FnOnce(Lent<'_>) -> R) -> Option<R> {
        let lineup = self.lineup.load();
        let lineup = lineup.as_deref()?;
        Some(read(match &lineup.trial {
            None => Lent { release: &lineup.current, turn: None },
            Some(trial) => trial.lend(&lineup.current, lot),
        }))
    }

    /// Makes `next` the release that serves, and gives back the one before. Drop it where unmapping may take its time. A
    /// trial of `next` ends; of another release it goes on, and counts anew against this one.
    pub fn swap(&self, next: Arc<Release>) -> Option<Arc<Release>> {
        let before = self.lineup.rcu(|lineup| {
            let trial = lineup.as_ref().and_then(|lineup| lineup.trial.clone());
            let goes_on = |trial: &Trial| trial.version() != &next.manifest().version;
            let trial = trial.filter(goes_on).map(|trial| trial.beginning(&self.tally));
            Some(Arc::new(Lineup { current: next.clone(), trial }))
        });
        before.map(|lineup| lineup.current.clone())
    }

    /// Puts a release on trial, or ends the trial; gives back the one before. What is given is given back where nothing
    /// serves that it could be tried beside.
    pub fn try_out(&self, next: Option<Trial>) -> Option<Trial> {
        let before = self.lineup.rcu(|lineup| {
            let lineup = lineup.as_ref()?;
            let next = next.clone().map(|next| next.following(lineup.trial.as_ref(), &self.tally));
            Some(Arc::new(Lineup { current: lineup.current.clone(), trial: next }))
        });
        before.map_or(next, |lineup| lineup.trial.clone())
    }

    /// Takes a release's canary off every caller at once, and leaves the rest of its trial; whether it had one.
    pub fn halt(&self, version: &Version) -> bool {
        let halted = |trial: &Trial| Trial { canary: Share::NONE, ..trial.clone() };
        let before = self.lineup.rcu(|lineup| {
            let Lineup { current, trial } = lineup.as_deref()?.clone();
            let trial = trial.map(|trial| if trial.version() == version { halted(&trial) } else { trial });
            Some(Arc::new(Lineup { current, trial }))
        });
        let trial = before.as_ref().and_then(|lineup| lineup.trial.as_ref());
        trial.is_some_and(|trial| trial.version() == version && !trial.canary.is_none())
    }

    /// The release on trial, if one is.
    pub fn trial(&self) -> Option<Trial> {
        self.lineup.load().as_ref()?.trial.clone()
    }

    /// Everything that answers now. Never on the way of a request: it may be the last to hold what it gives.
    pub fn lineup(&self) -> Option<Arc<Lineup>> {
        self.lineup.load_full()
    }

    /// What trials count.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Whether a release serves.
    pub fn is_ready(&self) -> bool {
        self.lineup.load().is_some()
    }
}

impl Lent<'_> {
    /// Holds the release for longer than the load.
    pub fn hold(self) -> Held {
        Held { release: self.release.clone(), turn: self.turn }
    }
}

impl Held {
    /// The arm that the release is of.
    pub fn arm(&self) -> Arm {
        self.turn.and_then(|turn| turn.arm).unwrap_or(Arm::Current)
    }
}

impl Trial {
    /// A trial of a release, not begun.
    pub fn new(release: Arc<Release>, canary: Share, shadow: Share) -> Self {
        let seed = Seed::of(&release.manifest().version);
        Self { release, canary, shadow, seed, began: None }
    }

    /// The name of the release on trial.
    pub fn version(&self) -> &Version {
        &self.release.manifest().version
    }

    /// When it began; none before it is lined up.
    pub fn began(&self) -> Option<&Arc<Began>> {
        self.began.as_ref()
    }

    #[inline]
    fn lend<'l>(&'l self, current: &'l Arc<Release>, lot: impl FnOnce(Seed) -> Lot) -> Lent<'l> {
        let shadow = self.shadow;
        if self.canary.is_none() {
            return Lent { release: current, turn: Some(Turn { arm: None, shadow }) };
        }
        let (release, arm) = match self.canary.holds(lot(self.seed)) {
            true => (&self.release, Arm::Trial),
            false => (current, Arm::Current),
        };
        Lent { release, turn: Some(Turn { arm: Some(arm), shadow }) }
    }

    /// The same, beginning now.
    fn beginning(self, tally: &Tally) -> Self {
        let began = Some(Arc::new(Began::now(tally)));
        Self { began, ..self }
    }

    /// The same, beginning when the trial before did, where that was of the same release.
    fn following(self, before: Option<&Trial>, tally: &Tally) -> Self {
        let same = before.filter(|before| before.version() == self.version());
        match same.and_then(|before| Some((before.canary, before.began.clone()?))) {
            Some((canary, began)) if canary == self.canary => Self { began: Some(began), ..self },
            Some((_, began)) => Self { began: Some(Arc::new(began.changed_now())), ..self },
            None => self.beginning(tally),
        }
    }
}

impl Arm {
    /// Both, in the order of the discriminant.
    pub const ALL: [Self; 2] = [Self::Current, Self::Trial];

    /// The word for it in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Trial => "trial",
        }
    }
}
