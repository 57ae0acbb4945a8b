//! What is done with a release once it is in memory, and what where it is not; it must never swap before the pointer has
//! moved.

use std::sync::Arc;

use super::errand::{Aim, Errand, Looking};
use super::follower::Follower;
use super::loader::Loaded;
use super::outcome::{Effect, Failure};
use crate::clock::unix_s;
use crate::metrics::Phase;
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::manifest::Version;
use crate::snapshot::release::{Release, ReleaseError};
use crate::snapshot::state::State;
use crate::snapshot::store::{Store, StoreError};

impl Follower {
    /// Goes on with the errand that waited for this load.
    pub(super) fn land(&mut self, loaded: Loaded) {
        let Some(errand) = self.landed() else { return };
        if loaded.result.is_ok() && self.has_moved_on(&errand.aim, &loaded.version) {
            self.write_down_refused(&loaded.version, &Failure::superseded(&loaded.version));
            return self.go_first(errand);
        }
        let wants_room = loaded.result.as_ref().is_err_and(ReleaseError::wants_room);
        if let Some(idle) = wants_room.then(|| self.give_way(&errand.aim)).flatten() {
            return self.load_instead(errand, loaded.version, Some(idle));
        }
        let before = self.positions();
        let result = match loaded.result {
            Ok(release) => self.land_release(&errand.aim, Arc::new(release)),
            Err(error) => Err(self.give_up(&errand.aim, &loaded.version, &error)),
        };
        self.tell(errand.replies, before, result);
    }

    /// Whether an errand needs another release by now than the one that was loaded for it.
    fn has_moved_on(&mut self, aim: &Aim, loaded: &Version) -> bool {
        // A pointer that cannot be read is told by the errand that fails of it.
        if self.reread().is_err() {
            return false;
        }
        let named = match aim {
            Aim::Follow(_) => self.state.current.as_ref(),
            Aim::RollBack | Aim::Quarantine(..) => self.state.previous.as_ref(),
            _ => return false,
        };
        named != Some(loaded)
    }

    /// Where there is no room in memory, the previous release gives way: it can be loaded again when it is wanted. Where
    /// someone moved the pointer on, that is the one which was the previous release until then.
    fn give_way(&mut self, aim: &Aim) -> Option<Arc<Release>> {
        let (serving, staged) = (self.serving.clone(), self.state.staged.clone());
        let serves = |version: &Version| serving.as_ref().is_some_and(|serving| serving.manifest().version == *version);
        let wanted = |version: &Version| staged.as_ref() == Some(version) || *aim == Aim::Keep(version.clone());
        let mut idle = self.residents.keep(|kept| serves(kept) || wanted(kept));
        let first = idle.pop()?;
        self.retired.take(idle);
        let version = first.manifest().version.clone();
        tracing::warn!(release = %version, "the release before leaves the memory to make room; a rollback will load it");
        self.given_up = Some(version);
        Some(first)
    }

    fn land_release(&mut self, aim: &Aim, release: Arc<Release>) -> Result<Effect, Failure> {
        let version = release.manifest().version.clone();
        reached(Moment::Loaded);
        let displaced = self.residents.add(release.clone());
        self.retired.take(displaced);
        let done = self.finish(aim, release);
        if let Err(failure) = &done {
            // Whoever came between (a pin, a rollback) left it without a place.
            self.write_down_refused(&version, failure);
        }
        self.tidy();
        done
    }

    /// Does what an errand is for, with the release that it needs.
    pub(super) fn finish(&mut self, aim: &Aim, release: Arc<Release>) -> Result<Effect, Failure> {
        match aim {
            Aim::Follow(_) => self.follow_to(release),
            Aim::Activate(version) | Aim::Promote(version) => {
                let served = self.serving_version();
                self.point(release, |store| store.activate_after(version, served.as_ref()))
            }
            Aim::Stage(version) => self.stage(version),
            Aim::RollBack => self.roll_back(release, |store| store.roll_back()),
            Aim::Quarantine(version, reason) => self.roll_back(release, |store| store.quarantine(version, reason)),
            Aim::Restore(_) => {
                let effect = self.swap(release);
                self.remember_serving();
                Ok(effect)
            }
            Aim::Keep(_) => Ok(Effect::Unchanged),
            Aim::Superseded(version) => Err(Failure::superseded(version)),
        }
    }

    /// Swaps in what the pointer names.
    fn follow_to(&mut self, release: Arc<Release>) -> Result<Effect, Failure> {
        self.remember_serving();
        Ok(self.swap(release))
    }

    /// Sees to it that what serves is what a rollback goes to, and stays on the disk, where the pointer was moved from
    /// outside: it is the last that is known to be good.
    fn remember_serving(&mut self) {
        let Some(serving) = self.serving_version() else { return };
        if let Err(error) = self.remember(|store| store.succeed(&serving)) {
            tracing::error!(release = %serving, "what serves is not remembered as the one to go back to: {error}");
        }
    }

    /// Points at a release and swaps it in. Were the pointer moved before the load, a bad release would wait there for the
    /// next start of the service, which would then have nothing better to serve than the one before.
    fn point(
        &mut self,
        release: Arc<Release>,
        edit: impl FnOnce(&Store) -> Result<State, StoreError>,
    ) -> Result<Effect, Failure> {
        let version = release.manifest().version.clone();
        let before = self.state.clone();
        self.remember_moved(&version, edit).map_err(|error| Failure::refused(Some(version.clone()), &error))?;
        reached(Moment::Pointed);
        if self.state.current.as_ref() != Some(&version) {
            // Another process moved the pointer a moment before.
            self.go_first(Errand::look(Looking::Asked));
            return Err(Failure::superseded(&version));
        }
        let serves = self.serving.as_ref().is_some_and(|serving| Arc::ptr_eq(serving, &release));
        if !serves {
            return Ok(self.swap(release));
        }
        self.tidy();
        Ok(if self.state == before { Effect::Unchanged } else { Effect::Changed })
    }

    /// Goes back to a release.
    fn roll_back(
        &mut self,
        release: Arc<Release>,
        edit: impl FnOnce(&Store) -> Result<State, StoreError>,
    ) -> Result<Effect, Failure> {
        let effect = self.point(release, edit)?;
        self.supersede();
        self.parts.metrics.release().rolled_back();
        Ok(effect)
    }

    fn stage(&mut self, version: &Version) -> Result<Effect, Failure> {
        let before = self.state.staged.clone();
        self.remember(|store| store.stage(version)).map_err(|error| Failure::refused(Some(version.clone()), &error))?;
        self.tidy();
        if self.state.staged == before {
            return Ok(Effect::Unchanged);
        }
        tracing::info!(release = %version, "release staged");
        Ok(Effect::Changed)
    }

    /// Makes a release the one that serves.
    fn swap(&mut self, release: Arc<Release>) -> Effect {
        let manifest = release.manifest().clone();
        let (metrics, live) = (self.parts.metrics.clone(), self.parts.live.clone());
        let before = metrics.release().timed(Phase::Swap, || live.swap(release.clone()));
        reached(Moment::Swapped);
        self.retry = None;
        self.given_up = None;
        let loaded_unix_s = unix_s();
        self.show_swapped(&manifest.version, loaded_unix_s);
        metrics.release().loaded(&manifest, loaded_unix_s);
        let model = release.model().map(|model| model.manifest().version.as_str());
        tracing::info!(release = %manifest.version, model, bytes = manifest.bytes(), "release swapped in");
        self.serving = Some(release);
        // The one before stays where it is still wanted, or else goes once no request holds it.
        drop(before);
        self.tidy();
        Effect::Swapped(manifest.version)
    }

    /// A failure is over once the release that the pointer names serves.
    fn show_swapped(&self, version: &Version, loaded_unix_s: u64) {
        let mut status = self.status.lock();
        (status.serving, status.loaded_unix_s) = (Some(version.clone()), Some(loaded_unix_s));
        if self.state.current.as_ref() == Some(version) {
            status.failure = None;
        }
    }

    /// Says why a release could not be loaded, and goes on without it.
    fn give_up(&mut self, aim: &Aim, version: &Version, error: &ReleaseError) -> Failure {
        let failure = Failure::of_load(version, error);
        self.write_down_refused(version, &failure);
        match aim {
            Aim::Follow(looking) => {
                let failure = self.refuse(failure, *looking);
                self.remember_serving();
                self.tidy();
                self.fall_back(version);
                failure
            }
            Aim::Keep(version) => {
                self.let_go(version);
                self.count(failure)
            }
            // What the pointer names, and why it does not serve, is more to the point.
            Aim::Restore(_) => self.count(failure),
            _ => self.report(failure),
        }
    }

    /// At the start, where what the pointer names cannot serve: tries the releases that served before, the latest first,
    /// and those that were rolled back from last.
    fn fall_back(&mut self, failed: &Version) {
        if self.serving.is_some() {
            return;
        }
        let good: Vec<_> = self.state.good().into_iter().filter(|version| *version != failed).cloned().collect();
        for version in good.into_iter().rev() {
            self.go_first(Errand { aim: Aim::Restore(version), replies: Vec::new() });
        }
    }

    /// What was to be kept in memory cannot be.
    fn let_go(&mut self, version: &Version) {
        if self.state.staged.as_ref() != Some(version) {
            self.given_up = Some(version.clone());
            return;
        }
        if let Err(error) = self.remember(|store| store.unstage()) {
            tracing::error!(release = %version, "it stays staged: {error}");
            self.state.staged = None;
        }
        self.tidy();
    }
}
