//! How pulling stands, as the operator's door shows it.

use serde::{Deserialize, Serialize};

use crate::pull::Status;
use crate::snapshot::manifest::Version;

/// How pulling stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PullBody {
    /// Where it is pulled from.
    pub from: String,
    /// The channel that is followed.
    pub channel: Version,
    /// The release that it names, once it was read.
    pub release: Option<Version>,
    /// What came of the last look: `unchanged`, `fetched`, `held` or `failed`, as in `segue_pull_polls_total`.
    pub outcome: Option<String>,
    /// Why nothing was taken, where it was held or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When the last look ended, in seconds since 1970 UTC.
    pub at_unix_s: Option<u64>,
}

impl From<Status> for PullBody {
    fn from(Status { from, name, channel, outcome, text, at_unix_s }: Status) -> Self {
        let release = channel.map(|channel| channel.release);
        Self {
            from,
            channel: name,
            release,
            outcome: outcome.map(|outcome| outcome.word().to_owned()),
            text,
            at_unix_s,
        }
    }
}
