//! Merged counts on disk, so that a run that goes on leans on the very counts that it began with.
//!
//! Noise is drawn once a release: merging again would draw, and give away, more of it.
//!
//! ```text
//! merged.parquet   length UINT32, key UINT64, weight UINT64, seen UINT32, users UINT32   by length and key
//! tails.parquet    length UINT32, key UINT64, users UINT64                               by length and key
//! ```
//!
//! A key is a history and the cluster after it, as digits in the base of the number of clusters; of length 0, the cluster alone.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use segue::snapshot::store::sync_dir;

use crate::count::{Counts, Tails};
use crate::tally::Cell;

const MERGED: &str = "merged.parquet";
const TAILS: &str = "tails.parquet";
/// Rows handed to Parquet at once.
const BATCH_ROWS: usize = 1 << 16;

/// Writes counts; gives the number of their rows.
///
/// # Errors
/// When a file cannot be written.
pub fn write(dir: &Path, counts: &Counts) -> anyhow::Result<u64> {
    let rows: Vec<(u32, u64, Cell)> = rows(counts).collect();
    let columns = |rows: &[(u32, u64, Cell)]| -> Vec<(&str, ArrayRef)> {
        let small = |value: fn(&(u32, u64, Cell)) -> u32| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<UInt32Array>())
        };
        let large = |value: fn(&(u32, u64, Cell)) -> u64| -> ArrayRef {
            Arc::new(rows.iter().map(value).collect::<UInt64Array>())
        };
        vec![
            ("length", small(|row| row.0)),
            ("key", large(|row| row.1)),
            ("weight", large(|row| row.2.weight)),
            ("seen", small(|row| row.2.seen)),
            ("users", small(|row| row.2.users)),
        ]
    };
    write_table(&dir.join(MERGED), &rows, columns)?;
    write_tails(&dir.join(TAILS), &counts.tails)?;
    sync_dir(dir).with_context(|| format!("cannot write {}", dir.display()))?;
    Ok(rows.len() as u64)
}

/// Reads them back.
///
/// # Errors
/// When a file cannot be read.
pub fn read(dir: &Path, depth: u8) -> anyhow::Result<Counts> {
    let mut popular = Vec::new();
    let mut levels: Vec<Vec<(u64, Cell)>> = vec![Vec::new(); usize::from(depth)];
    read_table(&dir.join(MERGED), |batch| {
        let (lengths, keys, weights) = (small(batch, 0), large(batch, 1), large(batch, 2));
        let (seen, users) = (small(batch, 3), small(batch, 4));
        for at in 0..batch.num_rows() {
            let cell = Cell { weight: weights.value(at), seen: seen.value(at), users: users.value(at) };
            match lengths.value(at).checked_sub(1) {
                None => popular.push(cell),
                Some(level) => levels[level as usize].push((keys.value(at), cell)),
            }
        }
    })?;
    Ok(Counts::from_cells(popular, levels, read_tails(&dir.join(TAILS), depth)?))
}

/// Every cell with its length and key; of length 0 every cluster, whether it was met or not.
fn rows(counts: &Counts) -> impl Iterator<Item = (u32, u64, Cell)> {
    let clusters = u64::from(counts.clusters);
    let popular = (0..).zip(&counts.popular).map(|(cluster, cell)| (0, cluster, *cell));
    let level = move |(length, level): (u32, &'_ crate::count::Level)| -> Vec<(u32, u64, Cell)> {
        let row = |row: usize| {
            level
                .places(row)
                .map(move |at| (length, level.histories[row] * clusters + u64::from(level.nexts[at]), level.cells[at]))
        };
        (0..level.histories.len()).flat_map(row).collect()
    };
    popular.chain((1..).zip(&counts.levels).flat_map(level))
}

fn write_tails(path: &Path, tails: &Tails) -> anyhow::Result<()> {
    let mut rows: Vec<(u32, u64, u64)> = (1..)
        .zip(tails)
        .flat_map(|(length, tails)| tails.iter().map(move |(key, users)| (length, *key, *users)))
        .collect();
    rows.sort_unstable();
    write_table(path, &rows, |rows| {
        vec![
            ("length", Arc::new(rows.iter().map(|row| row.0).collect::<UInt32Array>())),
            ("key", Arc::new(rows.iter().map(|row| row.1).collect::<UInt64Array>())),
            ("users", Arc::new(rows.iter().map(|row| row.2).collect::<UInt64Array>())),
        ]
    })
}

fn read_tails(path: &Path, depth: u8) -> anyhow::Result<Tails> {
    let mut tails: Tails = vec![rustc_hash::FxHashMap::default(); usize::from(depth)];
    read_table(path, |batch| {
        let (lengths, keys, users) = (small(batch, 0), large(batch, 1), large(batch, 2));
        for at in 0..batch.num_rows() {
            tails[lengths.value(at) as usize - 1].insert(keys.value(at), users.value(at));
        }
    })?;
    Ok(tails)
}

fn write_table<R>(
    path: &Path,
    rows: &[R],
    columns: impl Fn(&[R]) -> Vec<(&'static str, ArrayRef)>,
) -> anyhow::Result<()> {
    let write = || {
        let mut writer =
            ArrowWriter::try_new(File::create(path)?, RecordBatch::try_from_iter(columns(&[]))?.schema(), None)?;
        for rows in rows.chunks(BATCH_ROWS) {
            writer.write(&RecordBatch::try_from_iter(columns(rows))?)?;
        }
        anyhow::Ok(writer.into_inner()?.sync_all()?)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn read_table(path: &Path, mut visit: impl FnMut(&RecordBatch)) -> anyhow::Result<()> {
    let mut read = || {
        for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()? {
            visit(&batch?);
        }
        anyhow::Ok(())
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

fn small(batch: &RecordBatch, column: usize) -> &UInt32Array {
    batch.column(column).as_primitive::<UInt32Type>()
}

fn large(batch: &RecordBatch, column: usize) -> &UInt64Array {
    batch.column(column).as_primitive::<UInt64Type>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Counter;
    use crate::decay::Decay;
    use crate::sequence::Step;

    #[test]
    fn counts_come_back_as_they_went() {
        let mut counter = Counter::new(6, 2, Decay::new(0, None));
        for (user, sequence) in [(0, &[0, 1, 2][..]), (1, &[2, 3, 0, 1]), (2, &[4, 5]), (3, &[2, 0, 1, 2])] {
            counter
                .add(user, &sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect::<Vec<_>>());
        }
        let counts = counter.finish();
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &counts).unwrap();
        let back = read(dir.path(), 2).unwrap();
        assert_eq!((back.clusters, &back.popular, &back.levels), (counts.clusters, &counts.popular, &counts.levels));
        assert_eq!(back.tails, counts.tails);
    }
}
