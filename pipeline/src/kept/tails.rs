//! Where users are, over all directories: those that go on from another take back where its users were.
//!
//! It must never count a user twice.

use anyhow::Context;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use rustc_hash::FxHashMap;

use crate::count::Tails;
use crate::kept::columns::TailColumns;
use crate::kept::format::TAILS;
use crate::kept::merge::Given;
use crate::kept::space::{Histories, Space};
use crate::kept::table::{self, Columns};

/// Users by the key of their last clusters, at most `depth`, at `length - 1`.
///
/// # Errors
/// When a table cannot be read.
pub fn read(given: &[&Given], space: &Space<'_>, depth: u8) -> anyhow::Result<Tails> {
    let mut sums = vec![FxHashMap::<u64, i64>::default(); usize::from(depth)];
    for given in given {
        let dir = given.dir.join(TAILS);
        table::read(&dir, &TailColumns::schema(), |batch| take(batch, space, &mut sums))
            .with_context(|| format!("{} cannot be merged", dir.display()))?;
    }
    // Negative where the directory before is not among those given: its users are elsewhere.
    let there =
        |(key, users): (u64, i64)| u64::try_from(users).ok().filter(|users| *users > 0).map(|users| (key, users));
    Ok(sums.into_iter().map(|sums| sums.into_iter().filter_map(there).collect()).collect())
}

fn take(batch: &RecordBatch, space: &Space<'_>, sums: &mut [FxHashMap<u64, i64>]) -> anyhow::Result<()> {
    let histories = Histories::of(batch);
    let users = batch.column(3).as_primitive::<Int64Type>().values();
    for (row, users) in users.iter().enumerate() {
        let (length, key) = space.history(&histories, row)?;
        let length = length.min(sums.len());
        if let Some(sums) = length.checked_sub(1).and_then(|at| sums.get_mut(at)) {
            *sums.entry(space.last(key, length)).or_default() += users;
        }
    }
    Ok(())
}
