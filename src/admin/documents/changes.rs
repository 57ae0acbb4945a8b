//! What the calls that change something take, and what they say after the fact.

use serde::{Deserialize, Serialize};

use crate::snapshot::live::Share;
use crate::snapshot::manifest::Version;
use crate::snapshot::reload::Positions;

/// `POST /admin/v1/{stage,activate,pin,promote}`: the release that is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionBody {
    /// Its name.
    pub version: Version,
}

/// `POST /admin/v1/rollback`: the release to go back from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackBody {
    /// Its name. Where it was rolled back from already, nothing is done, so that a call may be repeated; where another
    /// one serves, the call is refused. None is whichever serves.
    #[serde(default)]
    pub from: Option<Version>,
}

/// `POST /admin/v1/quarantine`: the release that is barred, and why.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineBody {
    /// Its name.
    pub version: Version,
    /// Why, for whoever wonders later.
    pub reason: String,
}

/// `POST /admin/v1/{shadow,canary}`: the staged release, and a share of traffic.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareBody {
    /// Its name.
    pub version: Version,
    /// From 0, which ends it, to 1.
    pub share: Share,
}

/// The body of a call that needs none, as `POST /admin/v1/{reload,unpin}`: nothing, or an empty object.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmptyBody {}

/// What a change led to, after the fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedBody {
    /// The release that serves now.
    pub release: Option<Version>,
    /// Whether the call changed anything.
    pub changed: bool,
    /// Who stood where before.
    pub before: PositionsBody,
    /// Who stands where now.
    pub after: PositionsBody,
}

/// Which release holds which position, and the shares of its trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PositionsBody {
    /// The one that serves.
    pub serving: Option<Version>,
    /// Where a rollback goes.
    pub previous: Option<Version>,
    /// The one that is loaded beside the one that serves.
    pub staged: Option<Version>,
    /// The one that the service is held at.
    pub pinned: Option<Version>,
    /// The share of questions that the staged one answers too, from 0 to 1.
    pub shadow_share: Share,
    /// The share of traffic that it answers.
    pub canary_share: Share,
}

impl From<Positions> for PositionsBody {
    fn from(positions: Positions) -> Self {
        let Positions { serving, previous, staged, pinned, shadow, canary } = positions;
        Self { serving, previous, staged, pinned, shadow_share: shadow, canary_share: canary }
    }
}
