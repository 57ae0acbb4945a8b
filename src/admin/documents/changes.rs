//! What the calls that change something take, and what they say after the fact.

use serde::{Deserialize, Serialize};

use super::releases::PointersBody;
use crate::snapshot::manifest::Version;

/// `POST /admin/v1/{stage,activate,pin,promote}`: the release that is meant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionBody {
    /// Its name.
    pub version: Version,
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
    pub share: f64,
}

/// The body of a call that needs none, as `POST /admin/v1/{rollback,unpin}`: nothing, or an empty object.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmptyBody {}

/// What a change led to, after the fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedBody {
    /// The release that serves now.
    pub release: Option<Version>,
    /// Whether the call changed anything.
    pub changed: bool,
    /// What the store pointed at before.
    pub before: PointersBody,
    /// What it points at now.
    pub after: PointersBody,
}
