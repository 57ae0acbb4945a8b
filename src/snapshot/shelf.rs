//! The models in memory, by version: releases with the same model share it.
//!
//! It holds none of them itself: a model lives as long as a release that serves with it, or that requests still hold.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::manifest::{MANIFEST, Version};
use super::release::ReleaseError;
use super::store::Store;
use crate::model::Model;
use crate::model::engine::Precision;

/// The models of a store, loaded in one precision.
#[derive(Debug)]
pub struct ModelShelf {
    store: Store,
    precision: Precision,
    /// Held through a load, so that two who want the same model load it once: threads that load are all who wait.
    models: Mutex<HashMap<Version, Weak<Model>>>,
}

impl ModelShelf {
    /// An empty shelf.
    pub fn new(store: Store, precision: Precision) -> Self {
        Self { store, precision, models: Mutex::default() }
    }

    /// The model of a version: the one in memory, or else loaded with every check.
    pub fn take(&self, version: &Version) -> Result<Arc<Model>, ReleaseError> {
        let mut models = self.models.lock();
        models.retain(|_, model| model.strong_count() > 0);
        if let Some(model) = models.get(version).and_then(Weak::upgrade) {
            return Ok(model);
        }
        if !self.has(version) {
            return Err(ReleaseError::ModelMissing { model: version.clone(), path: self.path(version) });
        }
        let model = Arc::new(Model::load(&self.path(version), self.precision)?);
        models.insert(version.clone(), Arc::downgrade(&model));
        Ok(model)
    }

    /// Whether the store has the model, complete: its manifest is written last. Where the disk will not say, it does:
    /// loading it then tells why not.
    pub fn has(&self, version: &Version) -> bool {
        self.path(version).join(MANIFEST).try_exists().unwrap_or(true)
    }

    fn path(&self, version: &Version) -> PathBuf {
        self.store.model_path(version)
    }
}
