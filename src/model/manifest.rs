//! A model's `manifest.json`: what it is, what it was trained on, and the digests of its files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::snapshot::manifest::{Provenance, ReleaseFile, Version};

/// The only format that this build reads and writes.
pub const MODEL_FORMAT: &str = "segue.model/1";
/// The shape's file name.
pub const CONFIG: &str = "config.json";
/// The weights' file name.
pub const WEIGHTS: &str = "model.safetensors";
/// The file name of prompts with the logits that they must give.
pub const LOGITS: &str = "golden.json";

/// What a model is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    /// Always [`MODEL_FORMAT`].
    pub format: String,
    /// The model's name, also its directory's.
    pub version: Version,
    /// The catalogue that its tokens stand for.
    pub catalogue: Version,
    /// The model whose weights it began with, if any.
    pub parent: Option<Version>,
    /// When it was made, in seconds since 1970 UTC, if its maker said so.
    pub created_unix_s: Option<u64>,
    /// Every other file of the model.
    pub files: Vec<ReleaseFile>,
    /// Where it came from: inputs, settings, the span of the data.
    pub provenance: Provenance,
    /// Figures of its training and its quality, by name.
    pub figures: BTreeMap<String, f64>,
}
