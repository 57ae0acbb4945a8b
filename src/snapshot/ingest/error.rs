//! Why a push is refused, in words for the one who sent it; it must never hold what was sent beyond a name.

use std::io;

use super::PUSHES_MAX;
use crate::snapshot::manifest::{FILES, MANIFEST, ManifestError, Version};
use crate::snapshot::publish::PublishError;
use crate::snapshot::release::ReleaseError;

/// Why a push, or a piece of it, is refused. No release is changed by any of them.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The manifest is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest is of another release than the address.
    #[error("the manifest is of release {got}, it was sent to the address of release {expected}")]
    Version {
        /// The address's.
        expected: Version,
        /// The manifest's.
        got: Version,
    },
    /// The release is larger than may be pushed.
    #[error(
        "the release has {got} bytes, at most {max} may be pushed; raise `admin.push_bytes_max`, or copy the release \
         into the store"
    )]
    TooLarge {
        /// The limit.
        max: u64,
        /// Bytes of all files.
        got: u64,
    },
    /// The disk has no room.
    #[error("the push needs {needed} bytes, the store's disk has {free} for it; remove releases that nobody needs")]
    NoRoom {
        /// Bytes still to be written, of all open pushes.
        needed: u64,
        /// Bytes free, less those that must stay free.
        free: u64,
    },
    /// A release of that name holds something else.
    #[error("release {version} exists with other content; releases never change, choose another version")]
    Exists {
        /// The name taken.
        version: Version,
    },
    /// Someone else is at it.
    #[error("another push of release {version} is under way; wait for its end and try again")]
    Busy {
        /// The release being pushed.
        version: Version,
    },
    /// Too many at once.
    #[error("{PUSHES_MAX} pushes are under way, the limit; wait for one to end and try again")]
    TooMany,
    /// No manifest came before, or the push was abandoned.
    #[error("no push of release {version} is open; send its {MANIFEST} first")]
    NotOpen {
        /// The release asked for.
        version: Version,
    },
    /// Not a file of a release.
    #[error("{got:?} is no file of a release, expected {MANIFEST:?} or one of {FILES:?}")]
    Name {
        /// What came.
        got: String,
    },
    /// Another size than the manifest lists.
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
    #[error("release {version} still lacks {missing:?}; send them, then commit")]
    Incomplete {
        /// The release being pushed.
        version: Version,
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
    /// It could not be given its name.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The disk refused.
    #[error("the push could not be written: {0}; see to the disk of `release.dir`")]
    Io(#[from] io::Error),
}
