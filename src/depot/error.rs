//! Why something could not be published; the channel is as it was before, and what was put beside it hinders nothing.

use std::io;
use std::path::PathBuf;

use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::Address;
use crate::snapshot::store::StoreError;

use crate::cloud::CloudError;

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
    #[error("{key}: {source}; run it again, which goes on here")]
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
