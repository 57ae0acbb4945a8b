//! What the desk knows of releases: those that the store holds, those that the book tells of, and those that are barred;
//! it must never read a table.

use std::collections::{BTreeMap, BTreeSet};

use super::desk::Desk;
use super::documents::releases::{EntryBody, FactsBody, ReasonBody, ReleasesBody};
use super::problem::AdminError;
use crate::snapshot::lifecycle::{Entry, Standing};
use crate::snapshot::manifest::Version;
use crate::snapshot::release::read_manifest;
use crate::snapshot::store::State;
use crate::trial::figures::TrialFigures;

impl Desk {
    /// Every release. Reads the disk.
    pub(super) fn releases(&self) -> Result<ReleasesBody, AdminError> {
        // First, so that what changes meanwhile is later than what is told.
        let sequence = self.book().sequence();
        let (state, stored) = (self.parts.store.state()?, self.parts.store.versions()?);
        let entries = self.book().entries().into_iter().map(|entry| (entry.version.clone(), entry)).collect();
        let known = known(&state, &stored, &entries);
        let releases: Vec<_> = known.into_iter().map(|version| self.entry(version, &entries, &state)).collect();
        self.forget_facts(&releases);
        Ok(ReleasesBody {
            sequence,
            releases,
            models: self.parts.store.models()?,
            serving: self.ready().release,
            pointers: (&state).into(),
            declined: state.declined,
        })
    }

    /// One release. Reads the disk.
    pub(super) fn release(&self, version: &Version) -> Result<EntryBody, AdminError> {
        let found = self.releases()?.releases.into_iter().find(|entry| entry.version == *version);
        found.ok_or_else(|| AdminError::ReleaseUnknown { version: version.clone() })
    }

    /// How the release on trial fares; none while none is on.
    pub(super) fn trial(&self) -> Option<TrialFigures> {
        self.parts.room.trials().figures()
    }

    fn entry(&self, version: &Version, entries: &BTreeMap<Version, Entry>, state: &State) -> EntryBody {
        let seen = entries.get(version).cloned().map(EntryBody::from);
        let barred = || barred(version, state);
        let entry = seen.or_else(barred).unwrap_or_else(|| EntryBody::unseen(version.clone()));
        EntryBody { facts: self.facts(version), ..entry }
    }

    /// What a release's manifest says: read once, since a release never changes.
    fn facts(&self, version: &Version) -> Option<FactsBody> {
        let mut known = self.facts.lock();
        if let Some(facts) = known.get(version) {
            return Some(facts.clone());
        }
        let facts = FactsBody::new(&read_manifest(&self.parts.store.release_path(version)).ok()?);
        known.insert(version.clone(), facts.clone());
        Some(facts)
    }

    /// Forgets what was read of releases that are gone: their names may come back with other content.
    fn forget_facts(&self, releases: &[EntryBody]) {
        self.facts.lock().retain(|version, _| releases.iter().any(|entry| entry.version == *version));
    }
}

/// The names of all releases that there is anything to say of.
fn known<'a>(state: &'a State, stored: &'a [Version], entries: &'a BTreeMap<Version, Entry>) -> BTreeSet<&'a Version> {
    stored.iter().chain(entries.keys()).chain(state.quarantined.keys()).collect()
}

/// What the store remembers of a release that was barred.
fn barred(version: &Version, state: &State) -> Option<EntryBody> {
    let why = state.quarantined.get(version)?;
    let reason = ReasonBody { class: why.reason.clone(), text: why.text.clone() };
    let unseen = EntryBody::unseen(version.clone());
    let (standing, since_unix_s) = (Some(Standing::Quarantined), Some(why.at_unix_s));
    Some(EntryBody { standing, since_unix_s, reason: Some(reason), ..unseen })
}
