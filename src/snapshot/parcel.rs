//! What a store holds by name and takes when it is pushed: a release or a model, as its manifest says.
//!
//! It must never know how the pieces of one come.

use std::fmt;
use std::path::{Path, PathBuf};

use super::gate::Gates;
use super::ingest::IngestError;
use super::manifest::{FILES, Manifest, ReleaseFile, Version};
use super::release::read_manifest;
use super::store::Store;
use crate::model::Model;
use crate::model::engine::Precision;
use crate::model::manifest::{MODEL_FILES, ModelManifest};
use crate::model::open::read_model_manifest;

/// The kinds of what has a name in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A table with its catalogue and golden questions.
    Release,
    /// Weights with their configuration and golden logits.
    Model,
}

/// The name of a release or a model in a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Which of the two.
    pub kind: Kind,
    /// The name among its kind.
    pub version: Version,
}

/// A release or a model, by its manifest.
#[derive(Clone, Debug, PartialEq)]
pub enum Parcel {
    /// A release.
    Release(Manifest),
    /// A model.
    Model(ModelManifest),
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Release, Self::Model];

    /// The files that a manifest lists, in its order.
    pub const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Release => &FILES,
            Self::Model => &MODEL_FILES,
        }
    }

    /// The directory where a store holds all of the kind.
    pub fn home(self, store: &Store) -> PathBuf {
        match self {
            Self::Release => store.releases_dir(),
            Self::Model => store.models_dir(),
        }
    }
}

impl Address {
    /// A release's.
    pub fn release(version: Version) -> Self {
        Self { kind: Kind::Release, version }
    }

    /// A model's.
    pub fn model(version: Version) -> Self {
        Self { kind: Kind::Model, version }
    }

    /// The directory in a store, whether it is there or not.
    pub fn path(&self, store: &Store) -> PathBuf {
        self.kind.home(store).join(self.version.as_str())
    }

    /// What a store holds under this name; `None` where that is nothing, or cannot be read.
    pub fn read(&self, store: &Store) -> Option<Parcel> {
        Parcel::read(self.kind, &self.path(store))
    }
}

impl Parcel {
    /// Reads a manifest, and checks that it is one of its kind.
    pub fn from_json(kind: Kind, manifest: &[u8]) -> Result<Self, IngestError> {
        Ok(match kind {
            Kind::Release => Self::Release(Manifest::from_json(manifest)?),
            Kind::Model => Self::Model(ModelManifest::from_json(manifest)?),
        })
    }

    /// What a directory holds, by its manifest.
    pub fn read(kind: Kind, path: &Path) -> Option<Self> {
        match kind {
            Kind::Release => read_manifest(path).ok().map(Self::Release),
            Kind::Model => read_model_manifest(path).ok().map(Self::Model),
        }
    }

    /// Its name.
    pub fn address(&self) -> Address {
        match self {
            Self::Release(manifest) => Address::release(manifest.version.clone()),
            Self::Model(manifest) => Address::model(manifest.version.clone()),
        }
    }

    /// The files that it lists.
    pub fn files(&self) -> &[ReleaseFile] {
        match self {
            Self::Release(manifest) => &manifest.files,
            Self::Model(manifest) => &manifest.files,
        }
    }

    /// Bytes of all files that it lists.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Release(manifest) => manifest.bytes(),
            Self::Model(manifest) => manifest.bytes(),
        }
    }

    /// The manifest's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        match self {
            Self::Release(manifest) => manifest.to_json(),
            Self::Model(manifest) => manifest.to_json(),
        }
    }

    /// The model that a release needs, if it needs one.
    pub fn needs(&self) -> Option<&Version> {
        match self {
            Self::Release(manifest) => manifest.model.as_ref(),
            Self::Model(_) => None,
        }
    }

    /// Makes every check of a load, of what lies complete in a directory that does not bear its name yet; of a release,
    /// those whose gates are on.
    pub fn check(&self, dir: &Path, precision: Precision, gates: &Gates) -> Result<(), IngestError> {
        let version = self.address().version;
        match self {
            Self::Release(_) => {
                gates.admit(dir, &version).map_err(|source| IngestError::Release { version, source: Box::new(source) })
            }
            Self::Model(_) => Model::load_as(dir, &version, precision)
                .map(drop)
                .map_err(|source| IngestError::Model { version, source: Box::new(source) }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Release => "release",
            Self::Model => "model",
        })
    }
}

/// As messages name it: `release 2026-11`.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.version)
    }
}
