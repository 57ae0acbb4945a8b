//! The structures in memory that a service would otherwise use: hash maps, a sorted array, a perfect hash.
//!
//! Keys are the table's integers and hashes the fastest in use, so that the comparison is with these at their best.

use dashmap::DashMap;
use hashbrown::HashMap;
use ptr_hash::{DefaultPtrHash, PtrHashParams};
use rustc_hash::FxBuildHasher;

use super::{Structure, ends};
use crate::rows::{Record, Rows, mix};

/// The map behind `std::collections::HashMap`, with the hash that rustc uses.
#[derive(Debug)]
pub struct Hashbrown {
    map: HashMap<u64, Record, FxBuildHasher>,
    rows: Rows,
}

impl Hashbrown {
    /// Fills the map.
    pub fn build(rows: Rows, count: usize) -> Self {
        let mut map = HashMap::with_capacity_and_hasher(count, FxBuildHasher);
        map.extend(rows.keys().map(|key| (key, rows.record(key))));
        Self { map, rows }
    }
}

impl Structure for Hashbrown {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        self.map.get(&self.rows.key(history)).map_or(0, |record| ends(record))
    }
}

/// A map that can be changed while it is read.
#[derive(Debug)]
pub struct Dash {
    map: DashMap<u64, Record, FxBuildHasher>,
    rows: Rows,
}

impl Dash {
    /// Fills the map.
    pub fn build(rows: Rows, count: usize) -> Self {
        let map = DashMap::with_capacity_and_hasher(count, FxBuildHasher);
        for key in rows.keys() {
            map.insert(key, rows.record(key));
        }
        Self { map, rows }
    }
}

impl Structure for Dash {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        self.map.get(&self.rows.key(history)).map_or(0, |record| ends(record.value()))
    }
}

/// Sorted keys beside their records.
#[derive(Debug)]
pub struct Sorted {
    keys: Vec<u64>,
    records: Vec<Record>,
    rows: Rows,
}

impl Sorted {
    /// Fills both arrays.
    pub fn build(rows: Rows) -> Self {
        let keys: Vec<_> = rows.keys().collect();
        let records = keys.iter().map(|key| rows.record(*key)).collect();
        Self { keys, records, rows }
    }
}

impl Structure for Sorted {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        let found = self.keys.binary_search(&self.rows.key(history)).ok();
        found.and_then(|rank| self.records.get(rank)).map_or(0, |record| ends(record))
    }
}

/// A minimal perfect hash over the keys present, with a fingerprint to refuse the others (wrong once in 2^32).
pub struct PerfectHash {
    hash: DefaultPtrHash,
    slots: Vec<(u32, Record)>,
    rows: Rows,
}

impl PerfectHash {
    /// Computes the hash, then places the records.
    pub fn build(rows: Rows) -> Self {
        let keys: Vec<_> = rows.keys().collect();
        let hash = DefaultPtrHash::new(&keys, PtrHashParams::default());
        let mut slots = vec![(0, [0; crate::rows::RECORD_BYTES]); keys.len()];
        for key in keys {
            slots[hash.index(&key)] = (fingerprint(key), rows.record(key));
        }
        Self { hash, slots, rows }
    }
}

impl Structure for PerfectHash {
    #[inline(always)]
    fn find(&self, history: [u32; 2]) -> u64 {
        let key = self.rows.key(history);
        let slot = self.slots.get(self.hash.index(&key)).filter(|(print, _)| *print == fingerprint(key));
        slot.map_or(0, |(_, record)| ends(record))
    }
}

#[inline]
fn fingerprint(key: u64) -> u32 {
    mix(key) as u32
}
