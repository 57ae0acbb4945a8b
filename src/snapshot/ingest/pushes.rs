//! The pushes under way: which there are, what each still lacks, and who is at it. It never looks into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::error::IngestError;
use crate::snapshot::manifest::{FILES, Manifest, Version};

/// All pushes under way.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    open: BTreeMap<Version, Push>,
    /// Being checked and published: no longer open, and not to be begun again yet.
    committing: BTreeSet<Version>,
}

/// An open push. Dropping it removes its files.
#[derive(Debug)]
pub(super) struct Push {
    /// Where its files are.
    pub dir: TempDir,
    /// What they must be.
    pub manifest: Manifest,
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
    pub(super) fn resumes(&self, manifest: &Manifest) -> Result<bool, IngestError> {
        let version = &manifest.version;
        let free = |push: &Push| push.manifest == *manifest && push.arriving.is_empty();
        match self.open.get(version) {
            _ if self.committing.contains(version) => Err(IngestError::Busy { version: version.clone() }),
            Some(push) if !free(push) => Err(IngestError::Busy { version: version.clone() }),
            found => Ok(found.is_some()),
        }
    }

    /// Adds a push.
    pub(super) fn open(&mut self, push: Push) {
        self.open.insert(push.manifest.version.clone(), push);
    }

    /// The push of a version, which is now in use.
    pub(super) fn touch(&mut self, version: &Version) -> Result<&mut Push, IngestError> {
        let push = self.open.get_mut(version).ok_or_else(|| IngestError::NotOpen { version: version.clone() })?;
        push.touched = Instant::now();
        Ok(push)
    }

    /// Takes a complete push out, to be committed; [`Pushes::committed`] ends that.
    pub(super) fn take(&mut self, version: &Version) -> Result<Push, IngestError> {
        if self.committing.contains(version) {
            return Err(IngestError::Busy { version: version.clone() });
        }
        let push = self.touch(version)?;
        if !push.arriving.is_empty() {
            return Err(IngestError::Busy { version: version.clone() });
        }
        let missing = push.missing();
        if !missing.is_empty() {
            return Err(IngestError::Incomplete { version: version.clone(), missing });
        }
        self.committing.insert(version.clone());
        self.open.remove(version).ok_or_else(|| IngestError::NotOpen { version: version.clone() })
    }

    /// Ends a commit, whatever came of it.
    pub(super) fn committed(&mut self, version: &Version) {
        self.committing.remove(version);
    }

    /// Drops pushes that nobody continued for `idle_max`.
    pub(super) fn remove_abandoned(&mut self, idle_max: Duration) {
        self.open.retain(|version, push| {
            let kept = !push.arriving.is_empty() || push.touched.elapsed() < idle_max;
            if !kept {
                tracing::warn!(release = %version, lacks = ?push.missing(), "push abandoned");
            }
            kept
        });
    }
}

impl Push {
    /// A push of which only the manifest has come.
    pub(super) fn new(dir: TempDir, manifest: Manifest) -> Self {
        Self { dir, manifest, arriving: BTreeSet::new(), received: BTreeSet::new(), touched: Instant::now() }
    }

    /// The files that are still to come.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        FILES.into_iter().filter(|name| !self.received.contains(name)).collect()
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
        let files = self.manifest.files.iter().filter(|file| !self.received.contains(file.name.as_str()));
        files.map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}
