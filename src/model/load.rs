//! A model, opened: its files checked to belong together and its arithmetic checked to give what it gave in training.
//!
//! The steps of a load stand here in order, [`Opened::open`], [`Opened::verify`], [`Model::build`], [`Model::check`];
//! [`Model::load`] is all four. Nothing that failed one may answer.

use std::io;
use std::path::{Path, PathBuf};

use super::config::{ModelConfig, ModelConfigError};
use super::engine::{Engine, Precision};
use super::golden::{GoldenLogits, GoldenLogitsError, LogitMismatch};
use super::manifest::{ModelManifest, ModelManifestError};
use super::open::{Opened, Verified};
use super::weights::WeightsError;
use crate::snapshot::gate::GateName;
use crate::snapshot::manifest::{MANIFEST, Version};

/// Why a model cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The directory or one of its files is not there.
    #[error("{} is missing; a model's directory needs {MANIFEST} and every file it lists", path.display())]
    Missing {
        /// What is not there.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than one of its kind can be.
    #[error("the model's {name} has more than {bytes_max} bytes, the most that it can have; copy the model again")]
    Bytes {
        /// The file's name.
        name: &'static str,
        /// The most that is read.
        bytes_max: u64,
    },
    /// The manifest is none.
    #[error(transparent)]
    Manifest(#[from] ModelManifestError),
    /// The directory is not named as its manifest says.
    #[error("the model in directory `{directory}` calls itself `{version}`; a model may not be renamed")]
    Renamed {
        /// The directory's name.
        directory: String,
        /// The manifest's.
        version: Version,
    },
    /// A file is not the one that the manifest lists.
    #[error(
        "the model's {name} has {bytes} bytes and digest {got}, its manifest says {expected}; copy the model again"
    )]
    Digest {
        /// The file's name.
        name: &'static str,
        /// Its size.
        bytes: u64,
        /// The digest that the manifest says.
        expected: String,
        /// The digest of its bytes.
        got: String,
    },
    /// The configuration describes no network of ours.
    #[error(transparent)]
    Config(#[from] ModelConfigError),
    /// The tensors are not those of the configuration.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The engine refused the weights.
    #[error("the model's weights cannot be arranged for inference: {0}")]
    Engine(candle_core::Error),
    /// The golden logits are none.
    #[error(transparent)]
    GoldenUnread(#[from] GoldenLogitsError),
    /// A golden prompt got other logits.
    #[error(transparent)]
    Golden(#[from] LogitMismatch),
}

/// A model in memory.
#[derive(Debug)]
pub struct Model {
    manifest: ModelManifest,
    config: ModelConfig,
    precision: Precision,
    engine: Engine,
    golden: GoldenLogits,
}

impl ModelError {
    /// The failure's label, in the words of [`ReleaseError::reason`](crate::snapshot::release::ReleaseError::reason).
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Io { .. } => "io",
            Self::Manifest(_) | Self::Renamed { .. } => "manifest",
            Self::Bytes { .. } | Self::Digest { .. } => "checksum",
            Self::Config(_) => "config",
            Self::Weights(_) | Self::Engine(_) => "weights",
            Self::GoldenUnread(_) | Self::Golden(_) => "golden",
        }
    }

    /// Every label that [`ModelError::reason`] gives.
    pub const REASONS: [&str; 7] = ["missing", "io", "manifest", "checksum", "config", "weights", "golden"];

    /// The gate that it stands for, as [`ReleaseError::gate`](crate::snapshot::release::ReleaseError::gate).
    pub(crate) fn gate(&self) -> Option<GateName> {
        match self {
            Self::Bytes { .. } | Self::Digest { .. } | Self::Weights(_) => Some(GateName::Integrity),
            Self::Manifest(ModelManifestError::Format { .. }) => Some(GateName::Format),
            Self::GoldenUnread(_) | Self::Golden(_) => Some(GateName::Golden),
            _ => None,
        }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound { Self::Missing { path } } else { Self::Io { path, source } }
    }
}

impl Model {
    /// Opens the model in a directory `models/<version>` and does every check: digests, shapes, finite weights, golden
    /// logits.
    pub fn load(path: &Path, precision: Precision) -> Result<Self, ModelError> {
        Opened::open(path)?.verify().and_then(|verified| Self::build(verified, precision))?.checked()
    }

    /// The same for a model of this name that lies in a directory which does not bear it yet.
    pub fn load_as(path: &Path, version: &Version, precision: Precision) -> Result<Self, ModelError> {
        Opened::open_as(path, version)?.verify().and_then(|verified| Self::build(verified, precision))?.checked()
    }

    /// Arranges the weights for inference. [`Model::check`] must follow before anything is answered.
    pub fn build(verified: Verified, precision: Precision) -> Result<Self, ModelError> {
        let Verified { manifest, config, weights, golden } = verified;
        let engine = Engine::new(&config, &weights, precision).map_err(ModelError::Engine)?;
        Ok(Self { manifest, config, precision, engine, golden })
    }

    /// Asks every golden prompt, of the engine: the kernels that were picked for this processor. The network on candle
    /// is not asked again: its answers are the golden logits, a digest holds them, and it never serves. It would also
    /// start candle's pool of threads in a service that has no other use for it.
    pub fn check(&self) -> Result<(), ModelError> {
        Ok(self.golden.check(&self.engine, self.precision)?)
    }

    /// What the model is.
    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Its shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The arithmetic of its weights.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What computes.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What it must answer.
    pub fn golden(&self) -> &GoldenLogits {
        &self.golden
    }

    fn checked(self) -> Result<Self, ModelError> {
        self.check()?;
        Ok(self)
    }
}
