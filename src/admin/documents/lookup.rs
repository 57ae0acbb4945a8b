//! The documents of `GET /admin/v1/lookup` and `GET /admin/v1/clusters`: what a history is answered, and cluster names.

use serde::{Deserialize, Serialize};

use crate::lookup::Lookup;
use crate::snapshot::catalogue::Cluster;
use crate::snapshot::manifest::Version;

/// `GET /admin/v1/lookup`: one history, answered side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookupBody {
    /// By the release that serves.
    pub current: Lookup,
    /// By the release that is staged, where one is.
    pub staged: Option<Lookup>,
}

/// `GET /admin/v1/clusters`: what fits that was typed, best first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClustersBody {
    /// The catalogue that was searched.
    pub catalogue: Version,
    /// The clusters.
    pub clusters: Vec<Cluster>,
}
