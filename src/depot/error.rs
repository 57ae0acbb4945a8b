//! Why something could not be published; the channel is as it was before, and what was put beside it hinders nothing.

use std::io;
use std::path::PathBuf;

use super::channel::CHANNEL_FORMAT;
use crate::cloud::CloudError;
use crate::snapshot::ingest::IngestError;
use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::Address;
use crate::snapshot::store::StoreError;

/// Why something could not be published.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    /// The place is none.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The depot's pointer could not be moved.
    #[error(transparent)]
    Pointer(#[from] StoreError),
    /// The object store refused.
    #[error("{key}: {source}; what was done is kept: try again, and it goes on here")]
    Bucket {
        /// The object.
        key: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// The disk refused.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// What cannot be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to publish.
    #[error("{} holds no complete {address}; make it anew", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What was looked for.
        address: Address,
    },
    /// It is not in the depot.
    #[error("{address} is not published there; publish it first")]
    Unpublished {
        /// What was looked for.
        address: Address,
    },
    /// What is there is nothing that this program reads.
    #[error("{address} as it is published cannot be used: {source}")]
    Manifest {
        /// Which.
        address: Address,
        /// Why.
        source: Box<IngestError>,
    },
    /// A file is not the one that its manifest lists.
    #[error("{}: expected {expected}, got {got}; make it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The digest that the manifest lists.
        expected: String,
        /// The file's own.
        got: String,
    },
    /// The name is taken.
    #[error("{what} exists at the depot with other content; what is published never changes, choose another version")]
    Exists {
        /// What has the name.
        what: String,
    },
    /// Another publisher, or an operator, was faster.
    #[error(
        "channel {channel} was moved by someone else: expected it at {}, got {}; nothing was changed; publish again if the new \
         release should replace that one", named(expected.as_ref()), named(got.as_ref())
    )]
    Moved {
        /// The pointer.
        channel: Version,
        /// Where it stood when it was read.
        expected: Option<Version>,
        /// Where it stands.
        got: Option<Version>,
    },
    /// A small file is not small.
    #[error("{what} has more than {bytes_max} bytes, and is none of ours; move it away")]
    TooLarge {
        /// The file or object.
        what: String,
        /// The most that one of ours has.
        bytes_max: u64,
    },
    /// The channel is of another format.
    #[error("{what} has the format `{got}`, expected `{CHANNEL_FORMAT}`; upgrade this program")]
    ChannelFormat {
        /// The file or object.
        what: String,
        /// What came.
        got: String,
    },
    /// The pointer's file is something else.
    #[error("{what} is no channel: {source}; move it away, and the next who publishes writes it anew")]
    Channel {
        /// The file or object.
        what: String,
        /// What the parser found.
        source: serde_json::Error,
    },
}

fn named(version: Option<&Version>) -> &str {
    version.map_or("no release", Version::as_str)
}
