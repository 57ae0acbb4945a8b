//! From the ids of a table's row to the keys that counts are held by.
//!
//! It must never give two histories of one length the same key.

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, PrimitiveArray, RecordBatch};
use segue::snapshot::catalogue::Catalogue;

use crate::kept::gram::DEPTH_MAX;

/// The clusters there are, as digits.
#[derive(Clone, Copy, Debug)]
pub struct Space<'a> {
    catalogue: &'a Catalogue,
    clusters: u64,
}

/// The columns of a batch that name histories.
#[derive(Debug)]
pub struct Histories<'a> {
    columns: [&'a PrimitiveArray<Int32Type>; DEPTH_MAX],
}

impl<'a> Space<'a> {
    /// Of a catalogue.
    ///
    /// # Errors
    /// When histories of `depth` clusters and their next would need more than 64 bits.
    pub fn new(catalogue: &'a Catalogue, depth: u8) -> anyhow::Result<Self> {
        let clusters = catalogue.len() as u64;
        let keys = clusters.checked_pow(u32::from(depth) + 1);
        ensure!(keys.is_some(), "{clusters} clusters and a depth of {depth} make too many histories; count less deep");
        Ok(Self { catalogue, clusters })
    }

    /// The length and the key of a row's history: its clusters as digits, oldest first.
    ///
    /// # Errors
    /// When a cluster is not in the catalogue.
    pub fn history(&self, histories: &Histories<'_>, row: usize) -> anyhow::Result<(usize, u64)> {
        let (mut key, mut place, mut length) = (0, 1_u64, 0);
        for column in histories.columns.iter().take_while(|column| column.is_valid(row)) {
            key += u64::from(self.index(column.value(row))?) * place;
            place = place.saturating_mul(self.clusters);
            length += 1;
        }
        Ok((length, key))
    }

    /// The key of the last `length` clusters of a history.
    pub fn last(&self, key: u64, length: usize) -> u64 {
        (0..length).try_fold(1_u64, |place, _| place.checked_mul(self.clusters)).map_or(key, |place| key % place)
    }

    /// The key of a history and what came after it.
    pub fn with_next(&self, history: u64, next: u32) -> u64 {
        history * self.clusters + u64::from(next)
    }

    /// The dense index of an id.
    ///
    /// # Errors
    /// When the catalogue does not hold it.
    pub fn index(&self, id: i32) -> anyhow::Result<u32> {
        let index = u32::try_from(id).ok().and_then(|id| self.catalogue.index_of(id));
        index.with_context(|| format!("cluster {id} is not in the catalogue; count again with this one"))
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> usize {
        self.catalogue.len()
    }
}

impl<'a> Histories<'a> {
    /// The first columns of every table that has histories.
    pub fn of(batch: &'a RecordBatch) -> Self {
        Self { columns: std::array::from_fn(|place| batch.column(place).as_primitive()) }
    }
}
