//! What no longer serves, kept until no request holds it, so that freeing it falls to the thread that loads; it must
//! never keep what could be freed.

use std::sync::Arc;

use crate::model::Model;
use crate::snapshot::release::Release;

/// Releases and models that were swapped out. A model has a place of its own: whoever computes an answer may hold it
/// for longer than its release, and another release may share it.
#[derive(Debug, Default)]
pub(super) struct Retired {
    releases: Vec<Arc<Release>>,
    models: Vec<Arc<Model>>,
}

impl Retired {
    /// Takes a release that was swapped out.
    pub(super) fn add(&mut self, release: Arc<Release>) {
        let known = |model: &Arc<Model>| self.models.iter().any(|kept| Arc::ptr_eq(kept, model));
        self.models.extend(release.model().filter(|model| !known(model)).cloned());
        self.releases.push(release);
    }

    /// Drops what nobody else holds.
    pub(super) fn drop_unread(&mut self) {
        self.releases.retain(|release| Arc::strong_count(release) > 1);
        self.models.retain(|model| Arc::strong_count(model) > 1);
    }
}
