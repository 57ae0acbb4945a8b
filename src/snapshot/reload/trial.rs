//! What is done at once, because it needs no release loaded: pins, quarantine of what does not serve, and trials; it must
//! never change which release serves.

use super::OPERATOR;
use super::command::Command;
use super::follower::Follower;
use super::outcome::{Effect, Failure};
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::live::{Share, Trial};
use crate::snapshot::manifest::Version;
use crate::snapshot::state::{Refusal, State};
use crate::snapshot::store::{Store, StoreError};

/// One of the two shares of a trial.
enum Part {
    Shadow,
    Canary,
}

impl Follower {
    /// Does a command at once.
    pub(super) fn obey(&mut self, command: Command) -> Result<Effect, Failure> {
        self.reread().map_err(|error| Failure::refused(None, &error))?;
        match command {
            Command::Pin(version) => self.pin(&version),
            Command::Unpin => self.change(|store| store.unpin()),
            Command::Quarantine(version, reason) => self.bar(&version, &reason),
            Command::Abort(version, reason) => self.abort(&version, &reason),
            Command::SetShadow(version, share) => self.try_out(&version, Part::Shadow, share),
            Command::SetCanary(version, share) => self.try_out(&version, Part::Canary, share),
            Command::EndTrial => Ok(self.end_trial()),
            // These may need a load, and are errands.
            Command::Look | Command::Rollback | Command::Stage(_) | Command::Activate(_) | Command::Promote(_) => {
                Ok(Effect::Unchanged)
            }
        }
    }

    /// A pinned release answers everybody: a trial ends.
    fn pin(&mut self, version: &Version) -> Result<Effect, Failure> {
        let pinned = self.change(|store| store.pin(version))?;
        let ended = self.end_trial();
        Ok(if pinned == Effect::Unchanged { ended } else { pinned })
    }

    fn abort(&mut self, version: &Version, reason: &Reason) -> Result<Effect, Failure> {
        // One that was promoted meanwhile is an operator's to judge.
        self.staged(version).map_err(|refusal| Failure::refused(Some(version.clone()), &refusal.into()))?;
        self.bar(version, reason)
    }

    /// Quarantines a release that does not serve. A trial of it ends first: it answers nobody from here on.
    fn bar(&mut self, version: &Version, reason: &Reason) -> Result<Effect, Failure> {
        if self.parts.live.trial().is_some_and(|trial| trial.version() == version) {
            self.parts.live.try_out(None);
        }
        let effect = self.change(|store| store.quarantine(version, reason))?;
        self.write_down_barred(version);
        if effect == Effect::Changed && reason.class != OPERATOR {
            tracing::warn!(release = %version, reason = reason.class, "release quarantined: {}", reason.text);
        }
        Ok(effect)
    }

    fn try_out(&mut self, version: &Version, part: Part, share: Share) -> Result<Effect, Failure> {
        let refused = |refusal: Refusal| Failure::refused(Some(version.clone()), &refusal.into());
        let release = self.staged(version).map_err(refused)?;
        if self.serving.is_none() {
            return Err(Failure::no_pointer(self.parts.store.dir()));
        }
        let before = self.parts.live.trial().filter(|trial| trial.version() == version);
        let (canary, shadow) = before.map(|trial| (trial.canary, trial.shadow)).unwrap_or_default();
        let next = match part {
            Part::Shadow => (canary, share),
            Part::Canary => (share, shadow),
        };
        if matches!(part, Part::Canary) && !share.is_none() {
            self.state.check_pin(Some(version)).map_err(refused)?;
        }
        if next == (canary, shadow) {
            return Ok(Effect::Unchanged);
        }
        let on = next != (Share::NONE, Share::NONE);
        self.parts.live.try_out(on.then(|| Trial::new(release, next.0, next.1)));
        self.write_down();
        tracing::info!(release = %version, canary = next.0.ratio(), shadow = next.1.ratio(), "release on trial");
        Ok(Effect::Changed)
    }

    /// Ends the trial, if one is on; the release stays staged.
    pub(super) fn end_trial(&mut self) -> Effect {
        let before = self.parts.live.trial();
        self.parts.live.try_out(None);
        self.write_down();
        if before.is_some() { Effect::Changed } else { Effect::Unchanged }
    }

    /// Changes what the store remembers, and nothing else.
    fn change(&mut self, edit: impl FnOnce(&Store) -> Result<State, StoreError>) -> Result<Effect, Failure> {
        let before = self.state.clone();
        self.remember(edit).map_err(|error| Failure::refused(None, &error))?;
        self.tidy();
        Ok(if self.state == before { Effect::Unchanged } else { Effect::Changed })
    }
}
