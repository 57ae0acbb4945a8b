//! Why a look at the channel failed; what serves is as it was before.

use crate::audit::AuditError;
use crate::depot::DepotError;
use crate::snapshot::ingest::IngestError;
use crate::snapshot::manifest::Version;
use crate::snapshot::parcel::Address;
use crate::snapshot::signature::SignatureError;
use crate::snapshot::store::StoreError;

/// Why a look at the channel failed.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The depot did not give what was asked for.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// The store cannot say what serves.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What came was refused.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// Beside the manifest lies something else than a signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Nobody has published to that channel.
    #[error("there is no channel {name}; `segue publish --channel {name}` makes one, or correct `pull.channel`")]
    NoChannel {
        /// Which.
        name: Version,
    },
    /// The channel names what is not there, or no longer.
    #[error("{address} is not there, though the channel names it; publish it again")]
    Missing {
        /// What was looked for.
        address: Address,
    },
    /// The manifest is not the one that the channel means.
    #[error(
        "the manifest of release {release} has the digest {got}, the channel means {expected}; releases never change: publish \
         under another version"
    )]
    Other {
        /// Which release.
        release: Version,
        /// The channel's digest.
        expected: String,
        /// The manifest's own.
        got: String,
    },
    /// It was changed while it was fetched.
    #[error("{address} was changed or withdrawn while it was fetched; publish it again under another version")]
    Changed {
        /// What.
        address: Address,
    },
    /// What cannot be recorded is not done.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The service is stopping.
    #[error("the service is stopping; the pull goes on when it is back")]
    Stopping,
    /// The reloader takes no more.
    #[error("release {release} is here, and the reloader takes no more requests now; the next look tries again")]
    Busy {
        /// Which release.
        release: Version,
    },
    /// The reloader refused it.
    #[error("release {release} is here and was not taken: {text}")]
    Refused {
        /// Which release.
        release: Version,
        /// Why.
        text: String,
    },
}

impl PullError {
    /// What two failures of one kind have in common: an object store tells how long it tried.
    pub(super) fn gist(&self) -> String {
        match self {
            Self::Depot(DepotError::Bucket { key, .. }) => key.clone(),
            other => other.to_string(),
        }
    }

    /// Whether the same release would be refused again, whatever the network and the disk do.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Other { .. } | Self::Refused { .. } | Self::Signature(_) => true,
            Self::Ingest(error) => !matches!(
                error,
                IngestError::Io(_)
                    | IngestError::Gate(_)
                    | IngestError::Store(_)
                    | IngestError::Busy { .. }
                    | IngestError::TooMany
                    | IngestError::NotOpen { .. }
                    | IngestError::Offset { .. }
                    | IngestError::Short { .. }
            ),
            _ => false,
        }
    }
}
