//! What a release will need of disk and memory, by its manifest, and whether there is so much; it must never count what
//! is in memory already.

use std::io;
use std::path::Path;

use indicatif::HumanBytes;

use super::compare::table_bytes;
use super::offer::{Offer, Refusal};
use super::verdict::Finding;
use crate::config::Gates;
use crate::memory::Memory;
use crate::model::manifest::{ModelManifest, WEIGHTS};
use crate::model::open::read_model_manifest;
use crate::snapshot::ingest::FREE_BYTES_MIN;
use crate::snapshot::manifest::{Manifest, TABLE};
use crate::snapshot::store::Store;

/// Heap bytes for each byte of catalogue and golden questions, by measurement: text becomes strings, lists and indexes.
const HEAP_TIMES: u64 = 4;
/// A model's weights are read whole, and stand in memory twice until they are arranged; arranged, they are no larger.
const WEIGHTS_TIMES: u64 = 2;

/// What a release needs of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The table, mapped or copied.
    pub table_bytes: u64,
    /// Catalogue and golden questions, read.
    pub heap_bytes: u64,
    /// The model while it is loaded; 0 where it is in memory already, or is not known yet.
    pub model_bytes: u64,
}

impl Need {
    /// By its manifest, and by its model's where the store has that. `current` is the manifest of what serves, whose model
    /// is in memory.
    pub fn of(release: &Manifest, current: Option<&Manifest>, store: &Store) -> Self {
        let in_memory = current.and_then(|current| current.model.as_ref());
        let wanted = release.model.as_ref().filter(|model| Some(*model) != in_memory);
        let model = wanted.and_then(|model| read_model_manifest(&store.model_path(model)).ok());
        let other = release.files.iter().filter(|file| file.name != TABLE).map(|file| file.bytes);
        Self {
            table_bytes: table_bytes(release),
            heap_bytes: other.fold(0, u64::saturating_add).saturating_mul(HEAP_TIMES),
            model_bytes: model.as_ref().map_or(0, weights_bytes),
        }
    }

    /// By a model's manifest alone.
    pub fn of_model(model: &ModelManifest) -> Self {
        Self { model_bytes: weights_bytes(model), ..Self::default() }
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        self.table_bytes.saturating_add(self.heap_bytes).saturating_add(self.model_bytes)
    }
}

/// Whether so much more fits into memory and leaves free what must be.
pub(super) fn memory(rules: &Gates, need: &Need, memory: &Memory) -> Finding {
    let (Some(free), Some(bound)) = (memory.free_bytes, memory.bound_bytes()) else {
        return Finding::Nothing("neither cgroup nor system says how much memory there is");
    };
    let reserve = (bound as f64 * rules.memory_free_min).ceil() as u64;
    let wanted = need.bytes().saturating_add(reserve);
    let expected = format!(
        "{} free: {} for the release (table {}, catalogue {}, model {}) and {} in reserve",
        HumanBytes(wanted),
        HumanBytes(need.bytes()),
        HumanBytes(need.table_bytes),
        HumanBytes(need.heap_bytes),
        HumanBytes(need.model_bytes),
        HumanBytes(reserve),
    );
    Finding::looked(free >= wanted, expected, format!("{} of {}", HumanBytes(free), HumanBytes(bound))).advised(
        "raise the memory limit to two tables and a model, or build a smaller release; `gates.memory_free_min` is the \
         reserve",
    )
}

/// Refuses what the disk has no room for.
pub(super) fn disk(offer: &Offer<'_>, store: &Store) -> Result<(), Refusal> {
    let needed = offer.parcel.bytes().saturating_add(offer.bytes_waiting);
    // A disk that will not say how much is free will say so when it is written to.
    let free = free_bytes(&offer.parcel.address().kind.home(store)).unwrap_or(u64::MAX);
    if needed <= free { Ok(()) } else { Err(Refusal::Space { needed, free }) }
}

/// Bytes free below the nearest directory that is there, less those that must stay free.
fn free_bytes(home: &Path) -> io::Result<u64> {
    let there = home.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(there).map_err(io::Error::from)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(FREE_BYTES_MIN))
}

fn weights_bytes(model: &ModelManifest) -> u64 {
    model.file(WEIGHTS).map_or(0, |file| file.bytes).saturating_mul(WEIGHTS_TIMES)
}

#[cfg(test)]
mod tests;
