//! A channel: the small file `channels/NAME.json` that says which release the services of that channel should serve.
//!
//! It is the only thing at a depot that ever changes.

use serde::{Deserialize, Serialize};

use super::DepotError;
use crate::snapshot::manifest::Version;

/// The only format that this build reads and writes.
pub const CHANNEL_FORMAT: &str = "segue.channel/1";
/// The directory of channels at a depot.
pub const CHANNELS: &str = "channels";

/// What a channel says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Always [`CHANNEL_FORMAT`].
    pub format: String,
    /// The release to serve: `releases/VERSION`.
    pub release: Version,
    /// The model that goes with it: `models/VERSION`.
    pub model: Option<Version>,
    /// The digest of the release's manifest, which has the digests of everything else.
    pub manifest_blake3: String,
    /// The release before it: where a rollback goes.
    pub previous: Option<Version>,
}

impl Channel {
    /// The channel's path at a depot.
    pub fn path(name: &Version) -> String {
        format!("{CHANNELS}/{name}.json")
    }

    /// Reads a channel; `what` names where it came from.
    pub(super) fn from_json(what: &str, bytes: &[u8]) -> Result<Self, DepotError> {
        let wrong = |source| DepotError::Channel { what: what.to_owned(), source };
        let channel: Self = serde_json::from_slice(bytes).map_err(wrong)?;
        if channel.format == CHANNEL_FORMAT {
            return Ok(channel);
        }
        Err(DepotError::ChannelFormat { what: what.to_owned(), got: channel.format })
    }

    /// Its JSON, ending with a line break.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a channel has string keys only");
        bytes.push(b'\n');
        bytes
    }
}
