//! How much a release would change what is answered first, beside the current one.
//!
//! It is a report: fresh data is meant to change answers, and short lists differ by sampling alone. It must never refuse.

use crate::priority;
use crate::snapshot::release::Release;
use crate::snapshot::table::Record;

/// What changed between two releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Churn {
    /// Histories of the current table that the next one holds as well, of those looked at.
    pub compared: u64,
    /// Those of them whose first candidate differs.
    pub changed: u64,
}

impl Churn {
    /// Compares about `histories_max` histories of the current table, evenly spread over it.
    pub fn between(staged: &Release, current: &Release, histories_max: usize) -> Self {
        let lengths = 0..=usize::from(current.table().shape().depth);
        let present: u64 = lengths.clone().map(|length| current.table().present(length)).sum();
        let stride = present.div_ceil(histories_max.max(1) as u64).max(1) as usize;
        let sampled = lengths.flat_map(|length| {
            let shape = current.table().shape();
            let keys = current.table().keys(length).step_by(stride);
            keys.map(move |(key, record)| (shape.history(length, key), record))
        });
        let pairs = sampled.filter_map(|(history, before)| {
            // Between two there may be thousands of keys; others may have the processor.
            priority::offer();
            let indexes: Option<Vec<u32>> = history.iter().map(|&index| translated(index, current, staged)).collect();
            Some((first(current, before), first(staged, staged.table().get(&indexes?)?)))
        });
        pairs.fold(Self::default(), |churn, (before, after)| Self {
            compared: churn.compared + 1,
            changed: churn.changed + u64::from(before != after),
        })
    }

    /// The share that changed; `None` where nothing could be compared.
    pub fn share(&self) -> Option<f64> {
        (self.compared > 0).then(|| self.changed as f64 / self.compared as f64)
    }
}

/// The index of the same cluster in the other release.
fn translated(index: u32, from: &Release, to: &Release) -> Option<u32> {
    from.catalogue().id_at(index).and_then(|id| to.catalogue().index_of(id))
}

fn first(release: &Release, record: Record<'_>) -> Option<u32> {
    record.iter().next().and_then(|(index, _)| release.catalogue().id_at(index))
}
