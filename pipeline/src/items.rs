//! The map from items to clusters, for logs that name items.
//!
//! An item is only a name: `85123A` and `85123` are different items, and `007` is not `7`.

use std::path::Path;

use rustc_hash::FxHashMap;
use segue::snapshot::catalogue::Catalogue;

use crate::read::decode::cluster_index;
use crate::read::{Field, ReadError, Source};
use crate::refusals::{Refusal, Refusals};

/// Which columns of the item map mean what.
#[derive(Clone, Debug)]
pub struct ItemColumns {
    /// The item's name.
    pub item: String,
    /// The id of its cluster.
    pub cluster: String,
}

/// Items and the dense index of each one's cluster.
#[derive(Clone, Debug, Default)]
pub struct Items {
    clusters: FxHashMap<Box<str>, u32>,
}

impl Items {
    /// Reads the map from CSV, plain or gzip. A later row for an item replaces an earlier one.
    ///
    /// # Errors
    /// When the file cannot be read or lacks a column; at the first refused row when strict.
    pub fn read(source: &Source<'_>, columns: &ItemColumns, mut into: Ledger<'_>) -> Result<Self, ReadError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.text()?);
        let header = reader.headers().map_err(|error| source.io()(error.into()))?.clone();
        let item = find(source.path, &header, &columns.item)?;
        let cluster = find(source.path, &header, &columns.cluster)?;
        let mut items = Self::default();
        for record in reader.into_records() {
            let record = record.map_err(|error| source.io()(error.into()))?;
            let row = record.position().map_or(0, csv::Position::line);
            let name = record.get(item).unwrap_or_default();
            let id = record.get(cluster).map_or(Field::Missing, Field::Text);
            match cluster_index(into.catalogue, &id) {
                Ok(index) => drop(items.clusters.insert(name.into(), index)),
                Err(refused) => into.refuse(Refusal::new(&source.name(), row, refused.reason, &refused.got))?,
            }
        }
        Ok(items)
    }

    /// The dense index of an item's cluster.
    pub fn cluster_of(&self, item: &str) -> Option<u32> {
        self.clusters.get(item).copied()
    }
}

/// What a reader checks against and where it enters what it refuses.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// The clusters there are.
    pub catalogue: &'a Catalogue,
    /// The rows that could not be used.
    pub refusals: &'a mut Refusals,
}

impl Ledger<'_> {
    /// Enters one row.
    ///
    /// # Errors
    /// When the policy is strict.
    pub fn refuse(&mut self, refusal: Refusal) -> Result<(), ReadError> {
        Ok(self.refusals.refuse(refusal)?)
    }
}

fn find(path: &Path, header: &csv::StringRecord, expected: &str) -> Result<usize, ReadError> {
    header.iter().position(|column| column == expected).ok_or_else(|| ReadError::Column {
        path: path.to_owned(),
        expected: expected.to_owned(),
        got: header.iter().map(str::to_owned).collect(),
    })
}
