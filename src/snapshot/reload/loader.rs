//! Everything that must be done before a release is swapped in, in order, each step timed; it must never swap.

use super::Parts;
use crate::config::{Config, MissingModel};
use crate::metrics::{Metrics, Phase};
use crate::snapshot::manifest::Version;
use crate::snapshot::release::{Release, ReleaseError, read_manifest};
use crate::snapshot::shelf::ModelShelf;
use crate::snapshot::store::Store;

/// Loads releases of one store.
pub(super) struct Loader {
    store: Store,
    shelf: ModelShelf,
    metrics: Metrics,
    golden_required: bool,
    model_missing: MissingModel,
}

impl Loader {
    /// Loads as configured.
    pub(super) fn new(parts: &Parts, config: &Config) -> Self {
        Self {
            store: parts.store.clone(),
            shelf: ModelShelf::new(parts.store.clone(), config.model.precision),
            metrics: parts.metrics.clone(),
            golden_required: config.release.golden_required,
            model_missing: config.model.missing,
        }
    }

    /// Loads a release and its model, with every check.
    pub(super) fn load(&self, version: &Version) -> Result<Release, ReleaseError> {
        let metrics = self.metrics.release();
        let release = metrics.timed(Phase::Open, || Release::open(&self.store.release_path(version)))?;
        metrics.timed(Phase::Verify, || release.verify())?;
        metrics.timed(Phase::Warm, || release.warm())?;
        let release = metrics.timed(Phase::Model, || self.complete(release))?;
        metrics.timed(Phase::Check, || release.check())?;
        if self.golden_required && release.golden().is_empty() {
            return Err(ReleaseError::GoldenMissing);
        }
        Ok(release)
    }

    /// Whether a release of the store names a model that is there.
    pub(super) fn has_model(&self, version: &Version) -> bool {
        let manifest = read_manifest(&self.store.release_path(version)).ok();
        manifest.and_then(|manifest| manifest.model).is_some_and(|model| self.shelf.has(&model))
    }

    /// Gives a release the model that it names, if it names one.
    fn complete(&self, release: Release) -> Result<Release, ReleaseError> {
        let Some(model) = release.manifest().model.clone() else { return Ok(release) };
        match self.shelf.take(&model) {
            Err(ReleaseError::ModelMissing { model, path }) if self.model_missing == MissingModel::Serve => {
                tracing::warn!(%model, path = %path.display(), "the model is missing: the table answers alone");
                Ok(release)
            }
            model => release.with_model(model?),
        }
    }
}
