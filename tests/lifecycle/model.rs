//! The naive model: what a service must do with its releases, written down without threads, files or memory.

use std::collections::{BTreeMap, BTreeSet};

use segue::snapshot::manifest::Version;
use segue::snapshot::reload::Effect;
use segue::snapshot::state::State;

/// What somebody does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Push(Version),
    PushDamaged(Version),
    /// The files of a release are damaged on the disk, where nothing has it in memory.
    Spoil(Version),
    Stage(Version),
    Activate(Version),
    Promote(Version),
    Rollback,
    Pin(Version),
    Unpin,
    Quarantine(Version),
    Canary(Version),
    EndTrial,
    Abort(Version),
    /// The pointer is moved from outside, and looked at.
    Point(Version),
    Restart,
}

/// What the model says comes of an act: what it does, or the class of its failure.
pub(crate) type Told = Result<Effect, &'static str>;

/// What stands where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// The releases on the disk, and whether they are good.
    pub(crate) disk: BTreeMap<Version, bool>,
    pub(crate) serving: Option<Version>,
    pub(crate) canary: bool,
    pub(crate) state: State,
    pub(crate) barred: BTreeSet<Version>,
    pub(crate) retired_max: usize,
}

impl Model {
    pub(crate) fn resident(&self, version: &Version) -> bool {
        [&self.serving, &self.state.staged, &self.state.previous].into_iter().flatten().any(|held| held == version)
    }

    /// Does an act; `None` where nobody is told anything of it.
    pub(crate) fn act(&mut self, act: &Act) -> Option<Told> {
        let told = match act {
            Act::Push(version) => return self.push(version),
            Act::PushDamaged(_) => return None,
            Act::Spoil(version) => return self.spoil(version),
            Act::Restart => return self.restart(),
            Act::Point(version) => return self.point(version),
            Act::Stage(version) => self.stage(version),
            Act::Activate(version) => self.activate(version),
            Act::Promote(version) if self.state.staged.as_ref() != Some(version) => Err("not_staged"),
            Act::Promote(version) => self.activate(version),
            Act::Rollback => self.rollback(),
            Act::Pin(version) => self.pin(version),
            Act::Unpin => self.change(|model| model.state.pinned = None),
            Act::Quarantine(version) => self.quarantine(version),
            Act::Abort(version) if self.state.staged.as_ref() != Some(version) => Err("not_staged"),
            Act::Abort(version) => self.quarantine(version),
            Act::Canary(version) => self.canary(version),
            Act::EndTrial => Ok(if std::mem::take(&mut self.canary) { Effect::Changed } else { Effect::Unchanged }),
        };
        self.canary &= self.state.staged.is_some();
        self.expire();
        Some(told)
    }

    fn push(&mut self, version: &Version) -> Option<Told> {
        if !self.barred.contains(version) {
            self.disk.entry(version.clone()).or_insert(true);
        }
        None
    }

    fn spoil(&mut self, version: &Version) -> Option<Told> {
        if !self.resident(version) {
            self.disk.entry(version.clone()).and_modify(|good| *good = false);
        }
        None
    }

    fn check_load(&self, version: &Version) -> Result<(), &'static str> {
        match self.disk.get(version) {
            Some(true) => Ok(()),
            Some(false) => Err("checksum"),
            None => Err("missing"),
        }
    }

    fn check_free(&self, version: &Version) -> Result<(), &'static str> {
        let pinned_elsewhere = self.state.pinned.as_ref().is_some_and(|pinned| pinned != version);
        match () {
            () if self.barred.contains(version) => Err("quarantined"),
            () if pinned_elsewhere => Err("pinned"),
            () => Ok(()),
        }
    }

    fn check_back(&self) -> Result<Version, &'static str> {
        let State { pinned, previous, declined, .. } = &self.state;
        match previous {
            _ if pinned.is_some() => Err("pinned"),
            None => Err("no_previous"),
            Some(previous) if declined.as_ref() == Some(previous) => Err("declined"),
            Some(previous) => self.check_load(previous).map(|()| previous.clone()),
        }
    }

    fn stage(&mut self, version: &Version) -> Told {
        if self.barred.contains(version) {
            return Err("quarantined");
        }
        if self.serving.as_ref() == Some(version) {
            return Ok(Effect::Unchanged);
        }
        self.check_load(version)?;
        self.change(|model| {
            if model.state.current.as_ref() == Some(version) {
                return;
            }
            model.unretire(version);
            if let Some(before) = model.state.staged.replace(version.clone()).filter(|before| before != version) {
                model.canary = false;
                if !model.holds(&before) {
                    model.state.unwanted.insert(before.clone());
                    model.state.retired.insert(0, before);
                }
            }
        })
    }

    fn activate(&mut self, version: &Version) -> Told {
        self.check_free(version)?;
        self.check_load(version)?;
        let before = self.state.clone();
        let served = self.serving.clone();
        self.point_at(version);
        served.into_iter().for_each(|served| self.succeed(served));
        Ok(self.serve(version, &before))
    }

    fn rollback(&mut self) -> Told {
        let target = self.check_back()?;
        let before = self.state.clone();
        self.forget(&target);
        let left = self.state.current.replace(target.clone());
        (self.state.declined, self.state.previous) = (left.clone(), left);
        Ok(self.serve(&target, &before))
    }

    fn pin(&mut self, version: &Version) -> Told {
        if self.state.current.as_ref() != Some(version) {
            return Err("not_current");
        }
        let ended = std::mem::take(&mut self.canary);
        let pinned = self.change(|model| model.state.pinned = Some(version.clone()));
        if ended { Ok(Effect::Changed) } else { pinned }
    }

    fn quarantine(&mut self, version: &Version) -> Told {
        let (current, serves) = (self.state.current.as_ref() == Some(version), self.serving.as_ref() == Some(version));
        let (mut told, declined) = (Ok(Effect::Changed), self.state.declined.clone());
        if serves && !current {
            return Err("no_previous");
        }
        if current {
            told = self.rollback();
        }
        told.clone()?;
        self.state.declined = declined;
        if self.barred.contains(version) {
            return Ok(Effect::Unchanged);
        }
        self.forget(version);
        self.state.previous = self.state.previous.take().filter(|previous| previous != version);
        self.barred.insert(version.clone());
        self.state.retired.push(version.clone());
        self.reach_back();
        told
    }

    /// What served before what was quarantined, well and still here, is where a rollback goes next.
    fn reach_back(&mut self) {
        let State { previous, retired, unwanted, declined, .. } = &self.state;
        let (barred, disk) = (&self.barred, &self.disk);
        let well = |version: &&Version| {
            !barred.contains(version)
                && !unwanted.contains(version)
                && declined.as_ref() != Some(version)
                && disk.contains_key(version)
        };
        let found = retired.iter().rev().find(well).cloned();
        if let (None, Some(found)) = (previous, found) {
            self.unretire(&found);
            self.state.previous = Some(found);
        }
    }

    fn canary(&mut self, version: &Version) -> Told {
        if self.state.staged.as_ref() != Some(version) {
            return Err("not_staged");
        }
        if self.serving.is_none() {
            return Err("missing");
        }
        if self.state.pinned.is_some() {
            return Err("pinned");
        }
        Ok(if std::mem::replace(&mut self.canary, true) { Effect::Unchanged } else { Effect::Changed })
    }

    /// The pointer is moved by a command, which reads no more than the manifest; then the service looks at it.
    fn point(&mut self, version: &Version) -> Option<Told> {
        if self.check_free(version).is_err() || !self.disk.contains_key(version) {
            return None;
        }
        self.point_at(version);
        let told = self.look(version);
        self.canary &= self.state.staged.is_some();
        self.expire();
        Some(told)
    }

    fn look(&mut self, version: &Version) -> Told {
        let serves = self.serving.as_ref() == Some(version);
        let loads = self.check_load(version);
        if let (Some(served), false) = (self.serving.clone(), serves) {
            self.succeed(served);
        }
        if serves {
            return Ok(Effect::Unchanged);
        }
        loads?;
        self.serving = Some(version.clone());
        Ok(Effect::Swapped(version.clone()))
    }

    fn restart(&mut self) -> Option<Told> {
        self.canary = false;
        let State { current, previous, retired, declined, .. } = self.state.clone();
        let mut tried: Vec<_> = previous.into_iter().chain(retired.into_iter().rev()).collect();
        tried.sort_by_key(|version| declined.as_ref() == Some(version));
        // A store that points at nothing wants nothing served.
        tried.retain(|_| current.is_some());
        let mut tried = current.into_iter().chain(tried).filter(|version| !self.barred.contains(version));
        self.serving = tried.find(|version| self.check_load(version).is_ok());
        drop(tried);
        if let Some(serving) = self.serving.clone() {
            self.succeed(serving);
        }
        self.expire();
        None
    }

    fn serve(&mut self, version: &Version, before: &State) -> Effect {
        if self.serving.replace(version.clone()).as_ref() != Some(version) {
            return Effect::Swapped(version.clone());
        }
        if self.state == *before { Effect::Unchanged } else { Effect::Changed }
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) -> Told {
        let before = self.state.clone();
        change(self);
        Ok(if self.state == before { Effect::Unchanged } else { Effect::Changed })
    }

    fn point_at(&mut self, version: &Version) {
        self.forget(version);
        if self.state.current.as_ref() != Some(version) {
            let left = self.state.current.replace(version.clone());
            let previous = std::mem::replace(&mut self.state.previous, left);
            previous.into_iter().for_each(|previous| self.retire(previous));
        }
    }

    /// What serves is what a rollback goes to, wherever the pointer was.
    fn succeed(&mut self, served: Version) {
        let State { current, previous, .. } = &self.state;
        if current.as_ref() == Some(&served) || previous.as_ref() == Some(&served) || self.barred.contains(&served) {
            return;
        }
        self.unretire(&served);
        let before = self.state.previous.replace(served);
        before.into_iter().for_each(|before| self.retire(before));
    }

    fn forget(&mut self, version: &Version) {
        if self.state.staged.as_ref() == Some(version) {
            (self.state.staged, self.canary) = (None, false);
        }
        self.state.declined = self.state.declined.take().filter(|declined| declined != version);
        self.unretire(version);
    }

    fn unretire(&mut self, version: &Version) {
        self.state.retired.retain(|retired| retired != version);
        self.state.unwanted.remove(version);
    }

    fn retire(&mut self, version: Version) {
        if self.holds(&version) {
            return;
        }
        if self.state.declined.as_ref() == Some(&version) {
            self.state.unwanted.insert(version.clone());
        }
        self.state.retired.push(version);
    }

    fn holds(&self, version: &Version) -> bool {
        let State { current, previous, staged, .. } = &self.state;
        [current, previous, staged].into_iter().flatten().any(|held| held == version)
    }

    /// Nothing goes while nothing serves: whatever is there may be what is missed.
    fn expire(&mut self) {
        while self.serving.is_some() && self.state.retired.len() > self.retired_max {
            let gone = self.state.retired[0].clone();
            self.unretire(&gone);
            self.disk.remove(&gone);
        }
    }
}
