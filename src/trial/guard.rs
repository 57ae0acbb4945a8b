//! The thread that watches a canary: takes it back the moment that it leaves its bounds, and promotes it once it has
//! baked. It must never judge what an operator has ended.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::judge::{Bounds, Breach};
use super::tally::{Began, Totals};
use crate::config;
use crate::metrics::TrialMetrics;
use crate::snapshot::live::{Arm, Live, Trial};
use crate::snapshot::manifest::Version;

/// Moments of a window that are kept: the window that is judged is longer than configured by one part in so many, at most.
const LOOKS_MAX: u32 = 64;

/// What a guard may do to a trial; each call returns once it is a fact, and an error says why it is none.
pub trait Steer: Send {
    /// Ends the trial of a release that has left a bound, and quarantines it.
    fn abort(&self, version: &Version, breach: &Breach) -> Result<(), Undone>;

    /// Makes a release that has baked the one that serves.
    fn promote(&self, version: &Version) -> Result<(), Undone>;
}

/// Why a decision is no fact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// The release is not where it was: asking again is of no use.
    #[error("{0}")]
    Refused(String),
    /// The disk refused, or others were served first: it may yet be done.
    #[error("{0}; it is tried again")]
    Failed(String),
}

/// What the thread works on.
pub struct Parts {
    /// Whose trial it watches.
    pub live: Arc<Live>,
    /// Where it counts.
    pub metrics: Arc<TrialMetrics>,
    /// By whom it acts.
    pub steer: Box<dyn Steer>,
}

/// The thread, running; it ends when this is dropped.
#[derive(Debug)]
pub struct Guard {
    _stop: SyncSender<()>,
}

impl Guard {
    /// Starts the thread. An error is the system's refusal.
    pub fn start(parts: Parts, config: &config::Canary) -> io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let mut watch = Watch::new(parts, config);
        let mut run = move |stopped: Receiver<()>| {
            while stopped.recv_timeout(watch.check) == Err(RecvTimeoutError::Timeout) {
                watch.look(Instant::now());
            }
        };
        thread::Builder::new().name("segue-canary".to_owned()).spawn(move || run(stopped))?;
        Ok(Self { _stop: stop })
    }
}

/// The thread's own state.
struct Watch {
    parts: Parts,
    bounds: Bounds,
    check: Duration,
    window: Duration,
    /// How long a canary bakes before it is promoted; none where that is an operator's to do.
    bake: Option<Duration>,
    /// The canary that is watched, as it began.
    watched: Option<Arc<Began>>,
    /// What had been counted at moments of the window, oldest first.
    looks: VecDeque<(Instant, Totals)>,
    /// Its promotion was tried, and is not tried again.
    tried: bool,
    /// A canary that is off its callers, and whose quarantine is still to be done.
    unfinished: Option<(Version, Breach)>,
}

impl Watch {
    fn new(parts: Parts, config: &config::Canary) -> Self {
        let bake = config.promote.then(|| Duration::from_secs(config.bake_s));
        let (check, window) = (config.check, config.window);
        let (bounds, looks) = (Bounds::new(config), VecDeque::new());
        Self { parts, bounds, check, window, bake, watched: None, looks, tried: false, unfinished: None }
    }

    /// Looks at the canary that is on, if one is.
    fn look(&mut self, now: Instant) {
        let trial = self.parts.live.trial();
        let canary = trial.filter(|trial| !trial.canary.is_none());
        self.finish(canary.as_ref().map(Trial::version));
        let Some((began, trial)) = canary.and_then(|trial| Some((trial.began().cloned()?, trial))) else {
            self.forget();
            return;
        };
        self.begin(&began);
        let totals = self.parts.live.tally().totals();
        match self.breach(now, &began, &totals) {
            Some(breach) => self.abort(&trial, breach),
            None if self.has_baked(now, &began, &totals) => self.promote(trial.version()),
            None => {}
        }
    }

    fn forget(&mut self) {
        self.watched = None;
        self.looks.clear();
    }

    /// Begins anew where another canary is on, or another release serves beside it.
    fn begin(&mut self, began: &Arc<Began>) {
        let same = self.watched.as_ref().map(|watched| (watched.at, watched.changed));
        if same.map(|(at, _)| at) != Some(began.at) {
            self.looks = [(began.at, began.totals.clone())].into();
        }
        if same != Some((began.at, began.changed)) {
            self.tried = false;
        }
        self.watched = Some(began.clone());
    }

    fn breach(&mut self, now: Instant, began: &Began, totals: &Totals) -> Option<Breach> {
        while self.looks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= self.window) {
            self.looks.pop_front();
        }
        let earlier = self.looks.front().map_or(&began.totals, |(_, totals)| totals);
        let (latest, whole) = (totals.since(earlier), totals.since(&began.totals));
        let judged = if self.is_enough(&latest) { latest } else { whole };
        if self.looks.back().is_none_or(|(at, _)| now.duration_since(*at) >= self.window / LOOKS_MAX) {
            self.looks.push_back((now, totals.clone()));
        }
        let [current, trial] = &judged.canary;
        self.bounds.judge(current, trial)
    }

    fn is_enough(&self, totals: &Totals) -> bool {
        self.bounds.is_enough(&totals.canary[Arm::Trial as usize])
    }

    /// Takes the canary off its callers at once; what else there is to do may have to wait for the disk.
    fn abort(&mut self, trial: &Trial, breach: Breach) {
        if !self.parts.live.halt(trial.version()) {
            return;
        }
        let (release, share) = (trial.version(), trial.canary.ratio());
        self.parts.metrics.aborted(breach.bound);
        tracing::error!(%release, share, bound = breach.bound.label(), "canary taken back: {}", breach.text);
        self.forget();
        self.quarantine(release.clone(), breach);
    }

    /// Goes on with a quarantine that failed, unless an operator has given the release callers again.
    fn finish(&mut self, canary: Option<&Version>) {
        let unfinished = self.unfinished.take().filter(|(version, _)| Some(version) != canary);
        unfinished.into_iter().for_each(|(version, breach)| self.quarantine(version, breach));
    }

    fn quarantine(&mut self, release: Version, breach: Breach) {
        let Err(error) = self.parts.steer.abort(&release, &breach) else { return };
        tracing::error!(%release, "the release is off its callers, but not quarantined: {error}");
        if matches!(error, Undone::Failed(_)) {
            self.unfinished = Some((release, breach));
        }
    }

    /// Whether the canary has kept to its bounds for long enough to be promoted, which is tried once.
    fn has_baked(&self, now: Instant, began: &Began, totals: &Totals) -> bool {
        let baked = self.bake.is_some_and(|bake| now.duration_since(began.changed) >= bake);
        baked && !self.tried && self.is_enough(&totals.since(&began.totals))
    }

    fn promote(&mut self, release: &Version) {
        self.tried = true;
        match self.parts.steer.promote(release) {
            Ok(()) => {
                self.parts.metrics.promoted();
                tracing::info!(%release, "canary promoted: it kept to its bounds for as long as it had to bake");
            }
            Err(error) => tracing::error!(%release, "the canary has baked, but is not promoted: {error}"),
        }
    }
}
