//! The releases in memory that could serve at once; it must never free one.

use std::sync::Arc;

use crate::snapshot::manifest::Version;
use crate::snapshot::release::Release;

/// A few releases, each with the model that it was loaded with.
#[derive(Debug, Default)]
pub(super) struct Residents {
    releases: Vec<Arc<Release>>,
}

impl Residents {
    /// The release of this name.
    pub(super) fn find(&self, version: &Version) -> Option<Arc<Release>> {
        self.releases.iter().find(|release| release.manifest().version == *version).cloned()
    }

    /// The names of all.
    pub(super) fn versions(&self) -> Vec<Version> {
        self.releases.iter().map(|release| release.manifest().version.clone()).collect()
    }

    /// Adds a release; gives back what was here under its name.
    pub(super) fn add(&mut self, release: Arc<Release>) -> Vec<Arc<Release>> {
        let version = release.manifest().version.clone();
        let displaced = self.keep(|kept| *kept != version);
        self.releases.push(release);
        displaced
    }

    /// Keeps those that `wanted` names; gives back the others.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Version) -> bool) -> Vec<Arc<Release>> {
        self.releases.extract_if(.., |release| !wanted(&release.manifest().version)).collect()
    }
}
