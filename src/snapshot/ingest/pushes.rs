//! The pushes under way: which there are, what each still lacks, and who is at it. It never looks into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::error::IngestError;
use crate::snapshot::parcel::{Address, Parcel};

/// All pushes under way.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    open: BTreeMap<Address, Push>,
    /// Being checked and published: no longer open, and not to be begun again yet.
    committing: BTreeSet<Address>,
}

/// An open push. Dropping it removes its files.
#[derive(Debug)]
pub(super) struct Push {
    /// Where its files are.
    pub dir: TempDir,
    /// What they must be.
    pub parcel: Parcel,
    arriving: BTreeSet<&'static str>,
    received: BTreeSet<&'static str>,
    touched: Instant,
}

impl Pushes {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.open.len() + self.committing.len()
    }

    /// Bytes that are still to come.
    pub(super) fn bytes_missing(&self) -> u64 {
        self.open.values().map(Push::bytes_missing).fold(0, u64::saturating_add)
    }

    /// Whether a push with this manifest is open and free to go on; an error where one of the same name is not.
    pub(super) fn resumes(&self, parcel: &Parcel) -> Result<bool, IngestError> {
        let address = parcel.address();
        let free = |push: &Push| push.parcel == *parcel && push.arriving.is_empty();
        match self.open.get(&address) {
            _ if self.committing.contains(&address) => Err(IngestError::Busy { address }),
            Some(push) if !free(push) => Err(IngestError::Busy { address }),
            found => Ok(found.is_some()),
        }
    }

    /// Adds a push.
    pub(super) fn open(&mut self, push: Push) {
        self.open.insert(push.parcel.address(), push);
    }

    /// The push of an address, if one is open.
    pub(super) fn find(&self, address: &Address) -> Option<&Push> {
        self.open.get(address)
    }

    /// The push of an address, which is now in use.
    pub(super) fn touch(&mut self, address: &Address) -> Result<&mut Push, IngestError> {
        let push = self.open.get_mut(address).ok_or_else(|| IngestError::NotOpen { address: address.clone() })?;
        push.touched = Instant::now();
        Ok(push)
    }

    /// Takes a complete push out, to be committed; [`Pushes::committed`] ends that.
    pub(super) fn take(&mut self, address: &Address) -> Result<Push, IngestError> {
        if self.committing.contains(address) {
            return Err(IngestError::Busy { address: address.clone() });
        }
        let push = self.touch(address)?;
        if !push.arriving.is_empty() {
            return Err(IngestError::Busy { address: address.clone() });
        }
        let missing = push.missing();
        if !missing.is_empty() {
            return Err(IngestError::Incomplete { address: address.clone(), missing });
        }
        self.committing.insert(address.clone());
        self.open.remove(address).ok_or_else(|| IngestError::NotOpen { address: address.clone() })
    }

    /// Ends a commit, whatever came of it.
    pub(super) fn committed(&mut self, address: &Address) {
        self.committing.remove(address);
    }

    /// Drops pushes that nobody continued for `idle_max`.
    pub(super) fn remove_abandoned(&mut self, idle_max: Duration) {
        self.open.retain(|address, push| {
            let kept = !push.arriving.is_empty() || push.touched.elapsed() < idle_max;
            if !kept {
                tracing::warn!(push = %address, lacks = ?push.missing(), "push abandoned");
            }
            kept
        });
    }
}

impl Push {
    /// A push of which only the manifest has come.
    pub(super) fn new(dir: TempDir, parcel: Parcel) -> Self {
        Self { dir, parcel, arriving: BTreeSet::new(), received: BTreeSet::new(), touched: Instant::now() }
    }

    /// The files that are still to come.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let files = self.parcel.address().kind.files().iter().copied();
        files.filter(|name| !self.received.contains(name)).collect()
    }

    /// Marks a file as arriving, from its beginning; false where it is already.
    pub(super) fn arrives(&mut self, name: &'static str) -> bool {
        self.received.remove(name);
        self.arriving.insert(name)
    }

    /// Marks a file as no longer arriving.
    pub(super) fn arrived(&mut self, name: &'static str) {
        self.arriving.remove(name);
    }

    /// Marks a file as received.
    pub(super) fn received(&mut self, name: &'static str) {
        self.received.insert(name);
    }

    fn bytes_missing(&self) -> u64 {
        let files = self.parcel.files().iter().filter(|file| !self.received.contains(file.name.as_str()));
        files.map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}
