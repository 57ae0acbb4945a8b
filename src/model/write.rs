//! Writes a model: configuration, weights, golden logits, and the manifest last.
//!
//! As with a release, everything is written and synced in a hidden directory that then gets its name in one rename: a
//! reader sees a complete model or none, and a model never changes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::SafeTensorError;
use tempfile::TempDir;

use super::config::{ModelConfig, ModelConfigError};
use super::golden::GoldenLogits;
use super::manifest::{CONFIG, LOGITS, MODEL_FILES, MODEL_FORMAT, ModelManifest, WEIGHTS};
use super::open::read_model_manifest;
use super::weights::{self, Weights, WeightsError};
use crate::snapshot::failpoint::{Moment, reached};
use crate::snapshot::manifest::{MANIFEST, Provenance, ReleaseFile, Version};
use crate::snapshot::publish::{give_name, start_in, write_synced};
use crate::snapshot::release::digest_file;
use crate::snapshot::store::Store;

/// What a model says of itself beside its weights.
#[derive(Clone, Debug)]
pub struct ModelAbout {
    /// Its name; `None` derives one from all that the manifest says, so that only the same model gets the same name.
    pub version: Option<Version>,
    /// The catalogue that its tokens stand for.
    pub catalogue: Version,
    /// The model whose weights it began with, if any.
    pub parent: Option<Version>,
    /// When it was made.
    pub created_unix_s: Option<u64>,
    /// Where it came from.
    pub provenance: Provenance,
    /// Figures of its training and its quality, by name.
    pub figures: BTreeMap<String, f64>,
}

/// A model that is published.
#[derive(Debug)]
pub struct PublishedModel {
    /// Its directory.
    pub path: PathBuf,
    /// What it is.
    pub manifest: ModelManifest,
    /// Bytes of all its files, the manifest's included.
    pub bytes: u64,
}

/// Why no model was published. The store is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum ModelWriteError {
    /// The configuration describes no network of ours.
    #[error(transparent)]
    Config(#[from] ModelConfigError),
    /// The tensors are not those of the configuration.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network could not be asked for its golden logits.
    #[error("the model cannot be asked: {0}; nothing was published")]
    Compute(#[from] candle_core::Error),
    /// The weights could not be put into bytes.
    #[error("the weights cannot be put into a safetensors file: {0}; nothing was published")]
    Bytes(#[from] SafeTensorError),
    /// The network answers with something that is no number.
    #[error("golden prompt {prompt} gives logits that are no finite numbers; train again with a lower rate")]
    NotFinite {
        /// Its place.
        prompt: usize,
    },
    /// A figure that JSON cannot hold.
    #[error("the figure `{name}` is {got}, expected a finite number; leave it out")]
    Figure {
        /// Its name.
        name: String,
        /// What came.
        got: f64,
    },
    /// A model of that name holds something else.
    #[error("model {version} exists with other content; models never change, choose another version")]
    Exists {
        /// The name taken.
        version: Version,
    },
    /// The disk refused.
    #[error("the model could not be written: {0}; nothing was published")]
    Io(#[from] io::Error),
}

/// Publishes a model in the store `dir`, which is made if need be. The same model again, on the same kind of processor,
/// is the same bytes, and fine.
pub fn write_model(
    dir: &Path,
    about: ModelAbout,
    config: &ModelConfig,
    weights: &Weights,
) -> Result<PublishedModel, ModelWriteError> {
    config.check()?;
    weights::check(weights, config)?;
    check_figures(&about)?;
    let golden = make_golden(config, weights)?;
    let store = Store::open(dir);
    let partial = start_in(&store.models_dir())?;
    reached(Moment::PartialMade);
    write_bytes(&partial.path().join(CONFIG), &config.to_json())?;
    reached(Moment::ConfigWritten);
    write_bytes(&partial.path().join(WEIGHTS), &weights::to_bytes(weights)?)?;
    reached(Moment::WeightsWritten);
    write_bytes(&partial.path().join(LOGITS), &golden.to_json())?;
    reached(Moment::LogitsWritten);
    let manifest = describe(partial.path(), about)?;
    write_bytes(&partial.path().join(MANIFEST), &manifest.to_json())?;
    reached(Moment::ManifestWritten);
    publish_model(&store, partial, manifest)
}

/// Gives a complete, synced, hidden directory the name that its manifest says. Its manifest must be `manifest`.
pub fn publish_model(
    store: &Store,
    partial: TempDir,
    manifest: ModelManifest,
) -> Result<PublishedModel, ModelWriteError> {
    let path = store.model_path(&manifest.version);
    let bytes = manifest.bytes() + manifest.to_json().len() as u64;
    let is_same = |path: &Path| read_model_manifest(path).is_ok_and(|present| present == manifest);
    match give_name(partial, &path, is_same) {
        Ok(()) => Ok(PublishedModel { path, manifest, bytes }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(ModelWriteError::Exists { version: manifest.version })
        }
        Err(error) => Err(error.into()),
    }
}

fn check_figures(about: &ModelAbout) -> Result<(), ModelWriteError> {
    match about.figures.iter().find(|(_, figure)| !figure.is_finite()) {
        Some((name, &got)) => Err(ModelWriteError::Figure { name: name.clone(), got }),
        None => Ok(()),
    }
}

fn make_golden(config: &ModelConfig, weights: &Weights) -> Result<GoldenLogits, ModelWriteError> {
    let golden = GoldenLogits::make(config, weights)?;
    match golden.prompts.iter().position(|prompt| prompt.logits.iter().any(|logit| !logit.is_finite())) {
        Some(prompt) => Err(ModelWriteError::NotFinite { prompt }),
        None => Ok(golden),
    }
}

fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_synced(path, |file| file.write_all(bytes))
}

/// The manifest of what was written; its name follows from the content where none is given.
fn describe(dir: &Path, about: ModelAbout) -> io::Result<ModelManifest> {
    let file = |name: &str| {
        let (bytes, digest) = digest_file(&dir.join(name))?;
        Ok(ReleaseFile { name: name.to_owned(), bytes, blake3: digest.to_hex().to_string() })
    };
    let unnamed = ModelManifest {
        format: MODEL_FORMAT.to_owned(),
        version: Version::of_digest(&blake3::Hasher::new().finalize()),
        catalogue: about.catalogue,
        parent: about.parent,
        created_unix_s: about.created_unix_s,
        files: MODEL_FILES.into_iter().map(file).collect::<io::Result<_>>()?,
        provenance: about.provenance,
        figures: about.figures,
    };
    let version = about.version.unwrap_or_else(|| Version::of_digest(&blake3::hash(&unnamed.to_json())));
    Ok(ModelManifest { version, ..unnamed })
}
