//! Where each user's sequence stood when the last run ended, held as the file has it.
//!
//! It must never change: a run writes the next one beside it.

use std::path::Path;

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};

use crate::kept::columns::{CarriedColumns, Ids};
use crate::kept::table::{self, Columns, Table};
use crate::kept::walk::Standing;
use crate::sort::SortError;

/// The standings of all users that were ever met, ascending by user.
#[derive(Debug)]
pub struct Carried {
    ids: Ids,
    batches: Vec<RecordBatch>,
    /// The first user of each batch.
    firsts: Vec<i64>,
}

impl Carried {
    /// Nobody's.
    pub fn empty(ids: Ids) -> Self {
        Self { ids, batches: Vec::new(), firsts: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or when a user or a cluster is out of place.
    pub fn read(path: &Path, ids: Ids) -> anyhow::Result<Self> {
        let mut carried = Self::empty(ids);
        table::read_file(path, &CarriedColumns::schema(), |batch| carried.take(batch))
            .with_context(|| format!("{} is damaged; count into another directory", path.display()))?;
        Ok(carried)
    }

    /// The standing of a user; `None` for a new one.
    pub fn of(&self, user: i64) -> Option<Standing> {
        let batch = self.firsts.partition_point(|first| *first <= user).checked_sub(1)?;
        let users = self.batches[batch].column(0).as_primitive::<Int64Type>().values();
        users.binary_search(&user).ok().map(|row| self.standing(&self.batches[batch], row))
    }

    /// Writes the standings that follow on these: `changed`, ascending by user, in the place of theirs. Gives the number of users.
    ///
    /// # Errors
    /// When what was spilled cannot be read back or the file cannot be written.
    pub fn write_next(
        &self,
        path: &Path,
        changed: impl Iterator<Item = Result<Standing, SortError>>,
    ) -> anyhow::Result<u64> {
        let mut table = Table::create(path, CarriedColumns::new(self.ids.clone()))?;
        let mut old = self.all().peekable();
        for standing in changed {
            let standing = standing?;
            while let Some(before) = old.next_if(|before| before.user < standing.user) {
                table.push(&before)?;
            }
            old.next_if(|before| before.user == standing.user);
            table.push(&standing)?;
        }
        old.try_for_each(|before| table.push(&before))?;
        table.finish()
    }

    fn all(&self) -> impl Iterator<Item = Standing> {
        self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| self.standing(batch, row)))
    }

    fn take(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let users = batch.column(0).as_primitive::<Int64Type>().values();
        let before = self.batches.last().and_then(|last| last.column(0).as_primitive::<Int64Type>().values().last());
        ensure!(before.into_iter().chain(users.iter()).is_sorted(), "users are not ascending");
        for clusters in [2, 6].map(|column| batch.column(column).as_list::<i32>().values()) {
            clusters.as_primitive::<Int32Type>().values().iter().try_for_each(|id| self.ids.index_of(*id).map(drop))?;
        }
        if let Some(first) = users.first() {
            self.firsts.push(*first);
            self.batches.push(batch.clone());
        }
        Ok(())
    }

    fn standing(&self, batch: &RecordBatch, row: usize) -> Standing {
        let long = |column: usize| batch.column(column).as_primitive::<Int64Type>();
        let clusters = |column: usize| {
            let ids = batch.column(column).as_list::<i32>().value(row);
            let known = |id: &i32| self.ids.index_of(*id).expect("every id was looked up when the batch was taken");
            ids.as_primitive::<Int32Type>().values().iter().map(known).collect()
        };
        Standing {
            user: long(0).value(row),
            last_us: long(1).value(row),
            items: clusters(2),
            first_us: long(3).is_valid(row).then(|| long(3).value(row)),
            day: batch.column(4).as_primitive::<Int32Type>().value(row),
            day_steps: u32::try_from(long(5).value(row)).unwrap_or(u32::MAX),
            tail: clusters(6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::tests::catalogue;

    fn standing(user: i64, items: &[u32]) -> Standing {
        Standing { user, last_us: user * 10, items: items.to_vec(), tail: vec![1], ..Standing::default() }
    }

    fn next(carried: &Carried, path: &Path, changed: &[Standing]) -> Carried {
        carried.write_next(path, changed.iter().cloned().map(Ok)).unwrap();
        Carried::read(path, carried.ids.clone()).unwrap()
    }

    #[test]
    fn the_next_file_has_the_changed_and_the_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let none = Carried::empty(Ids::new(&catalogue(5)).unwrap());
        let first = next(&none, &dir.path().join("a"), &[standing(-5, &[1]), standing(2, &[0, 4]), standing(9, &[])]);
        let changed = Standing { first_us: Some(7), day: -3, day_steps: 8, ..standing(2, &[3]) };
        let second = next(&first, &dir.path().join("b"), &[standing(-9, &[]), changed.clone(), standing(11, &[2])]);
        let users: Vec<i64> = second.all().map(|standing| standing.user).collect();
        assert_eq!(users, [-9, -5, 2, 9, 11]);
        assert_eq!(second.of(2), Some(changed));
        assert_eq!(second.of(-5), Some(standing(-5, &[1])));
        assert_eq!((second.of(3), second.of(-10), second.of(99)), (None, None, None));
    }
}
