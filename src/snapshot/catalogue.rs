//! The catalogue: every cluster a release knows, and the dense index by which its table calls each.
//!
//! A cluster's index is the rank of its id in ascending order, so ids may be sparse while the table stays dense.
//! It never answers from anything but its own sorted list.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::lines::{LINE_BYTES_MAX, Line, lines};

/// A topical group of items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The id that callers use; any `u32`, unique in its catalogue.
    pub id: u32,
    /// A short name for people.
    pub name: String,
    /// The words that describe the group, most telling first.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The broader cluster this one belongs to, if the taxonomy has levels.
    #[serde(default)]
    pub parent: Option<u32>,
}

/// Why a catalogue was refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It holds nothing.
    #[error("the catalogue is empty, expected at least one cluster; check the file that it was read from")]
    Empty,
    /// Two clusters share an id.
    #[error("cluster id {id} stands twice in the catalogue, expected once; drop or renumber one of them")]
    Duplicate {
        /// The id that came twice.
        id: u32,
    },
    /// A line is not a cluster.
    #[error("catalogue line {line} is not a cluster: {source}; expected {{\"id\":1,\"name\":\"...\",\"keywords\":[]}}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// A line goes on without an end.
    #[error("catalogue line {line} has more than {LINE_BYTES_MAX} bytes; expected a cluster a line")]
    LongLine {
        /// Its number, from 1.
        line: usize,
    },
    /// The bytes could not be read.
    #[error("the catalogue could not be read: {0}")]
    Io(#[from] io::Error),
}

/// Every cluster of a release, ascending by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    clusters: Vec<Cluster>,
    /// The ids of `clusters`, close together: an answer looks up each of its candidates here.
    ids: Vec<u32>,
    indexes: Indexes,
}

/// From id to index.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Indexes {
    /// `by_id[id]` is the index, or [`ABSENT`]: one load, for ids that are small numbers (the usual case).
    Direct(Vec<u32>),
    /// Binary search over the sorted clusters, for ids that are spread out.
    Sorted,
}

/// Marks an id that no cluster has in [`Indexes::Direct`].
const ABSENT: u32 = u32::MAX;

/// Ids up to this bound are looked up directly: a table of at most 4 MiB, which stays in cache where it is used.
const DIRECT_IDS_MAX: u32 = 1 << 20;

impl Catalogue {
    /// Sorts the clusters by id and refuses an empty list or an id that comes twice.
    pub fn new(mut clusters: Vec<Cluster>) -> Result<Self, CatalogueError> {
        clusters.sort_by_key(|cluster| cluster.id);
        if let Some(pair) = clusters.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(CatalogueError::Duplicate { id: pair[0].id });
        }
        let highest = clusters.last().ok_or(CatalogueError::Empty)?.id;
        let indexes = Indexes::new(&clusters, highest);
        let ids = clusters.iter().map(|cluster| cluster.id).collect();
        Ok(Self { clusters, ids, indexes })
    }

    /// Reads one cluster per line of JSON; blank lines are skipped.
    pub fn read_jsonl(reader: impl BufRead) -> Result<Self, CatalogueError> {
        let mut clusters = Vec::new();
        for (position, line) in lines(reader).enumerate() {
            let Line::Text(line) = line? else { return Err(CatalogueError::LongLine { line: position + 1 }) };
            if !line.trim().is_empty() {
                let parsed = serde_json::from_str(&line);
                clusters.push(parsed.map_err(|source| CatalogueError::Line { line: position + 1, source })?);
            }
        }
        Self::new(clusters)
    }

    /// Writes one cluster per line of JSON, ascending by id: the same catalogue always gives the same bytes.
    pub fn write_jsonl(&self, mut writer: impl Write) -> io::Result<()> {
        for cluster in &self.clusters {
            serde_json::to_writer(&mut writer, cluster)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()
    }

    /// How many clusters there are.
    #[allow(clippy::len_without_is_empty, reason = "a catalogue is never empty")]
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Every cluster, ascending by id; its position is its index.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The dense index of a cluster, `None` where the catalogue has no such id.
    #[inline]
    pub fn index_of(&self, id: u32) -> Option<u32> {
        match &self.indexes {
            Indexes::Direct(by_id) => by_id.get(id as usize).copied().filter(|&index| index != ABSENT),
            Indexes::Sorted => {
                let found = self.ids.binary_search(&id).ok();
                found.and_then(|index| u32::try_from(index).ok())
            }
        }
    }

    /// The id at a dense index, `None` above the last.
    #[inline]
    pub fn id_at(&self, index: u32) -> Option<u32> {
        self.ids.get(index as usize).copied()
    }

    /// The cluster at a dense index, `None` above the last.
    #[inline]
    pub fn at(&self, index: u32) -> Option<&Cluster> {
        self.clusters.get(index as usize)
    }

    /// The cluster with an id.
    pub fn cluster(&self, id: u32) -> Option<&Cluster> {
        self.index_of(id).and_then(|index| self.at(index))
    }
}

impl Indexes {
    fn new(clusters: &[Cluster], highest: u32) -> Self {
        if highest > DIRECT_IDS_MAX {
            return Self::Sorted;
        }
        let mut by_id = vec![ABSENT; highest as usize + 1];
        for (index, cluster) in (0..).zip(clusters) {
            by_id[cluster.id as usize] = index;
        }
        Self::Direct(by_id)
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, CatalogueError, Cluster};

    fn of(ids: &[u32]) -> Result<Catalogue, CatalogueError> {
        let cluster = |&id| Cluster { id, name: format!("c{id}"), keywords: vec![], parent: None };
        Catalogue::new(ids.iter().map(cluster).collect())
    }

    #[test]
    fn indexes_are_ranks_of_ids_dense_or_sparse() {
        for ids in [&[3, 1, 2][..], &[0], &[7, 1 << 19], &[5, u32::MAX, 9]] {
            let catalogue = of(ids).expect("distinct ids");
            let mut sorted = ids.to_vec();
            sorted.sort_unstable();
            for (index, id) in (0..).zip(sorted) {
                assert_eq!((catalogue.index_of(id), catalogue.id_at(index)), (Some(index), Some(id)));
            }
            assert_eq!((catalogue.index_of(4), catalogue.id_at(3)), (None, None));
        }
    }

    #[test]
    fn bad_catalogues_are_refused() {
        assert!(matches!(of(&[]), Err(CatalogueError::Empty)));
        assert!(matches!(of(&[4, 1, 4]), Err(CatalogueError::Duplicate { id: 4 })));
        let bad = Catalogue::read_jsonl(&b"{\"id\":1,\"name\":\"a\"}\n\n{\"id\":2}\n"[..]);
        assert!(matches!(bad, Err(CatalogueError::Line { line: 3, .. })));
    }

    #[test]
    fn jsonl_round_trips() {
        let catalogue = of(&[9, 4]).expect("distinct ids");
        let mut bytes = Vec::new();
        catalogue.write_jsonl(&mut bytes).expect("a Vec takes every write");
        assert_eq!(Catalogue::read_jsonl(&bytes[..]).expect("just written"), catalogue);
    }
}
