//! Sorting more rows than memory holds: sorted runs spilled to temporary files, then merged.
//!
//! The sort is stable, within a run and across runs, and says nothing about what the rows are. Written here because the crates for it
//! bound the number of rows, not their bytes, or do not keep the order of equal rows.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Runs merged at once: well below the usual limit of 1,024 open files. When so many are on disk, they are merged into one.
const RUNS_MAX: usize = 128;

/// Bytes of buffer per run while merging.
const RUN_BUFFER_BYTES: usize = 64 * 1024;

/// A row that can be ordered, spilled and read back.
pub trait Row: Sized {
    /// The order of the sorted rows; rows that are equal in it stay in the order in which they were pushed.
    fn order(&self, other: &Self) -> Ordering;
    /// Bytes the row takes in memory.
    fn bytes(&self) -> usize;
    /// Writes the row so that [`Row::read`] gives it back.
    ///
    /// # Errors
    /// Those of the output.
    fn write(&self, out: &mut impl Write) -> io::Result<()>;
    /// Reads one row.
    ///
    /// # Errors
    /// Those of the input, and its end.
    fn read(input: &mut impl Read) -> io::Result<Self>;
}

/// Why sorting stopped.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} a sorted run in {}: {source}; free space there or raise --memory-mb", dir.display())]
pub struct SortError {
    what: &'static str,
    dir: PathBuf,
    source: io::Error,
}

/// Takes rows in any order.
#[derive(Debug)]
pub struct Sorter<R> {
    rows: Vec<R>,
    bytes: usize,
    bytes_max: usize,
    runs: Vec<Run>,
    spills: usize,
    dir: PathBuf,
}

impl<R: Row> Sorter<R> {
    /// A sorter that holds about `bytes_max` bytes of rows and spills into unnamed files in `dir`, which vanish with the process.
    pub fn new(dir: &Path, bytes_max: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, bytes_max, runs: Vec::new(), spills: 0, dir: dir.to_owned() }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// When a run cannot be spilled.
    pub fn push(&mut self, row: R) -> Result<(), SortError> {
        self.bytes += row.bytes();
        self.rows.push(row);
        if self.bytes >= self.bytes_max { self.spill() } else { Ok(()) }
    }

    /// How many runs were spilled so far.
    pub fn spills(&self) -> usize {
        self.spills
    }

    /// All rows, sorted.
    ///
    /// # Errors
    /// When the last run cannot be spilled or a run cannot be read.
    pub fn finish(mut self) -> Result<Sorted<R>, SortError> {
        if self.runs.is_empty() {
            self.rows.sort_by(R::order);
            return Ok(Sorted::Held(self.rows.into_iter()));
        }
        self.spill()?;
        Ok(Sorted::Merged(Merge::new(self.runs, self.dir)?))
    }

    fn spill(&mut self) -> Result<(), SortError> {
        self.rows.sort_by(R::order);
        let run = Run::write(&self.dir, self.rows.drain(..).map(Ok))?;
        self.runs.push(run);
        self.bytes = 0;
        self.spills += 1;
        if self.runs.len() < RUNS_MAX { Ok(()) } else { self.merge_runs() }
    }

    fn merge_runs(&mut self) -> Result<(), SortError> {
        let merge = Merge::<R>::new(std::mem::take(&mut self.runs), self.dir.clone())?;
        let run = Run::write(&self.dir, merge)?;
        self.runs.push(run);
        Ok(())
    }
}

/// Sorted rows, from memory or from a merge.
#[derive(Debug)]
pub enum Sorted<R> {
    /// Everything fitted.
    Held(std::vec::IntoIter<R>),
    /// Runs were spilled.
    Merged(Merge<R>),
}

impl<R: Row> Iterator for Sorted<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Held(rows) => rows.next().map(Ok),
            Self::Merged(merge) => merge.next(),
        }
    }
}

/// Merges runs; of equal rows the earlier run's comes first.
#[derive(Debug)]
pub struct Merge<R> {
    heads: BinaryHeap<Head<R>>,
    runs: Vec<Run>,
    dir: PathBuf,
}

impl<R: Row> Merge<R> {
    fn new(runs: Vec<Run>, dir: PathBuf) -> Result<Self, SortError> {
        let mut merge = Self { heads: BinaryHeap::with_capacity(runs.len()), runs, dir };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, run: usize) -> Result<(), SortError> {
        let row = self.runs[run].next().map_err(failed("read", &self.dir))?;
        self.heads.extend(row.map(|row| Head { row, run }));
        Ok(())
    }
}

impl<R: Row> Iterator for Merge<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        let head = self.heads.pop()?;
        Some(self.advance(head.run).map(|()| head.row))
    }
}

/// A sorted run on disk, read from its start.
#[derive(Debug)]
struct Run {
    input: BufReader<File>,
    rows_left: u64,
}

impl Run {
    fn write<R: Row>(dir: &Path, rows: impl Iterator<Item = Result<R, SortError>>) -> Result<Self, SortError> {
        let file = tempfile::tempfile_in(dir).map_err(failed("create", dir))?;
        let mut out = BufWriter::with_capacity(RUN_BUFFER_BYTES, file);
        let mut rows_left = 0;
        for row in rows {
            row?.write(&mut out).map_err(failed("write", dir))?;
            rows_left += 1;
        }
        let input = rewound(out).map_err(failed("write", dir))?;
        Ok(Self { input, rows_left })
    }

    fn next<R: Row>(&mut self) -> io::Result<Option<R>> {
        if self.rows_left == 0 {
            return Ok(None);
        }
        self.rows_left -= 1;
        R::read(&mut self.input).map(Some)
    }
}

fn rewound(out: BufWriter<File>) -> io::Result<BufReader<File>> {
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::with_capacity(RUN_BUFFER_BYTES, file))
}

fn failed<'a>(what: &'static str, dir: &'a Path) -> impl FnOnce(io::Error) -> SortError + 'a {
    move |source| SortError { what, dir: dir.to_owned(), source }
}

/// The next row of one run. The heap gives its greatest, so the order is turned round.
#[derive(Debug)]
struct Head<R> {
    row: R,
    run: usize,
}

impl<R: Row> Ord for Head<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.row.order(&self.row).then(other.run.cmp(&self.run))
    }
}

impl<R: Row> PartialOrd for Head<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Row> PartialEq for Head<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Row> Eq for Head<R> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    /// Many rows with equal keys, told apart by their cluster, which the order ignores.
    fn rows() -> Vec<Event> {
        (0..5_000_u32)
            .map(|at| Event { user: at * 7919 % 50, cluster: at, time_us: i64::from(at * 31 % 17) - 8 })
            .collect()
    }

    fn check(bytes_max: usize, spills: std::ops::RangeInclusive<usize>) {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), bytes_max);
        for row in rows() {
            sorter.push(row).unwrap();
        }
        assert!(spills.contains(&sorter.spills()), "{} spills", sorter.spills());
        let mut expected = rows();
        expected.sort_by_key(|row| (row.user, row.time_us));
        let sorted: Vec<Event> = sorter.finish().unwrap().map(Result::unwrap).collect();
        assert_eq!(sorted, expected, "{bytes_max} bytes");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the runs have no name");
    }

    #[test]
    fn sorts_stably_in_memory_from_a_few_runs_and_from_runs_of_runs() {
        check(usize::MAX, 0..=0);
        check(16 * 1024, 4..=4);
        check(16 * 10, RUNS_MAX * 3..=500);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let mut sorter = Sorter::new(Path::new("/nowhere/at/all"), 1);
        assert!(sorter.push(rows()[0]).unwrap_err().to_string().contains("/nowhere/at/all"));
    }
}
