//! Who stands where: one entry a release, shared by all who move releases; it must never grow with the releases that
//! ever were.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::watch::{Bell, Changes};
use super::{Entry, Fetched, Reason, STEPS_MAX, Standing, Step};
use crate::clock::unix_s;
use crate::snapshot::manifest::Version;

/// Entries of releases that are out of the way, that are kept of each of the standings retired, failed and
/// quarantined: the latest. The others are few by nature.
pub(in crate::snapshot) const ENDED_MAX: usize = 8;

/// The book of all releases that this process has seen; clones share it.
#[derive(Clone, Debug)]
pub struct Book {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pages: Mutex<Pages>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Pages {
    entries: BTreeMap<Version, Entry>,
    /// Changes to each standing, in the order of [`Standing::ALL`].
    transitions: [u64; Standing::ALL.len()],
    /// Numbers the changes, so that of two in one second the later is known.
    moves: BTreeMap<Version, u64>,
    moved: u64,
}

impl Book {
    /// An empty book.
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { pages: Mutex::default(), bell: Bell::new() }) }
    }

    /// Writes down where a release stands now. What may not follow is refused and logged: it is a fault of ours.
    pub fn note(&self, version: &Version, standing: Standing, reason: Option<Reason>) {
        let noted = self.inner.pages.lock().note(version, standing, reason);
        match noted {
            Ok(true) => self.inner.bell.ring(),
            Ok(false) => {}
            Err(before) => tracing::error!(
                release = %version, before = before.map(Standing::word), next = standing.word(),
                "a release cannot come to this standing from there; the book keeps what it says"
            ),
        }
    }

    /// Writes down how much of a release that is being fetched has arrived.
    pub fn fetched(&self, version: &Version, bytes: u64, bytes_total: u64) {
        let mut pages = self.inner.pages.lock();
        let Some(entry) = pages.entries.get_mut(version) else { return };
        entry.fetched = Some(Fetched { bytes, bytes_total });
        drop(pages);
        self.inner.bell.ring();
    }

    /// Tells who watches of a change that is in no entry, such as a pin.
    pub fn tell(&self) {
        self.inner.bell.ring();
    }

    /// Takes out a release that lies on the disk and nobody does anything with.
    pub fn forget(&self, version: &Version) {
        if self.inner.pages.lock().remove(version) {
            self.inner.bell.ring();
        }
    }

    /// Every entry, by version.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.pages.lock().entries.values().cloned().collect()
    }

    /// The entry of a release, if it has one.
    pub fn entry(&self, version: &Version) -> Option<Entry> {
        self.inner.pages.lock().entries.get(version).cloned()
    }

    /// Where a release stands, if it has an entry.
    pub fn standing(&self, version: &Version) -> Option<Standing> {
        self.inner.pages.lock().entries.get(version).map(|entry| entry.standing)
    }

    /// Changes to a standing since the start.
    pub fn transitions(&self, standing: Standing) -> u64 {
        self.inner.pages.lock().transitions[place(standing)]
    }

    /// Changes since the start.
    pub fn sequence(&self) -> u64 {
        self.inner.bell.sequence()
    }

    /// Sees every change from now on.
    pub fn subscribe(&self) -> Changes {
        self.inner.bell.subscribe()
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Pages {
    /// Whether anything changed; an error with the standing that the new one may not follow.
    fn note(
        &mut self,
        version: &Version,
        standing: Standing,
        reason: Option<Reason>,
    ) -> Result<bool, Option<Standing>> {
        let before = self.entries.get(version);
        if before.is_some_and(|entry| entry.standing == standing && entry.reason == reason) {
            return Ok(false);
        }
        let follows = |entry: &Entry| entry.standing == standing || entry.standing.leads_to(standing);
        if !before.map_or(standing.begins(), follows) {
            return Err(before.map(|entry| entry.standing));
        }
        self.moved += 1;
        self.moves.insert(version.clone(), self.moved);
        self.transitions[place(standing)] += 1;
        self.write(version, standing, reason);
        self.turn();
        Ok(true)
    }

    fn write(&mut self, version: &Version, standing: Standing, reason: Option<Reason>) {
        let at_unix_s = unix_s();
        let entry = self.entries.entry(version.clone()).or_insert_with(|| Entry {
            version: version.clone(),
            standing,
            since_unix_s: at_unix_s,
            reason: None,
            fetched: None,
            steps: Vec::new(),
        });
        if entry.steps.len() == STEPS_MAX {
            entry.steps.remove(0);
        }
        entry.steps.push(Step { standing, at_unix_s });
        (entry.standing, entry.since_unix_s, entry.reason) = (standing, at_unix_s, reason);
    }

    /// Drops the oldest of each standing that ends a life, beyond [`ENDED_MAX`].
    fn turn(&mut self) {
        for ended in [Standing::Retired, Standing::Failed, Standing::Quarantined] {
            let of_it = self.entries.values().filter(|entry| entry.standing == ended);
            let mut moves: Vec<_> = of_it.map(|entry| (self.moves[&entry.version], entry.version.clone())).collect();
            moves.sort();
            let beyond = moves.len().saturating_sub(ENDED_MAX);
            for (_, version) in moves.drain(..beyond) {
                self.remove(&version);
            }
        }
    }

    /// Whether there was an entry.
    fn remove(&mut self, version: &Version) -> bool {
        self.moves.remove(version);
        self.entries.remove(version).is_some()
    }
}

fn place(standing: Standing) -> usize {
    standing as usize
}
