//! A model's `manifest.json`: what it is, what it was trained on, and the digests of its files.
//!
//! Written last, so that a model with a manifest is complete. Unknown fields are refused: a manifest that says more
//! than this build understands was made for a newer one.

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
/// The files that a manifest lists, in its order.
pub const MODEL_FILES: [&str; 3] = [CONFIG, WEIGHTS, LOGITS];

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

/// Why bytes are no model's manifest.
#[derive(Debug, thiserror::Error)]
pub enum ModelManifestError {
    /// Not the JSON of a manifest.
    #[error("the model's manifest cannot be read: {0}; expected the JSON of {MODEL_FORMAT}")]
    Json(#[from] serde_json::Error),
    /// Another format.
    #[error("the model's format is `{got}`, expected `{MODEL_FORMAT}`; train it anew, or upgrade the service")]
    Format {
        /// What came.
        got: String,
    },
    /// The files listed are not those of a model.
    #[error("the model's manifest lists {got:?}, expected {MODEL_FILES:?}")]
    Files {
        /// What came.
        got: Vec<String>,
    },
}

impl ModelManifest {
    /// Reads a manifest and checks its format and that it lists exactly the files of a model.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.format != MODEL_FORMAT {
            return Err(ModelManifestError::Format { got: manifest.format });
        }
        if !manifest.files.iter().map(|file| file.name.as_str()).eq(MODEL_FILES) {
            let got = manifest.files.into_iter().map(|file| file.name).collect();
            return Err(ModelManifestError::Files { got });
        }
        Ok(manifest)
    }

    /// The manifest's JSON, indented and ending with a line break: the same manifest always gives the same bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest has string keys and finite numbers only");
        bytes.push(b'\n');
        bytes
    }

    /// What it says of a file, one of [`MODEL_FILES`].
    pub fn file(&self, name: &str) -> Option<&ReleaseFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Bytes of all files that the manifest lists.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}
