//! The thread that follows a channel: looks, decides whether what is named may be taken, takes it, and says what came of it.
//!
//! It must never end by itself, whatever the depot says.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::fetch::Fetch;
use super::pace::Pace;
use super::retry::Retry;
use super::{Parts, PullError};
use crate::audit::{Change, Verb};
use crate::auth::Caller;
use crate::clock::unix_s;
use crate::config::{self, Pulled};
use crate::depot::{Channel, Depot};
use crate::metrics::Polled;
use crate::priority;
use crate::snapshot::manifest::{MANIFEST, Version};
use crate::snapshot::parcel::Address;
use crate::snapshot::store::State;

/// The thread's own state.
pub(super) struct Follower {
    pub parts: Parts,
    pub depot: Depot,
    pub config: config::Pull,
    pub retry: Retry,
    /// What was logged last, until a look went well.
    pub said: Option<String>,
    /// Whether anybody holds the other end still.
    pub wanted: Weak<()>,
}

/// What a look found.
enum Found {
    /// What is named stands where it should.
    Unchanged,
    /// It does now.
    Fetched,
    /// The channel names something else by now: to be looked at again at once.
    Moved,
    /// It may not be taken, and why.
    Held(String),
    /// What failed before, and is not due to be tried again.
    Waiting(String),
}

impl Follower {
    /// Looks, and looks again, until nobody holds the other end.
    pub(super) fn run(mut self, asked: &Receiver<()>) {
        priority::step_back();
        let mut wait = self.first_wait();
        loop {
            if asked.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            wait = self.poll();
        }
    }

    /// A service with nothing to serve looks at once. Others spread: a fleet is often started together.
    fn first_wait(&self) -> Duration {
        match self.parts.store.state() {
            Ok(State { current: Some(_), .. }) => self.config.jitter.mul_f64(fastrand::f64()),
            _ => Duration::ZERO,
        }
    }

    /// Looks once, says what came of it, and gives the wait until the next.
    fn poll(&mut self) -> Duration {
        let found = self.look();
        self.log(&found);
        let moved = matches!(found, Ok(Found::Moved));
        let (outcome, text) = match found {
            Ok(Found::Unchanged) => (Polled::Unchanged, None),
            Ok(Found::Fetched | Found::Moved) => (Polled::Fetched, None),
            Ok(Found::Held(why)) => (Polled::Held, Some(why)),
            Ok(Found::Waiting(why)) => (Polled::Failed, Some(why)),
            Err(error) => (Polled::Failed, Some(error.to_string())),
        };
        let at_unix_s = unix_s();
        self.parts.metrics.polled(outcome, at_unix_s);
        self.parts.board.looked(outcome, text, at_unix_s);
        if moved { Duration::ZERO } else { self.config.interval + self.config.jitter.mul_f64(fastrand::f64()) }
    }

    fn look(&mut self) -> Result<Found, PullError> {
        let channel = self.channel()?;
        if let Some(outdated) = self.retry.outdated(&channel) {
            self.give_up(&outdated, &channel);
        }
        let state = self.parts.store.state()?;
        if self.stands(&channel, &state)? {
            self.retry.forget();
            return Ok(Found::Unchanged);
        }
        if let Some(why) = held(&channel.release, &state) {
            return Ok(Found::Held(why));
        }
        if let Some(why) = self.retry.not_due(&channel) {
            return Ok(Found::Waiting(why.to_owned()));
        }
        let taken = self.take(&channel);
        match &taken {
            Ok(_) => self.retry.forget(),
            Err(error) => self.retry.failed(channel, error, self.config.interval),
        }
        taken
    }

    /// What the channel names.
    fn channel(&self) -> Result<Channel, PullError> {
        let name = &self.config.channel;
        let channel = self.depot.channel(name)?.channel.ok_or_else(|| PullError::NoChannel { name: name.clone() })?;
        self.parts.metrics.follows(name, &channel.release);
        self.parts.board.read(&channel);
        Ok(channel)
    }

    /// Whether what the channel names stands where it should; an error where something else has its name.
    fn stands(&self, channel: &Channel, state: &State) -> Result<bool, PullError> {
        let is = |place: &Option<Version>| place.as_ref() == Some(&channel.release);
        let stands = is(&state.current) || (self.config.then == Pulled::Stage && is(&state.staged));
        if stands {
            self.check_same(channel)?;
        }
        Ok(stands)
    }

    /// The release of that name in the store must be the one that the channel means.
    fn check_same(&self, channel: &Channel) -> Result<(), PullError> {
        let path = self.parts.store.release_path(&channel.release).join(MANIFEST);
        let Ok(manifest) = std::fs::read(path) else { return Ok(()) };
        let got = blake3::hash(&manifest).to_hex().to_string();
        if got == channel.manifest_blake3 {
            return Ok(());
        }
        Err(PullError::Other { release: channel.release.clone(), expected: channel.manifest_blake3.clone(), got })
    }

    /// Fetches what the channel names, and has it serve or wait, unless the channel has moved on meanwhile.
    fn take(&self, channel: &Channel) -> Result<Found, PullError> {
        Fetch {
            depot: &self.depot,
            parts: &self.parts,
            pace: Pace::new(self.config.bytes_per_s_max),
            stopped: &|| self.wanted.strong_count() == 0,
        }
        .channel(channel)?;
        if self.channel()?.release != channel.release {
            return Ok(Found::Moved);
        }
        self.act(&channel.release)?;
        Ok(Found::Fetched)
    }

    /// Removes what came of a release that the channel no longer names.
    fn give_up(&self, outdated: &Channel, channel: &Channel) {
        if outdated.release != channel.release {
            self.parts.ingest.give_up(&Address::release(outdated.release.clone()));
        }
        if let Some(model) = outdated.model.clone().filter(|_| outdated.model != channel.model) {
            self.parts.ingest.give_up(&Address::model(model));
        }
    }

    /// Has a release serve or wait, between two lines of the audit log.
    fn act(&self, release: &Version) -> Result<(), PullError> {
        let verb = match self.config.then {
            Pulled::Activate => Verb::Activate,
            Pulled::Stage => Verb::Stage,
        };
        let from = self.parts.store.state()?.current.map(|current| current.to_string());
        let begun = self.parts.audit.begin(Change::new(Caller::service("pull"), verb).from(from).to(release))?;
        let acted = self.ask(release);
        match &acted {
            Ok(()) => begun.done(None),
            Err(error) => begun.refused(&error.to_string()),
        }
        acted
    }

    fn ask(&self, release: &Version) -> Result<(), PullError> {
        let asked = match self.config.then {
            Pulled::Activate => self.parts.reloader.activate(release.clone()),
            Pulled::Stage => self.parts.reloader.stage(release.clone()),
        };
        let outcome = asked.blocking_recv().map_err(|_| PullError::Busy { release: release.clone() })?;
        match outcome.result {
            Ok(_) => Ok(()),
            Err(failure) => Err(PullError::Refused { release: release.clone(), text: failure.text }),
        }
    }

    /// Logs what is news: the same failure is told once, however often it comes.
    fn log(&mut self, found: &Result<Found, PullError>) {
        let channel = self.parts.board.status().and_then(|status| status.channel);
        let release = channel.map(|channel| channel.release.to_string());
        let said = match found {
            Ok(Found::Waiting(_)) => return,
            Ok(Found::Unchanged | Found::Fetched | Found::Moved) => None,
            Ok(Found::Held(why)) => Some(why.clone()),
            Err(error) => Some(error.gist()),
        };
        let news = self.said != said;
        self.said = said;
        match found {
            Ok(Found::Fetched) => tracing::info!(release, then = self.config.then.word(), "pulled"),
            Ok(Found::Held(why)) if news => tracing::warn!(release, "not pulled: {why}"),
            Err(error) if news => tracing::error!(release, "pull failed: {error}"),
            _ => {}
        }
    }
}

/// Why a release may not be taken by itself, if it may not.
fn held(release: &Version, state: &State) -> Option<String> {
    if let Err(refusal) = state.check_barred(release).and_then(|()| state.check_pin(Some(release))) {
        return Some(refusal.to_string());
    }
    let declined = state.declined.as_ref() == Some(release);
    declined.then(|| format!("release {release} was rolled back from; activate it by name, or publish another"))
}
