//! What a store remembers of its releases: which serves, where a rollback goes, and which may not come back.
//!
//! Pure rules over a small document; it must never touch a disk. An edit that is refused changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::lifecycle::Reason;
use super::manifest::Version;

/// What `state.json` says. What is empty is not written, so that an older build can read what it knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The release that should serve.
    pub current: Option<Version>,
    /// The one that served before it: where a rollback goes.
    #[serde(default)]
    pub previous: Option<Version>,
    /// The one that is resident beside the current one, and could serve at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<Version>,
    /// The current one, where no other may take its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Version>,
    /// The one that was rolled back from last: a pull must not bring it back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<Version>,
    /// The releases that may never serve again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantined: BTreeMap<Version, Quarantined>,
    /// The releases that served or were staged here once and are still on the disk, oldest first; those that are
    /// quarantined among them. One that never served stands before all that did: it is wanted least.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Version>,
    /// The retired ones that never served here or were rolled back from: a rollback does not go to them by itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unwanted: BTreeSet<Version>,
}

/// Why and when a release was quarantined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The class of the reason.
    pub reason: String,
    /// The reason in words.
    pub text: String,
    /// When, in seconds since 1970 UTC.
    pub at_unix_s: u64,
}

/// Why a change of the state is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The current release is pinned.
    #[error("pinned to {pinned}; unpin first")]
    Pinned {
        /// To which.
        pinned: Version,
    },
    /// The release is quarantined.
    #[error("release {version} is quarantined for good ({}: {}); build and push another", why.reason, why.text)]
    Quarantined {
        /// Which one.
        version: Version,
        /// Why and when.
        why: Quarantined,
    },
    /// There is nothing to roll back to.
    #[error("no release served here before that could serve again; activate one by name")]
    NoPrevious,
    /// What served before was itself rolled back from.
    #[error("release {version} was rolled back from before; activate it by name if it shall serve again")]
    Declined {
        /// Which one.
        version: Version,
    },
    /// Only what serves can be pinned.
    #[error("release {version} does not serve, {} does; activate it first", named(current.as_ref()))]
    NotCurrent {
        /// The one asked for.
        version: Version,
        /// The one that the pointer names.
        current: Option<Version>,
    },
    /// Only a staged release can be tried out or promoted.
    #[error("release {version} is not staged, {} is; stage it first", named(staged.as_ref()))]
    NotStaged {
        /// The one asked for.
        version: Version,
        /// The one that is staged.
        staged: Option<Version>,
    },
}

impl Refusal {
    /// Its class, as a failure's reason spells it.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Pinned { .. } => "pinned",
            Self::Quarantined { .. } => "quarantined",
            Self::NoPrevious => "no_previous",
            Self::Declined { .. } => "declined",
            Self::NotCurrent { .. } => "not_current",
            Self::NotStaged { .. } => "not_staged",
        }
    }
}

impl State {
    /// Points at another release; the one before becomes the previous one.
    pub fn activate(&mut self, version: &Version) -> Result<(), Refusal> {
        self.check_free(version)?;
        self.clear(version);
        if self.current.as_ref() != Some(version) {
            let before = self.current.replace(version.clone());
            self.replace_previous(before);
        }
        Ok(())
    }

    /// Makes a release the one that is resident beside the current one.
    pub fn stage(&mut self, version: &Version) -> Result<(), Refusal> {
        self.check_barred(version)?;
        if self.current.as_ref() == Some(version) {
            return Ok(());
        }
        self.unretire(version);
        let before = self.staged.replace(version.clone());
        self.retire_unserved(before.filter(|before| before != version));
        Ok(())
    }

    /// Whether a release may serve now: an error where it is quarantined, or another one is pinned.
    pub fn check_free(&self, version: &Version) -> Result<(), Refusal> {
        self.check_barred(version)?;
        self.check_pin(Some(version))
    }

    /// Takes a release back that was staged.
    pub fn unstage(&mut self) {
        let staged = self.staged.take();
        self.retire_unserved(staged);
    }

    /// What was pointed at behind this program's back serves since, and this release did before: where a rollback goes.
    pub fn succeed(&mut self, before: &Version) {
        let elsewhere = [&self.current, &self.previous].into_iter().flatten().any(|held| held == before);
        if !elsewhere && !self.quarantined.contains_key(before) {
            self.unretire(before);
            self.replace_previous(Some(before.clone()));
        }
    }

    /// Goes back to the release before, and remembers not to take the one it leaves up again by itself.
    pub fn roll_back(&mut self) -> Result<Version, Refusal> {
        let target = self.check_rollback()?.clone();
        self.clear(&target);
        self.declined = self.current.replace(target.clone());
        self.previous.clone_from(&self.declined);
        Ok(target)
    }

    /// Where a rollback would go; an error where it may not.
    pub fn check_rollback(&self) -> Result<&Version, Refusal> {
        self.check_pin(None)?;
        let target = self.previous.as_ref().ok_or(Refusal::NoPrevious)?;
        if self.declined.as_ref() == Some(target) {
            return Err(Refusal::Declined { version: target.clone() });
        }
        Ok(target)
    }

    /// Lets no other release take the place of the current one.
    pub fn pin(&mut self, version: &Version) -> Result<(), Refusal> {
        if self.current.as_ref() != Some(version) {
            return Err(Refusal::NotCurrent { version: version.clone(), current: self.current.clone() });
        }
        self.pinned = Some(version.clone());
        Ok(())
    }

    /// Lets others take its place again.
    pub fn unpin(&mut self) {
        self.pinned = None;
    }

    /// Bars a release for good; where it is the current one, goes back to the one before first. What was rolled back from
    /// earlier stays declined: nobody went back on that. [`State::reach_back`] should follow.
    pub fn quarantine(&mut self, version: &Version, reason: &Reason, at_unix_s: u64) -> Result<(), Refusal> {
        if self.quarantined.contains_key(version) {
            return Ok(());
        }
        if self.current.as_ref() == Some(version) {
            let declined = self.declined.clone();
            self.roll_back()?;
            self.declined = declined;
        }
        self.clear(version);
        if self.previous.as_ref() == Some(version) {
            self.previous = None;
        }
        let why = Quarantined { reason: reason.class.to_owned(), text: reason.text.clone(), at_unix_s };
        self.quarantined.insert(version.clone(), why);
        self.retired.push(version.clone());
        Ok(())
    }

    /// Where there is nothing to roll back to, as once a release was quarantined: makes the latest retired release the
    /// previous one that served here, was not found wanting since, and is `complete`.
    pub fn reach_back(&mut self, complete: impl Fn(&Version) -> bool) {
        if self.previous.is_some() {
            return;
        }
        let found = self.retired.iter().rev().find(|version| self.served_well(version) && complete(version)).cloned();
        found.iter().for_each(|found| self.unretire(found));
        self.previous = found;
    }

    /// Whether a release may be fetched, staged or served: an error where it is quarantined.
    pub fn check_barred(&self, version: &Version) -> Result<(), Refusal> {
        match self.quarantined.get(version) {
            Some(why) => Err(Refusal::Quarantined { version: version.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Whether another release than the pinned one is asked for.
    pub fn check_pin(&self, version: Option<&Version>) -> Result<(), Refusal> {
        match &self.pinned {
            Some(pinned) if Some(pinned) != version => Err(Refusal::Pinned { pinned: pinned.clone() }),
            _ => Ok(()),
        }
    }

    /// Whether a release served or was staged here before.
    pub fn has_served(&self, version: &Version) -> bool {
        self.holds(version) || self.declined.as_ref() == Some(version) || self.retired.contains(version)
    }

    /// The retired releases beyond the latest `retired_max`: their files may go.
    pub fn expired(&self, retired_max: usize) -> &[Version] {
        &self.retired[..self.retired.len().saturating_sub(retired_max)]
    }

    /// The releases that could serve where the current one cannot, the likeliest first: the previous one and what served
    /// before it, and at the end what was rolled back from.
    pub fn good(&self) -> Vec<&Version> {
        let barred = |version: &Version| self.quarantined.contains_key(version);
        let mut good: Vec<_> = self.previous.iter().chain(self.retired.iter().rev()).collect();
        good.retain(|version| !barred(version));
        good.sort_by_key(|version| self.declined.as_ref() == Some(*version));
        good
    }

    /// Takes out what is on the disk no more.
    pub fn forget(&mut self, gone: &[Version]) {
        gone.iter().for_each(|gone| self.unretire(gone));
    }

    /// Whether a release must stay on the disk.
    pub fn holds(&self, version: &Version) -> bool {
        [&self.current, &self.previous, &self.staged, &self.pinned].into_iter().flatten().any(|held| held == version)
    }

    /// Takes a release out of everything that it is no longer, once it gets another place.
    fn clear(&mut self, version: &Version) {
        let other = |held: &Version| held != version;
        self.staged = self.staged.take().filter(other);
        self.declined = self.declined.take().filter(other);
        self.unretire(version);
    }

    fn unretire(&mut self, version: &Version) {
        self.retired.retain(|retired| retired != version);
        self.unwanted.remove(version);
    }

    /// Whether a retired release served here, and nobody went back from it.
    fn served_well(&self, version: &Version) -> bool {
        let declined = self.declined.as_ref() == Some(version);
        !(declined || self.unwanted.contains(version) || self.quarantined.contains_key(version))
    }

    fn replace_previous(&mut self, next: Option<Version>) {
        let before = std::mem::replace(&mut self.previous, next);
        self.retire(before);
    }

    fn retire(&mut self, version: Option<Version>) {
        let Some(gone) = version.filter(|version| !self.holds(version)) else { return };
        if self.declined.as_ref() == Some(&gone) {
            self.unwanted.insert(gone.clone());
        }
        self.retired.push(gone);
    }

    fn retire_unserved(&mut self, version: Option<Version>) {
        let gone = version.filter(|version| !self.holds(version));
        self.unwanted.extend(gone.clone());
        self.retired.splice(..0, gone);
    }
}

fn named(version: Option<&Version>) -> &str {
    version.map_or("none", Version::as_str)
}
