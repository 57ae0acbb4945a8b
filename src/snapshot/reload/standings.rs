//! Writes down where releases stand once something changed, and frees what is wanted no more; it must never decide
//! anything.

use std::mem;
use std::sync::Arc;

use super::OPERATOR;
use super::follower::Follower;
use super::outcome::Failure;
use crate::snapshot::lifecycle::{ENDED_MAX, Entry, Reason, Standing};
use crate::snapshot::manifest::Version;
use crate::snapshot::retention;
use crate::snapshot::state::Quarantined;
use crate::trial::judge::Bound;

/// The class of a quarantine that an earlier build ordered for a reason that this one does not know.
const EARLIER: &str = "earlier";

impl Follower {
    /// Brings everything in line with what the store remembers and with what serves.
    pub(super) fn tidy(&mut self) {
        self.end_stale_trial();
        self.write_down();
        self.parts.metrics.release().remembered(&self.state);
        let mut residents = mem::take(&mut self.residents);
        self.retired.take(residents.keep(|version| self.serves(version) || self.keeps(version)));
        let staged = self.state.staged.as_ref().and_then(|version| residents.find(version));
        let staged = staged.as_ref().map(Arc::downgrade);
        let mut status = self.status.lock();
        (status.resident, status.staged) = (residents.versions(), staged);
        drop(status);
        self.residents = residents;
        self.expire();
    }

    /// Writes down where every release stands that is in front, was, or comes to be: first what leaves its place, then
    /// what takes it, so that two are never current at once.
    pub(super) fn write_down(&self) {
        let book = &self.parts.book;
        let mut versions: Vec<_> =
            book.entries().into_iter().filter(|entry| self.has_place(entry)).map(|entry| entry.version).collect();
        // One that a quarantine made the previous one again, or that the store names at the start.
        let afar = |previous: &&Version| matches!(book.standing(previous), None | Some(Standing::Retired));
        versions.extend(self.state.previous.iter().filter(afar).cloned());
        versions.sort_by_key(|version| self.serves(version));
        for version in &versions {
            let standing = self.place(version);
            if standing == Standing::Current && book.standing(version) == Some(Standing::Checking) {
                book.note(version, Standing::Staged, None);
            }
            book.note(version, standing, self.state.quarantined.get(version).map(reason));
        }
    }

    /// Writes down what the store says of releases that no longer serve: the latest few.
    pub(super) fn write_down_ended(&self) {
        let latest = |count: usize| count.saturating_sub(ENDED_MAX);
        for version in &self.state.retired[latest(self.state.retired.len())..] {
            self.parts.book.note(version, Standing::Retired, None);
        }
        let mut barred: Vec<_> = self.state.quarantined.iter().collect();
        barred.sort_by_key(|(_, why)| why.at_unix_s);
        for (version, why) in &barred[latest(barred.len())..] {
            self.parts.book.note(version, Standing::Quarantined, Some(reason(why)));
        }
    }

    /// Writes down that a release was quarantined, whatever it did before.
    pub(super) fn write_down_barred(&self, version: &Version) {
        let why = self.state.quarantined.get(version).map(reason);
        self.parts.book.note(version, Standing::Quarantined, why);
    }

    /// Writes down that a release came to nothing, unless it serves all the same or is quarantined.
    pub(super) fn write_down_refused(&self, version: &Version, failure: &Failure) {
        let book = &self.parts.book;
        if !book.standing(version).is_some_and(Standing::is_placed) && !self.state.quarantined.contains_key(version) {
            let reason = Reason { class: failure.reason, text: failure.text.clone() };
            book.note(version, Standing::Failed, Some(reason));
        }
    }

    /// Whether an entry is of a release that has a place, or had one until now.
    fn has_place(&self, entry: &Entry) -> bool {
        let comes = entry.standing == Standing::Checking && self.place(&entry.version) != Standing::Retired;
        entry.standing.is_placed() || comes
    }

    fn place(&self, version: &Version) -> Standing {
        let trial = self.parts.live.trial().filter(|trial| trial.version() == version);
        match trial {
            _ if self.state.quarantined.contains_key(version) => Standing::Quarantined,
            _ if self.serves(version) => Standing::Current,
            Some(trial) if !trial.canary.is_none() => Standing::Canary,
            Some(_) => Standing::Shadow,
            None if self.state.staged.as_ref() == Some(version) => Standing::Staged,
            None if self.state.previous.as_ref() == Some(version) => Standing::Previous,
            None => Standing::Retired,
        }
    }

    /// A trial is of the staged release or of none.
    fn end_stale_trial(&self) {
        let stale = |version: &Version| self.state.staged.as_ref() != Some(version);
        if self.parts.live.trial().is_some_and(|trial| stale(trial.version())) {
            self.parts.live.try_out(None);
        }
    }

    /// Has the files removed of what served long ago. Once it is retired in the book, and never what serves.
    fn expire(&mut self) {
        let Some(serving) = self.serving_version() else { return };
        if self.state.expired(self.rules.retired_max).is_empty() {
            return;
        }
        match retention::expire(&self.parts.store, self.rules.retired_max, &serving) {
            Ok(state) => self.adopt(state),
            Err(error) => tracing::warn!("releases that served long ago stay on disk: {error}"),
        }
        self.retired.sweep();
    }
}

/// A reason that was read from the store, of whose class only the word is left.
fn reason(why: &Quarantined) -> Reason {
    let known = [OPERATOR].into_iter().chain(Bound::ALL.map(Bound::label));
    let class = known.into_iter().find(|known| *known == why.reason).unwrap_or(EARLIER);
    Reason { class, text: why.text.clone() }
}
