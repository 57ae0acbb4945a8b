//! What may need a release loaded, and whether it does; it must never change anything but the status of a look.

use std::sync::Arc;

use super::Reply;
use super::command::Command;
use super::follower::Follower;
use super::outcome::Failure;
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::manifest::Version;
use crate::snapshot::release::Release;
use crate::snapshot::state::{Refusal, State};
use crate::snapshot::store::StoreError;

/// Something to be done, and who waits for it.
pub(super) struct Errand {
    pub aim: Aim,
    pub replies: Vec<Reply>,
}

/// What an errand is to bring about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Aim {
    /// What the pointer names serves.
    Follow(Looking),
    /// This release is pointed at and serves.
    Activate(Version),
    /// The same, of the staged one.
    Promote(Version),
    /// This release is resident beside the one that serves.
    Stage(Version),
    /// The release before serves again.
    RollBack,
    /// This release, the current one, never serves again: the one before it does.
    Quarantine(Version, Reason),
    /// This release serves, whatever the pointer names: the start found nothing better.
    Restore(Version),
    /// This release is in memory, as it was before the start.
    Keep(Version),
    /// Nothing any more: a rollback came between.
    Superseded(Version),
}

/// Who wanted the pointer looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looking {
    /// An operator, or the start: try whatever failed before.
    Asked,
    /// The clock: leave what failed before until its retry is due.
    Unasked,
}

/// What an errand needs.
pub(super) enum Want {
    /// This release, which is in memory.
    Have(Arc<Release>),
    /// This release, which must be loaded.
    Load(Version),
    /// No release, only this to be done at once.
    Word(Command),
    /// Nothing: all is as it should be.
    Nothing,
}

impl Errand {
    /// A look that nobody waits for.
    pub(super) fn look(looking: Looking) -> Self {
        Self { aim: Aim::Follow(looking), replies: Vec::new() }
    }

    /// Voids an activation.
    pub(super) fn supersede(&mut self) {
        if let Aim::Activate(version) | Aim::Promote(version) = &mut self.aim {
            self.aim = Aim::Superseded(version.clone());
        }
    }
}

impl Follower {
    /// What an errand needs now; an error where it is refused.
    pub(super) fn want(&mut self, aim: &Aim) -> Result<Want, Failure> {
        let refused = |error: StoreError| Failure::refused(None, &error);
        match aim {
            Aim::Follow(looking) => return self.want_pointed(*looking),
            _ => self.reread().map_err(refused)?,
        }
        let wanted = match aim {
            Aim::Follow(_) => Ok(None),
            Aim::Activate(version) => self.state.check_free(version).map(|()| Some(version.clone())),
            Aim::Promote(version) => self.staged(version).map(|release| Some(release.manifest().version.clone())),
            Aim::Stage(version) => self.state.check_barred(version).map(|()| self.unless_serving(version)),
            Aim::RollBack => self.state.check_rollback().cloned().map(Some),
            Aim::Quarantine(version, reason) if !self.is_in_front(version) => {
                return Ok(Want::Word(Command::Quarantine(version.clone(), reason.clone())));
            }
            Aim::Quarantine(version, _) => self.want_instead_of(version),
            Aim::Restore(version) => Ok(self.serving.is_none().then(|| version.clone())),
            Aim::Keep(version) => Ok(Some(version.clone())),
            Aim::Superseded(version) => return Err(Failure::superseded(version)),
        };
        match wanted.map_err(|refusal| refused(refusal.into()))? {
            Some(version) => Ok(self.at_hand(&version).map_or(Want::Load(version), Want::Have)),
            None => Ok(Want::Nothing),
        }
    }

    /// What the pointer wants.
    fn want_pointed(&mut self, looking: Looking) -> Result<Want, Failure> {
        self.parts.metrics.release().reload_checked();
        let read = self.reread().map_err(|error| Failure::refused(None, &error));
        let wanted = match read.and_then(|()| self.pointed()) {
            Ok(wanted) => wanted,
            Err(failure) => return Err(self.refuse(failure, looking)),
        };
        if self.serves(&wanted) && !self.lacks_model_at_hand(&wanted) {
            self.settle();
            return Ok(Want::Nothing);
        }
        if let (Looking::Unasked, Some(failure)) = (looking, self.not_due(Some(&wanted))) {
            return Err(failure);
        }
        Ok(self.at_hand(&wanted).map_or(Want::Load(wanted), Want::Have))
    }

    /// The release that the pointer names.
    fn pointed(&self) -> Result<Version, Failure> {
        let current = self.state.current.clone().ok_or_else(|| Failure::no_pointer(self.parts.store.dir()))?;
        match self.state.check_barred(&current) {
            Ok(()) => Ok(current),
            Err(refusal) => Err(Failure::refused(Some(current), &refusal.into())),
        }
    }

    /// What must serve for the current release to be quarantined. One that serves because what the pointer names could
    /// not has nothing behind it that could take its place.
    fn want_instead_of(&self, version: &Version) -> Result<Option<Version>, Refusal> {
        let is_current = self.state.current.as_ref() == Some(version);
        if is_current { self.state.check_rollback().cloned().map(Some) } else { Err(Refusal::NoPrevious) }
    }

    /// The staged release, where it is this one and in memory.
    pub(super) fn staged(&self, version: &Version) -> Result<Arc<Release>, Refusal> {
        let staged = self.residents.find(version).filter(|_| self.state.staged.as_ref() == Some(version));
        let not_staged = || Refusal::NotStaged { version: version.clone(), staged: self.state.staged.clone() };
        staged.ok_or_else(not_staged)
    }

    /// A release that is in memory, with the model that it names where there is one.
    fn at_hand(&self, version: &Version) -> Option<Arc<Release>> {
        self.residents.find(version).filter(|release| !self.loader.completes(release))
    }

    /// Whether a model has come that what serves, this release, names and lacks.
    fn lacks_model_at_hand(&self, version: &Version) -> bool {
        self.residents.find(version).is_some_and(|release| self.loader.completes(&release))
    }

    /// What belongs into memory and is not there, as after a start.
    pub(super) fn missing(&self) -> Option<Version> {
        let State { staged, previous, .. } = &self.state;
        let mut wanted = [previous, staged].into_iter().flatten();
        wanted.find(|version| self.residents.find(version).is_none() && self.keeps(version)).cloned()
    }

    /// Whether answers would come from another release if this one were quarantined.
    pub(super) fn is_in_front(&self, version: &Version) -> bool {
        self.serves(version) || self.state.current.as_ref() == Some(version)
    }

    /// Whether a release belongs into memory beside the one that serves.
    pub(super) fn keeps(&self, version: &Version) -> bool {
        let is = |place: &Option<Version>| place.as_ref() == Some(version);
        is(&self.state.staged) || self.rules.keep_previous && is(&self.state.previous) && !is(&self.given_up)
    }

    fn unless_serving(&self, version: &Version) -> Option<Version> {
        (!self.serves(version)).then(|| version.clone())
    }
}
