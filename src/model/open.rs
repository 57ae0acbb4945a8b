//! A model's files: found, bounded, read once, and checked to be what the manifest lists.
//!
//! The bytes that are digested are the bytes that are parsed: a file that changes meanwhile is never half trusted.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::config::{CONFIG_BYTES_MAX, ModelConfig};
use super::golden::{self, GoldenLogits};
use super::load::ModelError;
use super::manifest::{CONFIG, LOGITS, ModelManifest, WEIGHTS};
use super::weights::{self, Weights};
use crate::snapshot::manifest::{MANIFEST, MANIFEST_BYTES_MAX, Version};
use crate::snapshot::release::digest_mapped;

/// A model whose manifest and configuration were read; nothing large was.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    /// What it is.
    pub manifest: ModelManifest,
    /// Its shape, checked.
    pub config: ModelConfig,
}

/// A model whose every byte was read and is what its manifest lists.
#[derive(Debug)]
pub struct Verified {
    /// What it is.
    pub manifest: ModelManifest,
    /// Its shape, checked.
    pub config: ModelConfig,
    /// Its weights, checked to be the shape's and finite.
    pub weights: Weights,
    /// What it must answer.
    pub golden: GoldenLogits,
}

impl Opened {
    /// Reads manifest and configuration of the model in a directory that bears its version.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let opened = Self::open_any(path)?;
        opened.check_named(&name)?;
        Ok(opened)
    }

    /// The same for a model of this name in a directory that does not bear it yet.
    pub fn open_as(path: &Path, version: &Version) -> Result<Self, ModelError> {
        let opened = Self::open_any(path)?;
        opened.check_named(version.as_str())?;
        Ok(opened)
    }

    /// Reads the rest and checks every byte of every file.
    pub fn verify(self) -> Result<Verified, ModelError> {
        let golden = self.read(LOGITS, golden::bytes_max(&self.config))?;
        let golden = GoldenLogits::from_json(&golden, &self.config)?;
        let weights = self.read(WEIGHTS, weights::bytes_max(&self.config))?;
        let weights = weights::from_bytes(&weights, &self.config)?;
        Ok(Verified { manifest: self.manifest, config: self.config, weights, golden })
    }

    fn open_any(path: &Path) -> Result<Self, ModelError> {
        let manifest = read_model_manifest(path)?;
        let config = ModelConfig::from_json(&read_listed(path, &manifest, (CONFIG, CONFIG_BYTES_MAX))?)?;
        Ok(Self { path: path.to_owned(), manifest, config })
    }

    fn read(&self, name: &'static str, bytes_max: u64) -> Result<Vec<u8>, ModelError> {
        read_listed(&self.path, &self.manifest, (name, bytes_max))
    }

    fn check_named(&self, name: &str) -> Result<(), ModelError> {
        let version = &self.manifest.version;
        if name == version.as_str() {
            return Ok(());
        }
        Err(ModelError::Renamed { directory: name.to_owned(), version: version.clone() })
    }
}

/// Reads the manifest in a model's directory.
pub fn read_model_manifest(path: &Path) -> Result<ModelManifest, ModelError> {
    Ok(ModelManifest::from_json(&read_bounded(path, (MANIFEST, MANIFEST_BYTES_MAX))?)?)
}

/// A file's bytes, which are what the manifest lists.
fn read_listed(
    path: &Path,
    manifest: &ModelManifest,
    (name, bytes_max): (&'static str, u64),
) -> Result<Vec<u8>, ModelError> {
    let bytes = read_bounded(path, (name, bytes_max))?;
    let listed = manifest.file(name).expect("a manifest that was read lists every file of a model");
    let (size, digest) = digest_mapped(&bytes);
    let got = digest.to_hex().to_string();
    if got == listed.blake3 && size == listed.bytes {
        return Ok(bytes);
    }
    Err(ModelError::Digest { name, bytes: size, expected: listed.blake3.clone(), got })
}

fn read_bounded(path: &Path, (name, bytes_max): (&'static str, u64)) -> Result<Vec<u8>, ModelError> {
    let path = path.join(name);
    let failed = |source: io::Error| ModelError::io(&path, source);
    let file = File::open(&path).map_err(failed)?;
    let mut bytes = Vec::new();
    let got = file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)? as u64;
    if got > bytes_max { Err(ModelError::Bytes { name, bytes_max }) } else { Ok(bytes) }
}
