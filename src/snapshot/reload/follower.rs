//! The thread that decides: hears commands, looks at the pointer, and swaps; it must never load or free a release itself,
//! so that a rollback waits for nothing but the disk.
//!
//! What needs no loading is done at once. What does is an [`Errand`]: errands take turns, and one is loaded at a time.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::command::{Command, Request};
use super::errand::{Aim, Errand, Looking, Want};
use super::loader::{Job, Loader};
use super::outcome::{Effect, Failure, Outcome, Positions, Status};
use super::outside::Outside;
use super::residents::Residents;
use super::retired::Retired;
use super::retry::Retry;
use super::{Parts, Reply};
use crate::config::Config;
use crate::snapshot::gate::Occasion;
use crate::snapshot::lifecycle::{Entry, Standing};
use crate::snapshot::manifest::Version;
use crate::snapshot::release::Release;
use crate::snapshot::state::State;
use crate::snapshot::store::{Store, StoreError};
use crossbeam_channel::{Receiver, select, tick};
use parking_lot::Mutex;

/// The thread's own state.
pub(super) struct Follower {
    pub parts: Parts,
    pub rules: Rules,
    pub loader: Loader,
    pub status: Arc<Mutex<Status>>,
    /// What the store remembered when it was last read or changed.
    pub state: State,
    pub serving: Option<Arc<Release>>,
    /// Every release that could serve at once, the serving one among them.
    pub residents: Residents,
    pub retired: Retired,
    pub retry: Option<Retry>,
    /// The previous release, where it cannot be kept in memory.
    pub given_up: Option<Version>,
    /// What another hand had the pointer name.
    pub outside: Option<Outside>,
    turns: VecDeque<Errand>,
    under_way: Option<Errand>,
}

/// What is configured.
pub(super) struct Rules {
    pub poll: Duration,
    pub keep_previous: bool,
    pub retired_max: usize,
}

impl Follower {
    /// Starts the threads that load and that free; the follower itself runs when told to.
    pub(super) fn new(parts: Parts, config: &Config, status: Arc<Mutex<Status>>) -> io::Result<Self> {
        let release = &config.release;
        let (poll, keep_previous) = (release.poll, release.keep_previous);
        Ok(Self {
            rules: Rules { poll, keep_previous, retired_max: release.retired_max },
            loader: Loader::start(&parts, config)?,
            retired: Retired::start(parts.store.clone(), parts.metrics.clone())?,
            status,
            // Whoever moves the pointer from here on is seen. That it cannot be read is told by the thread.
            state: parts.store.state().unwrap_or_default(),
            serving: None,
            residents: Residents::default(),
            retry: None,
            given_up: None,
            outside: None,
            turns: VecDeque::from([Errand::look(Looking::Asked)]),
            under_way: None,
            parts,
        })
    }

    /// Hears requests until nobody can make any.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        self.wake();
        let (polls, loaded) = (tick(self.rules.poll), self.loader.loaded().clone());
        loop {
            self.take_turns();
            select! {
                recv(requests) -> request => match request {
                    Ok(request) => self.hear(request),
                    Err(_) => return,
                },
                recv(loaded) -> loaded => match loaded {
                    Ok(loaded) => self.land(loaded),
                    Err(_) => return tracing::error!("the loading thread has ended; no release can be loaded any more"),
                },
                recv(polls) -> _ => self.look(Looking::Unasked, Vec::new()),
            }
        }
    }

    /// Sees what the process before left.
    fn wake(&mut self) {
        if let Err(error) = self.reread() {
            tracing::error!("{error}");
        }
        self.write_down_ended();
        self.tidy();
        self.retired.sweep();
    }

    /// Does a command at once, or has it take its turn where it needs a load.
    fn hear(&mut self, Request { command, reply }: Request) {
        let aim = match command {
            Command::Look => return self.look(Looking::Asked, vec![reply]),
            Command::Stage(version) => Aim::Stage(version),
            Command::Activate(version) => Aim::Activate(version),
            Command::Promote(version) => Aim::Promote(version),
            Command::Rollback => Aim::RollBack,
            Command::Quarantine(version, reason) => Aim::Quarantine(version, reason),
            at_once => {
                let before = self.positions();
                let result = self.obey(at_once);
                return self.tell(vec![reply], before, result);
            }
        };
        if let Some((errand, _)) = self.try_now(Errand { aim, replies: vec![reply] }) {
            self.turns.push_back(errand);
        }
    }

    /// Has the pointer looked at in its turn: one look answers all who asked before it begins.
    fn look(&mut self, looking: Looking, replies: Vec<Reply>) {
        match self.turns.iter_mut().find(|errand| errand.aim == Aim::Follow(looking)) {
            Some(waiting) => waiting.replies.extend(replies),
            None => self.turns.push_back(Errand { aim: Aim::Follow(looking), replies }),
        }
    }

    /// Begins what waits, as long as nothing is being loaded; then what nobody asked for but a rollback may want.
    fn take_turns(&mut self) {
        while self.under_way.is_none() {
            let Some(errand) = self.turns.pop_front() else { break };
            if let Some((errand, version)) = self.try_now(errand) {
                self.load(errand, version);
            }
        }
        if let (None, Some(version)) = (&self.under_way, self.missing()) {
            self.load(Errand { aim: Aim::Keep(version.clone()), replies: Vec::new() }, version);
        }
    }

    /// Does an errand that needs no loading. Gives back one that does, with the release to be loaded.
    fn try_now(&mut self, errand: Errand) -> Option<(Errand, Version)> {
        let before = self.positions();
        let result = match self.want(&errand.aim) {
            Ok(Want::Load(version)) => return Some((errand, version)),
            Ok(Want::Word(command)) => self.obey(command),
            Ok(Want::Have(release)) => self.finish(&errand.aim, release),
            Ok(Want::Nothing) => Ok(Effect::Unchanged),
            Err(failure) => Err(failure),
        };
        self.tell(errand.replies, before, result);
        None
    }

    /// Has a release loaded, and shows meanwhile that it is.
    fn load(&mut self, errand: Errand, version: Version) {
        self.load_instead(errand, version, None);
    }

    /// The same, once another release that is in memory has given way to it.
    pub(super) fn load_instead(&mut self, errand: Errand, version: Version, instead: Option<Arc<Release>>) {
        self.status.lock().loading = Some(version.clone());
        let serves = self.serves(&version);
        self.loader.begin(Job {
            book: (!serves).then(|| self.parts.book.clone()),
            against: self.serving.clone(),
            occasion: if self.has_served(&version) { Occasion::Return } else { Occasion::New },
            instead,
            version,
        });
        self.under_way = Some(errand);
    }

    /// Whether a release served here before. That the pointer names it proves nothing while another serves: whoever moved
    /// it may have meant one that is new here, and new ones are judged beside what serves.
    fn has_served(&self, version: &Version) -> bool {
        let named_only = self.serving.is_some() && self.state.current.as_ref() == Some(version);
        let once = |entry: Entry| entry.steps.iter().any(|step| step.standing == Standing::Current);
        self.parts.book.entry(version).is_some_and(once) || (!named_only && self.state.has_served(version))
    }

    /// The errand whose release was being loaded.
    pub(super) fn landed(&mut self) -> Option<Errand> {
        self.status.lock().loading = None;
        self.under_way.take()
    }

    /// Puts an errand before all that wait.
    pub(super) fn go_first(&mut self, errand: Errand) {
        self.turns.push_front(errand);
    }

    /// Voids activations that were asked for before a rollback: whoever goes back does not want to be taken forward
    /// again a moment later.
    pub(super) fn supersede(&mut self) {
        self.turns.iter_mut().chain(&mut self.under_way).for_each(Errand::supersede);
    }

    /// Tells the outcome. A caller that left does not want it.
    pub(super) fn tell(&mut self, replies: Vec<Reply>, before: Positions, result: Result<Effect, Failure>) {
        self.end_record(&result);
        let outcome = Outcome { before, after: self.positions(), result };
        replies.into_iter().for_each(|reply| drop(reply.send(outcome.clone())));
    }

    /// Who holds which position now.
    pub(super) fn positions(&self) -> Positions {
        let State { previous, staged, pinned, .. } = self.state.clone();
        let trial = self.parts.live.trial();
        let (canary, shadow) = trial.map(|trial| (trial.canary, trial.shadow)).unwrap_or_default();
        Positions { serving: self.serving_version(), previous, staged, pinned, shadow, canary }
    }

    /// Reads what the store remembers.
    pub(super) fn reread(&mut self) -> Result<(), StoreError> {
        self.adopt(self.parts.store.state()?);
        Ok(())
    }

    /// Changes what the store remembers.
    pub(super) fn remember(
        &mut self,
        edit: impl FnOnce(&Store) -> Result<State, StoreError>,
    ) -> Result<(), StoreError> {
        self.adopt(edit(&self.parts.store)?);
        Ok(())
    }

    /// The same, so that the pointer names this release: if it does then, it is not another hand's doing.
    pub(super) fn remember_moved(
        &mut self,
        version: &Version,
        edit: impl FnOnce(&Store) -> Result<State, StoreError>,
    ) -> Result<(), StoreError> {
        let state = edit(&self.parts.store)?;
        if state.current.as_ref() == Some(version) {
            self.state.current = Some(version.clone());
        }
        self.adopt(state);
        Ok(())
    }

    /// The release that serves.
    pub(super) fn serving_version(&self) -> Option<Version> {
        self.serving.as_ref().map(|serving| serving.manifest().version.clone())
    }

    /// Whether this release serves.
    pub(super) fn serves(&self, version: &Version) -> bool {
        self.serving.as_ref().is_some_and(|serving| serving.manifest().version == *version)
    }
}
