//! The clusters that an answer was found under; those of a table's suffix never cost an allocation.

use crate::snapshot::catalogue::Catalogue;
use crate::snapshot::format::DEPTH_MAX;

/// Cluster ids, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched(Ids);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ids {
    /// Up to [`DEPTH_MAX`].
    Few { clusters: [u32; DEPTH_MAX as usize], length: usize },
    /// As many as a model reads.
    Many(Vec<u32>),
}

impl Matched {
    /// The ids of a suffix of the table's, which is at most [`DEPTH_MAX`] long.
    pub(super) fn suffix(indexes: &[u32], catalogue: &Catalogue) -> Self {
        let mut clusters = [0; DEPTH_MAX as usize];
        for (slot, &index) in clusters.iter_mut().zip(indexes) {
            *slot = catalogue.id_at(index).unwrap_or_default();
        }
        Self(Ids::Few { clusters, length: indexes.len().min(clusters.len()) })
    }

    /// The ids of what a model read.
    pub(super) fn read(indexes: &[u32], catalogue: &Catalogue) -> Self {
        Self(Ids::Many(indexes.iter().filter_map(|&index| catalogue.id_at(index)).collect()))
    }

    /// The ids, oldest first.
    pub fn as_slice(&self) -> &[u32] {
        match &self.0 {
            Ids::Few { clusters, length } => &clusters[..*length],
            Ids::Many(clusters) => clusters,
        }
    }
}
