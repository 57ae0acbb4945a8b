//! Why a push is refused, in words for the one who sent it; it must never hold what was sent beyond a name.

use std::io;

use super::PUSHES_MAX;
use crate::model::ModelError;
use crate::model::manifest::ModelManifestError;
use crate::snapshot::lifecycle::Reason;
use crate::snapshot::manifest::{MANIFEST, ManifestError, Version};
use crate::snapshot::parcel::{Address, Kind};
use crate::snapshot::release::ReleaseError;
use crate::snapshot::signature::SignatureError;
use crate::snapshot::store::StoreError;
use crate::snapshot::{gate, state};

/// Why a push, or a piece of it, is refused. No release or model is changed by any of them.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The manifest is no release's.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest is no model's.
    #[error(transparent)]
    ModelManifest(#[from] ModelManifestError),
    /// The manifest is of another release or model than the address.
    #[error("the manifest is of {got}, it was sent to the address of {expected}")]
    Version {
        /// Where it came to.
        expected: Address,
        /// The manifest's.
        got: Address,
    },
    /// The release or model is larger than may be pushed.
    #[error(
        "the {kind} has {got} bytes, at most {max} may be pushed; raise `admin.push_bytes_max`, or copy the {kind} \
         into the store"
    )]
    TooLarge {
        /// What is pushed.
        kind: Kind,
        /// The limit.
        max: u64,
        /// Bytes of all files.
        got: u64,
    },
    /// A gate refuses it before the first byte: no room on the disk or in memory, no signature that counts.
    #[error(transparent)]
    Gate(#[from] gate::Refusal),
    /// It may never serve here again.
    #[error(transparent)]
    Barred(#[from] state::Refusal),
    /// The store cannot say what serves.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signature beside a manifest cannot be used.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A release or model of that name holds something else.
    #[error("{address} exists with other content; {}s never change, choose another version", address.kind)]
    Exists {
        /// The name taken.
        address: Address,
    },
    /// Someone else is at it.
    #[error("another push of {address} is under way; wait for its end and try again")]
    Busy {
        /// What is being pushed.
        address: Address,
    },
    /// Too many at once.
    #[error("{PUSHES_MAX} pushes are under way, the limit; wait for one to end and try again")]
    TooMany,
    /// No manifest came before, or the push was abandoned.
    #[error("no push of {address} is open; send its {MANIFEST} first")]
    NotOpen {
        /// What was asked for.
        address: Address,
    },
    /// Not a file of a release or a model.
    #[error("{got:?} is no file of a {kind}, expected {MANIFEST:?} or one of {:?}", kind.files())]
    Name {
        /// What is pushed.
        kind: Kind,
        /// What came.
        got: String,
    },
    /// Less came than the manifest lists. What came is kept.
    #[error("{name} came with {got} bytes, the manifest lists {expected}; go on at offset {got}, or send it again")]
    Short {
        /// The file.
        name: &'static str,
        /// Bytes that the manifest lists.
        expected: u64,
        /// Bytes that are there now.
        got: u64,
    },
    /// Bytes were sent for another place of the file than where it stands.
    #[error("{name} stands at {expected} bytes, got some for offset {got}; send {MANIFEST} to hear where to go on")]
    Offset {
        /// The file.
        name: &'static str,
        /// Bytes that are there.
        expected: u64,
        /// Where the bytes sent belong.
        got: u64,
    },
    /// More came than the manifest lists.
    #[error("{name} came with {got} bytes or more, the manifest lists {expected}; send it again")]
    Size {
        /// The file.
        name: &'static str,
        /// Bytes that the manifest lists.
        expected: u64,
        /// Bytes that came before it was refused.
        got: u64,
    },
    /// Other bytes than the manifest lists.
    #[error("{name} came with digest {got}, the manifest lists {expected}; send it again")]
    Digest {
        /// The file.
        name: &'static str,
        /// The digest that the manifest lists.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// The push is not complete.
    #[error("{address} still lacks {missing:?}; send them, then commit")]
    Incomplete {
        /// What is being pushed.
        address: Address,
        /// The files that did not come.
        missing: Vec<&'static str>,
    },
    /// All came, and it is no release that could serve.
    #[error("release {version} was refused: {source}")]
    Release {
        /// The release pushed.
        version: Version,
        /// What is wrong with it.
        source: Box<ReleaseError>,
    },
    /// All came, and it is no model that could answer.
    #[error("model {version} was refused: {source}")]
    Model {
        /// The model pushed.
        version: Version,
        /// What is wrong with it.
        source: Box<ModelError>,
    },
    /// The release's model did not come before it.
    #[error(
        "release {release} needs model {model}, which the store lacks; push the model first, then commit again \
         (`segue push` sends both), or set `model.missing` to \"serve\" to answer from the table alone"
    )]
    NeedsModel {
        /// The release being pushed, which may still be committed.
        release: Version,
        /// The model that its manifest names.
        model: Version,
    },
    /// The disk refused.
    #[error("the push could not be written: {0}; see to the disk of `release.dir`")]
    Io(#[from] io::Error),
}

impl IngestError {
    /// Why a push failed, for the book.
    pub(super) fn to_reason(&self) -> Reason {
        let class = match self {
            Self::Release { source, .. } => source.reason(),
            Self::Gate(refusal) => refusal.word(),
            Self::Barred(refusal) => refusal.class(),
            Self::Exists { .. } => "exists",
            Self::Io(_) | Self::Store(_) => "io",
            _ => "refused",
        };
        Reason { class, text: self.to_string() }
    }
}
