//! A model, opened: its files checked to belong together and its arithmetic checked to give what it gave in training.

use std::path::Path;

use super::config::ModelConfig;
use super::engine::{Engine, Precision};
use super::manifest::ModelManifest;

/// Why a model cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {}

/// A model in memory.
#[derive(Debug)]
pub struct Model {
    manifest: ModelManifest,
    config: ModelConfig,
    engine: Engine,
}

impl Model {
    /// Opens the model in a directory `models/<version>` and does every check: digests, shapes, finite weights, golden logits.
    pub fn load(_path: &Path, _precision: Precision) -> Result<Self, ModelError> {
        todo!()
    }

    /// What the model is.
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Its shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What computes.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}
